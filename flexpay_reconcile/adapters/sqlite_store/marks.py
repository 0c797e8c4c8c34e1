"""Small named facts that survive a restart. Gives them no meaning."""

from __future__ import annotations

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.session import Session

_SQL = queries.load("marks")


class SqliteMarks:
    """The marks within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction."""
        self._session = session

    def get(self, name: str) -> str | None:
        """The value, if set."""
        value: str | None = self._session.value(_SQL["get"], {"name": name})
        return value

    def starting(self, prefix: str) -> tuple[tuple[str, str], ...]:
        """Name and value of every mark whose name begins so, by name."""
        rows = self._session.all(_SQL["starting"], {"low": prefix, "high": f"{prefix}\U0010ffff"})
        return tuple((str(name), str(value)) for name, value in rows)

    def set(self, name: str, value: str) -> None:
        """Set or replace."""
        self._session.change(_SQL["set"], {"name": name, "value": value})
