"""Opens a state: the file or memory, its schema, and both planes' ports over it. Decides nothing about its content."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from flexpay_reconcile.adapters.sqlite_store.connection import BUSY_TIMEOUT_MS, MEMORY, Database
from flexpay_reconcile.adapters.sqlite_store.control_state import SqliteControlState
from flexpay_reconcile.adapters.sqlite_store.migrate import migrate
from flexpay_reconcile.adapters.sqlite_store.store import SqliteStore
from flexpay_reconcile.ports.cipher import Cipher
from flexpay_reconcile.values.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenState:
    """Both planes over one database; `close()` ends both."""

    store: SqliteStore
    control: SqliteControlState
    database: Database

    def close(self) -> None:
        """Close every connection."""
        self.database.close()


def open_store(
    path: Path | str,
    cipher: Cipher,
    *,
    create: bool = True,
    now: Instant | None = None,
    busy_timeout_ms: int = BUSY_TIMEOUT_MS,
    durable: bool = True,
) -> OpenState:
    """Open a state file, or `:memory:`.

    `create` allows making the file and bringing its schema up to date; without it a missing, empty or older state
    is an OperatorError, and opening changes nothing. `now` tells whether a daemon's lease is still good when the
    schema has to change.
    """
    database = Database(
        None if str(path) == MEMORY else Path(path), create=create, busy_timeout_ms=busy_timeout_ms, durable=durable
    )
    try:
        migrate(database, now=now, allowed=create)
    except BaseException:
        database.close()
        raise
    return OpenState(store=SqliteStore(database), control=SqliteControlState(database, cipher), database=database)
