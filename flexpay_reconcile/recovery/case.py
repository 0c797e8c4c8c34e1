"""The recovery case: one unpaid invoice from first decline to its end. A value; `transitions` says what may follow."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.values.ids import (
    AccountId,
    CaseId,
    CustomerId,
    IntegrationId,
    InvoiceId,
    PaymentMethodId,
    SubscriptionId,
)
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money


class CaseState(StrEnum):
    """Where a case stands."""

    OPENED = "opened"
    """A decision is due: nothing is planned yet."""
    SCHEDULED = "scheduled"
    """An attempt is planned."""
    ATTEMPTING = "attempting"
    """An attempt is under way, pending or unresolved; nothing else may charge this invoice."""
    WAITING_FOR_CUSTOMER = "waiting_for_customer"
    """Only the customer can move it: authenticate, or give a new card."""
    NEEDS_REVIEW = "needs_review"
    """Stripe said something we do not know; a person has to look."""
    PARKED = "parked"
    """Stopped until its cause is gone: key revoked, permission lost, paused, foreign retries, operator's settings."""
    FINISHING = "finishing"
    """No further attempt; final actions are due or awaited."""
    RECOVERED = "recovered"
    """Paid by our attempt. Final."""
    RECOVERED_ELSEWHERE = "recovered_elsewhere"
    """Paid, but not by us. Final."""
    EXHAUSTED = "exhausted"
    """Recovery ended unpaid; the final actions are done. Final."""
    HARD_DECLINED = "hard_declined"
    """A hard decline ended recovery; the final actions are done. Final."""
    CLOSED = "closed"
    """Nothing left to recover, for the reason given. Final."""
    RELEASED = "released"
    """Let go of by the operator. Final."""


FINAL_STATES = frozenset(
    {
        CaseState.RECOVERED,
        CaseState.RECOVERED_ELSEWHERE,
        CaseState.EXHAUSTED,
        CaseState.HARD_DECLINED,
        CaseState.CLOSED,
        CaseState.RELEASED,
    }
)
"""States a case does not leave, but for RECOVERED_ELSEWHERE, for the books."""


class EndedBy(StrEnum):
    """Why no further attempt will be made."""

    HARD_DECLINE = "hard_decline"
    """The last decline forbids another attempt on this card."""
    ATTEMPTS_USED = "attempts_used"
    """All attempts of the policy were made."""
    WINDOW_OVER = "window_over"
    """The window of the policy has passed."""
    NO_LEGAL_MOMENT = "no_legal_moment"
    """Ceilings, waits and spacing leave no moment inside the window."""
    UNRESOLVABLE = "unresolvable"
    """An attempt could not be settled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RecoveryCase:
    """One case. `due_at` is when a loop must look at it next; `revision` is the configuration it began under."""

    id: CaseId
    life: int
    account: AccountId
    livemode: bool
    integration_id: IntegrationId
    revision: int
    invoice: InvoiceId
    subscription: SubscriptionId
    customer: CustomerId
    state: CaseState
    version: int
    amount: Money
    opened_at: Instant
    first_declined_at: Instant
    window_from: Instant
    window_until: Instant
    invoice_created_at: Instant
    due_at: Instant | None
    attempts_used: int = 0
    payment_method: PaymentMethodId | None = None
    card_key: str | None = None
    network: str | None = None
    payment_method_type: str | None = None
    last_attempt_at: Instant | None = None
    last_declined_at: Instant | None = None
    decline_kind: DeclineKind | None = None
    decline_reason: str | None = None
    wait_until: Instant | None = None
    wait_because: str | None = None
    next_attempt_at: Instant | None = None
    next_attempt_number: int | None = None
    ended_by: EndedBy | None = None
    ended_at: Instant | None = None
    closed_because: str | None = None
    parked_at: Instant | None = None
    auto_advance_before: bool | None = None
    stripe_retries_stopped: bool = False
    hosted_invoice_url: str | None = None
    customer_name: str | None = None

    def is_final(self) -> bool:
        """Whether the case has ended."""
        return self.state in FINAL_STATES
