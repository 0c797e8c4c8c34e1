"""One transaction as repositories see it: run a named query, get rows. Neither begins nor ends the transaction."""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping
from typing import Any

from flexpay_reconcile.adapters.sqlite_store import faults
from flexpay_reconcile.adapters.sqlite_store.queries import Query
from flexpay_reconcile.errors import BrokenInvariant

Row = tuple[Any, ...]
Parameters = Mapping[str, Any]
_NONE: dict[str, Any] = {}


class Session:
    """What runs inside one transaction. After a failed statement it runs nothing more and cannot be committed."""

    __slots__ = ("_connection", "_where", "_writable", "failed", "open")

    def __init__(self, connection: sqlite3.Connection, *, writable: bool, where: str) -> None:
        """`where` names the database in errors."""
        self._connection = connection
        self._writable = writable
        self._where = where
        self.failed = False
        self.open = True

    def all(self, query: Query, parameters: Parameters = _NONE) -> list[Row]:
        """Every row."""
        try:
            return self._run(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._fault(error) from None

    def one(self, query: Query, parameters: Parameters = _NONE) -> Row | None:
        """The first row, or None."""
        try:
            cursor = self._run(query, parameters)
            row: Row | None = cursor.fetchone()
            cursor.close()
            return row
        except sqlite3.Error as error:
            raise self._fault(error) from None

    def value(self, query: Query, parameters: Parameters = _NONE) -> Any:
        """The first column of the first row, or None."""
        row = self.one(query, parameters)
        return None if row is None else row[0]

    def change(self, query: Query, parameters: Parameters = _NONE) -> int:
        """Run a statement that writes; returns how many rows it changed."""
        try:
            return self._run(query, parameters).rowcount
        except sqlite3.Error as error:
            raise self._fault(error) from None

    def _run(self, query: Query, parameters: Parameters) -> sqlite3.Cursor:
        if self.failed or not self.open:
            raise BrokenInvariant(f"{query.name} was run outside a sound unit of work")
        if query.writes and not self._writable:
            raise BrokenInvariant(f"{query.name} writes, and this unit of work only reads")
        return self._connection.execute(query.sql, parameters)

    def _fault(self, error: sqlite3.Error) -> Exception:
        # SQLite may already have rolled everything back; what comes after would be committed row by row.
        self.failed = True
        return faults.translate(error, self._where)
