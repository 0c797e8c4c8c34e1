"""The data plane's store: units of work over one database. Each repository has its own file; this one joins them."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from functools import cached_property

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.attempts import SqliteAttempts
from flexpay_reconcile.adapters.sqlite_store.card_ledger import SqliteCardLedger
from flexpay_reconcile.adapters.sqlite_store.cases import SqliteCases
from flexpay_reconcile.adapters.sqlite_store.connection import Database
from flexpay_reconcile.adapters.sqlite_store.final_actions import SqliteFinalActions
from flexpay_reconcile.adapters.sqlite_store.inbox import SqliteInbox
from flexpay_reconcile.adapters.sqlite_store.journal import SqliteJournal
from flexpay_reconcile.adapters.sqlite_store.leases import SqliteLeases
from flexpay_reconcile.adapters.sqlite_store.marks import SqliteMarks
from flexpay_reconcile.adapters.sqlite_store.session import Session
from flexpay_reconcile.adapters.sqlite_store.transactions import SqliteTransactions
from flexpay_reconcile.values.instant import Instant

_SQL = queries.load("store")


class SqliteUnitOfWork:
    """Everything one transaction can see and change; a repository is made when it is first asked for."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction."""
        self._session = session

    @cached_property
    def inbox(self) -> SqliteInbox:
        """Events from Stripe."""
        return SqliteInbox(self._session)

    @cached_property
    def cases(self) -> SqliteCases:
        """Recovery cases."""
        return SqliteCases(self._session)

    @cached_property
    def attempts(self) -> SqliteAttempts:
        """Attempts."""
        return SqliteAttempts(self._session)

    @cached_property
    def cards(self) -> SqliteCardLedger:
        """Every charge seen, by card."""
        return SqliteCardLedger(self._session)

    @cached_property
    def actions(self) -> SqliteFinalActions:
        """Final actions."""
        return SqliteFinalActions(self._session)

    @cached_property
    def transactions(self) -> SqliteTransactions:
        """Approvals, declines, refunds."""
        return SqliteTransactions(self._session)

    @cached_property
    def journal(self) -> SqliteJournal:
        """The story of each case."""
        return SqliteJournal(self._session)

    @cached_property
    def leases(self) -> SqliteLeases:
        """The daemon's lease."""
        return SqliteLeases(self._session)

    @cached_property
    def marks(self) -> SqliteMarks:
        """Small named facts."""
        return SqliteMarks(self._session)


class SqliteStore:
    """The store port over SQLite; usable from any number of threads."""

    def __init__(self, database: Database) -> None:
        """`database` is migrated already (`open_store`)."""
        self._database = database

    @contextlib.contextmanager
    def begin(self) -> Iterator[SqliteUnitOfWork]:
        """One unit of work that may write: committed, durably, on leaving; rolled back on any error."""
        with self._database.writing() as session:
            yield SqliteUnitOfWork(session)

    @contextlib.contextmanager
    def reading(self) -> Iterator[SqliteUnitOfWork]:
        """A consistent view that writes nothing; an attempt to is a BrokenInvariant."""
        with self._database.reading() as session:
            yield SqliteUnitOfWork(session)

    def next_due(self) -> Instant | None:
        """The earliest instant at which any loop has work by itself; None when idle."""
        with self._database.looking() as session:
            value = session.value(_SQL["next_due"])
        return None if value is None else Instant(value)

    def close(self) -> None:
        """Close every connection of the database."""
        self._database.close()
