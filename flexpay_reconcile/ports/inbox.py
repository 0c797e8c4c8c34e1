"""Events from Stripe as they wait to be processed. A part of the store; understands no event."""

from __future__ import annotations

from typing import Protocol

from flexpay_reconcile.ports.rows import InboxEvent
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant


class Inbox(Protocol):
    """Events from Stripe, stored before anything is done about them."""

    def put(self, event: InboxEvent) -> bool:
        """Insert; False when this integration already has the event id (insert wins, never check-then-insert)."""
        ...

    def pending(self, now: Instant, limit: int) -> tuple[InboxEvent, ...]:
        """Pending events whose `next_try_at` has come, in order of receipt."""
        ...

    def mark(self, event: InboxEvent) -> None:
        """Write back state, tries, next_try_at and error."""
        ...

    def with_key(self, idempotency_key: str) -> tuple[InboxEvent, ...]:
        """Events caused by the request that carried this idempotency key, oldest first."""
        ...

    def for_object(self, object_id: str) -> tuple[InboxEvent, ...]:
        """Events about one object, oldest first."""
        ...

    def counts(self) -> dict[str, int]:
        """Number of events by state."""
        ...

    def newest(self, integration_id: IntegrationId) -> InboxEvent | None:
        """The event of an integration that was received last."""
        ...

    def after(self, sequence: int, limit: int) -> tuple[tuple[int, InboxEvent], ...]:
        """Events stored after a place, each with its own place, in the order in which they were stored."""
        ...

    def rewrite(self, event: InboxEvent) -> None:
        """Write back the body."""
        ...
