"""The daemon's lease and fencing token (invariant A19). Asks no clock; the present comes in."""

from __future__ import annotations

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.session import Session
from flexpay_reconcile.ports.rows import Lease
from flexpay_reconcile.values.instant import Instant, Span

_SQL = queries.load("leases")


class SqliteLeases:
    """The lease within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction."""
        self._session = session

    def acquire(self, holder: str, now: Instant, ttl: Span) -> Lease | None:
        """Take it when free, expired or already ours (then the fence stays); None when somebody else holds it."""
        present = self.current()
        if present is not None and present.holder == holder:
            fence = present.fence
        elif present is not None and present.expires_at > now:
            return None
        else:
            fence = int(self._session.value(_SQL["fence"]) or 0) + 1
        lease = Lease(holder=holder, fence=fence, expires_at=now.plus(ttl))
        row = {"holder": holder, "fence": fence, "expires_at": lease.expires_at.ms}
        self._session.change(_SQL["hold"], row)
        return lease

    def release(self, holder: str) -> None:
        """Give it back; the fence is kept."""
        self._session.change(_SQL["release"], {"holder": holder})

    def current(self) -> Lease | None:
        """The present lease, expired or not."""
        row = self._session.one(_SQL["current"])
        return None if row is None else Lease(holder=row[0], fence=row[1], expires_at=Instant(row[2]))
