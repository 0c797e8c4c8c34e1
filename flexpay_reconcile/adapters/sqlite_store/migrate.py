"""Brings a database to this version's schema: forward only, all pending steps and their record in one transaction.

A database of a newer version is refused, and so is a file that is not ours. Touches no row of ours but the lease,
which it reads: nobody's schema is changed under a running daemon.
"""

from __future__ import annotations

import contextlib
import fcntl
import functools
import os
import re
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING

from flexpay_reconcile.adapters.sqlite_store import faults, queries
from flexpay_reconcile.adapters.sqlite_store.connection import Database
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, OperatorError
from flexpay_reconcile.values.instant import Instant

if TYPE_CHECKING:
    from sqlite_utils import Database as Utils

APPLICATION_ID = int.from_bytes(b"FLXP", "big")
SET_NAME = "flexpay"
_FILE = re.compile(r"^(\d{4})_\w+\.sql$")
_STRICT_SINCE = (3, 37, 0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Migration:
    """One numbered step. After it `PRAGMA user_version` is its number."""

    number: int
    name: str
    statements: tuple[str, ...]


@functools.cache
def migrations() -> tuple[Migration, ...]:
    """Every step of this version, numbered from 1 without a gap."""
    found = []
    for entry in files(f"{__package__}.migrations").iterdir():
        if match := _FILE.match(entry.name):
            statements = tuple(_statements(entry.read_text(encoding="utf-8")))
            found.append(Migration(number=int(match[1]), name=entry.name.removesuffix(".sql"), statements=statements))
    found.sort(key=lambda each: each.number)
    if [each.number for each in found] != list(range(1, len(found) + 1)):
        raise BrokenInvariant("the migrations are not numbered 1, 2, 3, …")
    return tuple(found)


def migrate(database: Database, *, now: Instant | None = None, allowed: bool = True) -> int:
    """Apply what is pending; returns how many steps. `now` judges the daemon's lease; None: any holder is in the way.

    Without `allowed` an empty or older database is refused instead.
    """
    try:
        with _alone(database.path):
            return _migrate(database, now, allowed=allowed)
    except sqlite3.Error as error:
        raise faults.translate(error, database.where) from None


@contextlib.contextmanager
def _alone(path: Path | None) -> Iterator[None]:
    """Let one process at a time look at a file and change its schema; SQLite waits for nobody when a log begins.

    The lock is on the directory: closing a handle of the database file itself would drop SQLite's own locks.
    """
    if path is None:
        yield
        return
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _migrate(database: Database, now: Instant | None, *, allowed: bool) -> int:
    connection = database.connection()
    wanted = migrations()[-1].number
    version = _version(connection, database.where, wanted)
    if version == wanted:
        _keep_a_log(database, connection)
        return 0
    if not allowed:
        if version == 0:
            raise OperatorError(f"{database.where} is empty", code="E-state-missing", hint="run `flexpay apply`")
        raise OperatorError(
            f"{database.where} has schema {version}, this version of flexpay works with {wanted}",
            code="E-state-old",
            hint="stop the daemon and run `flexpay apply`",
        )
    if version > 0:
        _back_up(database, connection, version)
    _keep_a_log(database, connection)
    connection.execute("BEGIN IMMEDIATE")
    try:
        if version > 0:
            _refuse_under_a_daemon(database, connection, now)
        _apply(connection, version)
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
    return wanted - version


def _keep_a_log(database: Database, connection: sqlite3.Connection) -> None:
    """Write-ahead logging, which the file remembers; asked only of a file that is ours."""
    mode = connection.execute("PRAGMA journal_mode = WAL").fetchone()[0]
    if database.path is not None and mode != "wal":
        raise OperatorError(
            f"{database.where} cannot keep a write-ahead log",
            code="E-state-open",
            hint="put the state on a local file system",
        )


def _apply(connection: sqlite3.Connection, version: int) -> None:
    """Run the steps above `version` inside the open transaction, each with its record, by sqlite-utils' runner."""
    import sqlite_utils  # noqa: PLC0415 - 0.2 s that only a migration has to pay

    steps = sqlite_utils.Migrations(SET_NAME)
    for each in migrations():
        steps(name=each.name)(_runner(each))
    steps.apply(sqlite_utils.Database(connection, execute_plugins=False))
    reached = connection.execute("PRAGMA user_version").fetchone()[0]
    if reached != migrations()[-1].number:
        raise BrokenInvariant(f"the migrations led from schema {version} to {reached}")


def _runner(step: Migration) -> Callable[[Utils], None]:
    """The step as sqlite-utils runs it."""

    def run(utils: Utils) -> None:
        for statement in step.statements:
            utils.conn.execute(statement)

    return run


def _version(connection: sqlite3.Connection, where: str, wanted: int) -> int:
    """The schema version of the database; 0 when it is empty. Refuses what is not ours or is newer."""
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    owner = int(connection.execute("PRAGMA application_id").fetchone()[0])
    empty = int(connection.execute("PRAGMA schema_version").fetchone()[0]) == 0
    if owner != APPLICATION_ID and not (empty and owner == 0 and version == 0):
        raise OperatorError(
            f"{where} is not a FlexPay state: it belongs to another program",
            code="E-state-foreign",
            hint="name another file with --state",
        )
    if version < 0 or (version == 0 and not empty):
        raise OperatorError(
            f"{where} is damaged: it says it has schema {version}, and it is not empty",
            code="E-state-corrupt",
            hint="stop the daemon and restore a backup; do not delete the file",
        )
    if version > wanted:
        raise OperatorError(
            f"{where} was written by a newer flexpay (schema {version}; this version knows {wanted})",
            code="E-state-newer",
            hint="install the newer version again, or restore a backup made before it",
        )
    return version


def _refuse_under_a_daemon(database: Database, connection: sqlite3.Connection, now: Instant | None) -> None:
    row = connection.execute(queries.load("leases")["current"].sql).fetchone()
    if row is not None and (now is None or row[2] > now.ms):
        raise OperatorError(
            f"{database.where} is in use by the daemon {row[0]}",
            code="E-state-in-use",
            hint="stop the daemon, then try again",
            kind=ErrorKind.LOCK_HELD,
        )


def _back_up(database: Database, connection: sqlite3.Connection, version: int) -> None:
    """Copy a file that is about to change to `<name>.schema-<version>.bak`, readable by its owner only."""
    if database.path is None:
        return
    copy = backup_path(database.path, version)
    copy.touch(mode=0o600)
    target = sqlite3.connect(copy)
    try:
        connection.backup(target)
    finally:
        target.close()


def _statements(text: str) -> list[str]:
    """The statements of a script; a trigger's body stays whole. Old SQLite knows no STRICT."""
    if sqlite3.sqlite_version_info < _STRICT_SINCE:
        text = text.replace(", STRICT;", ";").replace(") STRICT;", ");")
    found: list[str] = []
    current = ""
    for line in text.splitlines(keepends=True):
        if not current and (not line.strip() or line.startswith("--")):
            continue
        current += line
        if sqlite3.complete_statement(current):
            found.append(current.strip())
            current = ""
    if current.strip():
        raise BrokenInvariant(f"a migration ends within a statement: {current.strip()[:60]!r}")
    return found


def backup_path(path: Path, version: int) -> Path:
    """Where the copy of a file lies that was made before its schema left `version`."""
    return path.with_name(f"{path.name}.schema-{version}.bak")
