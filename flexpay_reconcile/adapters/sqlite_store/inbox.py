"""The inbox: events from Stripe, stored before anything is done about them. Understands no event."""

from __future__ import annotations

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.bodies import instant, ms
from flexpay_reconcile.adapters.sqlite_store.session import Row, Session
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.ports.rows import InboxEvent, InboxState
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant

_SQL = queries.load("inbox")


class SqliteInbox:
    """The inbox within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction."""
        self._session = session

    def put(self, event: InboxEvent) -> bool:
        """Insert; False when this integration already has the event id."""
        row = {
            "integration_id": event.integration_id,
            "event_id": event.event_id,
            "type": event.type,
            "object_id": event.object_id,
            "idempotency_key": event.idempotency_key,
            "created": event.created.ms,
            "received_at": event.received_at.ms,
            "state": event.state.value,
            "tries": event.tries,
            "next_try_at": ms(event.next_try_at),
            "error": event.error,
            "body": event.body,
        }
        return self._session.change(_SQL["put"], row) == 1

    def pending(self, now: Instant, limit: int) -> tuple[InboxEvent, ...]:
        """Pending events whose `next_try_at` has come, in order of receipt."""
        return tuple(map(_event, self._session.all(_SQL["pending"], {"now": now.ms, "limit": limit})))

    def mark(self, event: InboxEvent) -> None:
        """Write back state, tries, next_try_at and error."""
        row = {
            "integration_id": event.integration_id,
            "event_id": event.event_id,
            "state": event.state.value,
            "tries": event.tries,
            "next_try_at": ms(event.next_try_at),
            "error": event.error,
        }
        if self._session.change(_SQL["mark"], row) != 1:
            raise BrokenInvariant(f"event {event.event_id} was never stored for {event.integration_id}")

    def with_key(self, idempotency_key: str) -> tuple[InboxEvent, ...]:
        """Events caused by the request that carried this idempotency key, oldest first."""
        return tuple(map(_event, self._session.all(_SQL["with_key"], {"idempotency_key": idempotency_key})))

    def for_object(self, object_id: str) -> tuple[InboxEvent, ...]:
        """Events about one object, oldest first."""
        return tuple(map(_event, self._session.all(_SQL["for_object"], {"object_id": object_id})))

    def counts(self) -> dict[str, int]:
        """Number of events by state."""
        return {str(row[0]): int(row[1]) for row in self._session.all(_SQL["counts"])}

    def newest(self, integration_id: IntegrationId) -> InboxEvent | None:
        """The event of an integration that was received last."""
        row = self._session.one(_SQL["newest"], {"integration_id": integration_id})
        return None if row is None else _event(row)

    def after(self, sequence: int, limit: int) -> tuple[tuple[int, InboxEvent], ...]:
        """Events stored after a place, each with its own place, in the order in which they were stored."""
        rows = self._session.all(_SQL["after"], {"sequence": sequence, "limit": limit})
        return tuple([(int(row[12]), _event(row)) for row in rows])

    def rewrite(self, event: InboxEvent) -> None:
        """Write back the body."""
        row = {"integration_id": event.integration_id, "event_id": event.event_id, "body": event.body}
        if self._session.change(_SQL["rewrite"], row) != 1:
            raise BrokenInvariant(f"event {event.event_id} was never stored for {event.integration_id}")


def _event(row: Row) -> InboxEvent:
    return InboxEvent(
        integration_id=IntegrationId(row[0]),
        event_id=row[1],
        type=row[2],
        object_id=row[3],
        idempotency_key=row[4],
        created=Instant(row[5]),
        received_at=Instant(row[6]),
        body=row[7],
        state=InboxState(row[8]),
        tries=row[9],
        next_try_at=instant(row[10]),
        error=row[11],
    )
