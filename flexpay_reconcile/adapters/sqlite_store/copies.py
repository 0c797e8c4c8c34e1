"""Copies of a state file: made while a daemon writes, put back while none does. Arms no copy and opens no secret."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

from flexpay_reconcile.adapters.sqlite_store import faults
from flexpay_reconcile.adapters.sqlite_store.connection import Database
from flexpay_reconcile.adapters.sqlite_store.migrate import migrate
from flexpay_reconcile.adapters.sqlite_store.upkeep import unsound
from flexpay_reconcile.errors import OperatorError

_PAGES = 256
"""So many pages at a time, so that a writer never waits for a whole copy."""
_BESIDE = ("-wal", "-shm")


def back_up(source: Database, target: Path) -> None:
    """A copy of one moment, whole or not at all, sound, for its owner only; a file that is there is never replaced."""
    if target.exists() or target.is_symlink():
        raise OperatorError(f"{target} is there already", code="E-backup-exists", hint="name a new file")
    with _written(target) as draft:
        _copy(source.connection(), draft, source.where)
        _refuse_unsound(draft, source.where)
        _publish(draft, target)


def restore(backup: Path, target: Path, *, replace: bool, disarm: Callable[[], None]) -> Path | None:
    """Put a sound backup in the place of a state; what was there is kept, and its new name returned.

    Nobody may have the target open: the caller holds its process lock. `disarm` is called once nothing can be refused
    any more, and before the backup is in place: no moment has an armed copy of it.
    """
    if target.exists() and not replace:
        raise OperatorError(
            f"there is a state at {target}", code="E-restore-exists", hint="--replace keeps it under another name"
        )
    with _written(target) as draft:
        database = Database(backup, create=False)
        try:
            migrate(database, allowed=False)
            _copy(database.connection(), draft, str(backup))
        finally:
            database.close()
        _refuse_unsound(draft, str(backup))
        disarm()
        kept = _set_aside(target) if target.exists() else None
        _publish(draft, target)
    return kept


def _copy(source: sqlite3.Connection, draft: Path, where: str) -> None:
    try:
        copy = sqlite3.connect(draft)
        try:
            source.backup(copy, pages=_PAGES)
        finally:
            copy.close()
    except sqlite3.Error as error:
        raise faults.translate(error, where) from None


def _refuse_unsound(draft: Path, where: str) -> None:
    database = Database(draft, create=False)
    try:
        found = unsound(database)
    finally:
        database.close()
    if found:
        raise OperatorError(
            f"{where} is not sound: {found[0]}" + (f" (and {len(found) - 1} more)" if len(found) > 1 else ""),
            code="E-state-corrupt",
            hint="take an older backup",
        )


def _set_aside(target: Path) -> Path:
    """Keep the state that was there, with its log."""
    number = 1
    while (kept := target.with_name(f"{target.name}.replaced-{number}")).exists():
        number += 1
    for ending in ("", *_BESIDE):
        with contextlib.suppress(FileNotFoundError):
            Path(f"{target}{ending}").replace(f"{kept}{ending}")
    return kept


@contextlib.contextmanager
def _written(target: Path) -> Iterator[Path]:
    """A draft beside the target, which is gone afterwards whatever happens."""
    draft = target.with_name(f".{target.name}.{secrets.token_hex(8)}")
    try:
        os.close(os.open(draft, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        yield draft
    except OSError as error:
        raise OperatorError(
            f"{target} cannot be written: {error.strerror}", code="E-state-open", hint="check directory and space"
        ) from None
    finally:
        for ending in ("", *_BESIDE):
            with contextlib.suppress(OSError):
                Path(f"{draft}{ending}").unlink()


def _publish(draft: Path, target: Path) -> None:
    """Under its name once every byte is on the disk."""
    with draft.open("rb") as file:
        os.fsync(file.fileno())
    os.link(draft, target)
    folder = os.open(target.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
