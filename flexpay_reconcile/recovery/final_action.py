"""Final actions: what the policy does to subscription and invoice when recovery ended without money."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.values.ids import CaseId, IntegrationId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant


class ActionKind(StrEnum):
    """One thing that is done once."""

    CANCEL_SUBSCRIPTION = "cancel_subscription"
    """`DELETE` the subscription, with explicit proration."""
    SCHEDULE_CANCEL = "schedule_cancel"
    """Set `cancel_at_period_end`, tagged with the case, where no cancellation is scheduled yet."""
    AWAIT_END = "await_end"
    """Call nothing: wait until a subscription whose cancellation is scheduled reads over."""
    MARK_UNCOLLECTIBLE = "mark_uncollectible"
    """Write the invoice off, after the subscription reads canceled."""
    TAG_INVOICE = "tag_invoice"
    """`fp-uncollectible: true` on the invoice."""
    TAG_SUBSCRIPTION = "tag_subscription"
    """`fp-uncollectible: true` on the subscription."""
    TAKE_BACK = "take_back"
    """Clear the `cancel_at_period_end` that this case has set: the case ended otherwise. Owed by a final case, too."""


CANCEL_TAG = "fp_cancel"
"""Metadata of a subscription whose `cancel_at_period_end` is ours: the id of the case that set it."""


class ActionState(StrEnum):
    """Where a final action stands."""

    PLANNED = "planned"
    """Due at `due_at`."""
    CALLING = "calling"
    """The intent is on disk; the call may or may not have been made."""
    DONE = "done"
    """Confirmed by an answer or a read."""
    SKIPPED = "skipped"
    """Not done, for the reason in `note`."""


OPEN_STATES = frozenset({ActionState.PLANNED, ActionState.CALLING})
"""An action that still has to be carried out or confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalAction:
    """One final action of one case; `order` is the sequence in which they are carried out."""

    case_id: CaseId
    integration_id: IntegrationId
    kind: ActionKind
    order: int
    state: ActionState
    invoice: InvoiceId
    subscription: SubscriptionId
    prorate: bool
    revision: int
    due_at: Instant
    decided_at: Instant
    called_at: Instant | None = None
    finished_at: Instant | None = None
    note: str = ""

    @property
    def idempotency_key(self) -> str:
        """One key for ever, for the calls that take one."""
        return f"fp1:final:{self.case_id}:{self.kind.value}"


@dataclass(frozen=True, slots=True, kw_only=True)
class FinalActionRequest:
    """What finishing a case needs to know to plan its actions."""

    cancel: bool
    prorate: bool
    mark_uncollectible: bool
