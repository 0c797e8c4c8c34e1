"""Connections and transactions of one SQLite database. Knows no table.

A file has one connection for each thread; a database in memory has one, which its users take in turn.
Writers of one process queue at a gate of ours, so that none starves; other processes are waited for by SQLite.
"""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading
from collections.abc import Iterator
from pathlib import Path

from flexpay_reconcile.adapters.sqlite_store import faults
from flexpay_reconcile.adapters.sqlite_store.session import Session
from flexpay_reconcile.errors import BrokenInvariant, OperatorError

MEMORY = ":memory:"
BUSY_TIMEOUT_MS = 5_000
_STATEMENTS = 256
_PRAGMAS = (
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA recursive_triggers = ON",  # so that REPLACE meets the triggers against deletion
    "PRAGMA trusted_schema = OFF",
    "PRAGMA secure_delete = ON",  # what was replaced is overwritten, not left in free pages (G2)
    "PRAGMA temp_store = MEMORY",
    "PRAGMA journal_size_limit = 67108864",
)

_NOT_DURABLE = "PRAGMA synchronous = OFF"


class _Local(threading.local):
    """What belongs to one thread."""

    connection: sqlite3.Connection | None = None
    session: Session | None = None


class Database:
    """One database, used from any number of threads."""

    def __init__(
        self,
        path: Path | None,
        *,
        create: bool = True,
        busy_timeout_ms: int = BUSY_TIMEOUT_MS,
        durable: bool = True,
    ) -> None:
        """`path` is the file, None for memory. Without `create` a missing file is an OperatorError.

        `durable=False` syncs nothing to the disk: for simulated money only.
        """
        self._durable = durable
        self.path = path
        self.where = "the state in memory" if path is None else str(path)
        self._busy_ms = busy_timeout_ms
        self._gate = threading.Lock()
        self._local = _Local()
        self._all: list[tuple[threading.Thread, sqlite3.Connection]] = []
        self._all_lock = threading.Lock()
        self._closed = False
        self._shared: sqlite3.Connection | None = None
        if path is None:
            self._shared = self._connect(MEMORY)
        else:
            _prepare_file(path, create=create)
            self.connection()

    def connection(self) -> sqlite3.Connection:
        """This thread's connection; for transactions, upkeep and tests."""
        if self._closed:
            raise BrokenInvariant(f"{self.where} is closed")
        if self._shared is not None:
            return self._shared
        if self._local.connection is None:
            self._local.connection = self._open_file()
        return self._local.connection

    @contextlib.contextmanager
    def writing(self) -> Iterator[Session]:
        """One transaction that may write: takes the write lock at once, commits on leaving, rolls back on error."""
        self._refuse_nesting()
        if not self._gate.acquire(timeout=self._busy_ms / 1000):
            raise faults.busy(self.where)
        try:
            yield from self._transaction("BEGIN IMMEDIATE", writable=True)
        finally:
            self._gate.release()

    @contextlib.contextmanager
    def reading(self) -> Iterator[Session]:
        """One consistent view that refuses every statement that writes."""
        self._refuse_nesting()
        if self._shared is None:
            yield from self._transaction("BEGIN", writable=False)
            return
        if not self._gate.acquire(timeout=self._busy_ms / 1000):
            raise faults.busy(self.where)
        try:
            yield from self._transaction("BEGIN", writable=False)
        finally:
            self._gate.release()

    @contextlib.contextmanager
    def looking(self) -> Iterator[Session]:
        """A view for one question: within the transaction this thread is in, else a view of its own."""
        if self._local.session is not None:
            yield self._local.session
            return
        with self.reading() as session:
            yield session

    @contextlib.contextmanager
    def asking(self) -> Iterator[Session]:
        """For exactly one statement that reads, which is a view of its own: no transaction is begun around it."""
        if self._local.session is not None or self._shared is not None:
            with self.looking() as session:
                yield session
            return
        session = Session(self.connection(), writable=False, where=self.where)
        try:
            yield session
        finally:
            session.open = False

    def close(self) -> None:
        """Close every connection; the database cannot be used after."""
        with self._all_lock:
            self._closed = True
            for _, connection in self._all:
                connection.close()
            self._all.clear()

    def _refuse_nesting(self) -> None:
        if self._local.session is not None:
            raise BrokenInvariant("units of work do not nest")

    def _transaction(self, begin: str, *, writable: bool) -> Iterator[Session]:
        connection = self.connection()
        try:
            connection.execute(begin)
        except sqlite3.Error as error:
            raise faults.translate(error, self.where) from None
        session = Session(connection, writable=writable, where=self.where)
        self._local.session = session
        try:
            yield session
            if session.failed:
                raise BrokenInvariant("a unit of work went on after a failed statement; it was rolled back")
            try:
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise faults.translate(error, self.where) from None
        finally:
            session.open = False
            self._local.session = None
            if connection.in_transaction:
                _roll_back(connection)

    def _open_file(self) -> sqlite3.Connection:
        if self.path is None:  # pragma: no cover - only files come here
            raise BrokenInvariant("no file")
        return self._connect(f"{self.path.absolute().as_uri()}?mode=rw")

    def _connect(self, target: str) -> sqlite3.Connection:
        """A connection with everything set that must hold on each one."""
        try:
            connection = sqlite3.connect(
                target,
                uri=target != MEMORY,
                timeout=self._busy_ms / 1000,
                isolation_level=None,
                check_same_thread=False,  # so that close() may close them all
                cached_statements=_STATEMENTS,
            )
        except sqlite3.Error as error:
            raise faults.translate(error, self.where) from None
        try:
            for pragma in (*_PRAGMAS, *(() if self._durable else (_NOT_DURABLE,))):
                connection.execute(pragma)
        except sqlite3.Error as error:
            connection.close()
            raise faults.translate(error, self.where) from None
        self._remember(connection)
        return connection

    def _remember(self, connection: sqlite3.Connection) -> None:
        """Keep it for close(), and close those whose thread has ended."""
        with self._all_lock:
            for thread, old in self._all:
                if not thread.is_alive():
                    old.close()
            self._all = [(thread, old) for thread, old in self._all if thread.is_alive()]
            self._all.append((threading.current_thread(), connection))


def _roll_back(connection: sqlite3.Connection) -> None:
    # A rollback that fails leaves nothing to be saved; the error that led here is the one to tell.
    with contextlib.suppress(sqlite3.Error):
        connection.execute("ROLLBACK")


def _prepare_file(path: Path, *, create: bool) -> None:
    """Make the file, readable by its owner only, or say what is in the way."""
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        mode = None
    except OSError as error:  # no such folder but a file, a name too long, a circle of links, no permission
        raise OperatorError(
            f"{path} cannot be used: {error.strerror}", code="E-state-open", hint="name a file with --state"
        ) from None
    if mode is not None and not stat.S_ISREG(mode):
        kind = "a directory" if stat.S_ISDIR(mode) else "no plain file"
        raise OperatorError(f"{path} is {kind}", code="E-state-open", hint="name a file with --state")
    if mode is None:
        if not create:
            raise OperatorError(f"there is no state at {path}", code="E-state-missing", hint="run `flexpay apply`")
        if not path.parent.is_dir():
            raise OperatorError(
                f"the directory of {path} does not exist", code="E-state-directory", hint=f"run: mkdir -p {path.parent}"
            )
        try:
            os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
        except FileExistsError:
            pass  # another process was quicker
        except OSError as error:
            raise OperatorError(
                f"{path} cannot be made: {error.strerror}",
                code="E-state-open",
                hint="check the directory's permissions",
            ) from None
    if not os.access(path, os.R_OK | os.W_OK) or not os.access(path.parent, os.W_OK):
        raise OperatorError(
            f"{path} or its directory cannot be written",
            code="E-state-read-only",
            hint="run as the user who owns the state",
        )
