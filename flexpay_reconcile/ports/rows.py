"""Plain rows that the store keeps beside the values of the core: inbox events, ledger rows, the lease. No behaviour."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery.journal import Entry
from flexpay_reconcile.values.ids import IntegrationId, InvoiceId
from flexpay_reconcile.values.instant import Instant


class InboxState(StrEnum):
    """Where a stored event stands."""

    PENDING = "pending"
    """Not yet processed."""
    DONE = "done"
    """Processed."""
    DEAD = "dead"
    """Failed too often; a person has to look. Never dropped."""


@dataclass(frozen=True, slots=True, kw_only=True)
class InboxEvent:
    """One stored event. `body` is Stripe's JSON, reduced to what is kept (`EventReader.kept`)."""

    integration_id: IntegrationId
    event_id: str
    type: str
    object_id: str | None
    idempotency_key: str | None
    created: Instant
    received_at: Instant
    body: bytes
    state: InboxState = InboxState.PENDING
    tries: int = 0
    next_try_at: Instant | None = None
    error: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class LedgerRow:
    """One charge on one card, as ceilings and refusals count it. `kind` is None for an approval."""

    charge: Charge
    kind: DeclineKind | None
    reason: str | None
    never: bool
    reached_network: bool
    invoice: InvoiceId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """Who may call Stripe to charge. `fence` grows by one with every new holder (invariant A19)."""

    holder: str
    fence: int
    expires_at: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredEntry:
    """A journal entry with its place in the chain."""

    sequence: int
    entry: Entry
    hash: str
