"""An attempt: one try to collect, numbered, with one idempotency key for ever. A value; sends nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.values import digest
from flexpay_reconcile.values.ids import AccountId, CaseId, ChargeId, IntegrationId, InvoiceId, PaymentMethodId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money

KEY_PREFIX = "fp1:"


class AttemptState(StrEnum):
    """Where an attempt stands."""

    PLANNED = "planned"
    """Decided; its moment has not come."""
    SUBMITTING = "submitting"
    """The intent is on disk; the call may or may not have been made."""
    APPROVED = "approved"
    """Stripe took the money."""
    DECLINED = "declined"
    """Stripe, the network or the issuer refused."""
    PENDING = "pending"
    """Stripe accepted it and the answer comes later; ends by event or read only."""
    UNRESOLVED = "unresolved"
    """Maybe seen by Stripe; must be asked."""
    NOT_SUBMITTED = "not_submitted"
    """Surely not executed; used up nothing."""
    SUPERSEDED = "superseded"
    """Made pointless before it was sent."""


BLOCKING_STATES = frozenset({AttemptState.SUBMITTING, AttemptState.PENDING, AttemptState.UNRESOLVED})
"""States in which nothing else may charge the invoice (invariant A2)."""


class KeyAlias(StrEnum):
    """Which of the two keys a call went through."""

    PRIMARY = "primary"
    """The guide's Primary key."""
    FALLBACK = "fallback"
    """The guide's Fallback key; only after a rate-limit 429 on the primary."""


class SettledBy(StrEnum):
    """How an attempt without a clear answer may be settled."""

    REPLAY = "replay"
    """By reading; and where nothing is found, by the very same call again."""
    READ = "read"
    """By reading alone: Stripe saved a 5xx under the key, and the same call would only bring that back (B5)."""
    PERSON = "person"
    """By reading alone, and nothing follows by itself: the key went with other parameters, or an odd answer came."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt. `number` is unique over all lives of the invoice; `because` are the decision's reasons.

    `probability_ppm` is the probability with which this moment was chosen, in millionths (1,000,000 for a rule).
    `finished_at` is when the last call ended with an answer; on a PLANNED attempt it tells that an earlier call
    surely executed nothing and the same key will go again.
    """

    account: AccountId
    invoice: InvoiceId
    number: int
    case_id: CaseId
    integration_id: IntegrationId
    revision: int
    state: AttemptState
    planned_for: Instant
    decided_at: Instant
    because: tuple[str, ...]
    payment_method: PaymentMethodId
    card_key: str
    network: str | None
    amount: Money
    model_version: str
    probability_ppm: int = 1_000_000
    fence: int | None = None
    key_alias: KeyAlias | None = None
    sends: int = 0
    intent_at: Instant | None = None
    first_sent_at: Instant | None = None
    last_sent_at: Instant | None = None
    check_at: Instant | None = None
    finished_at: Instant | None = None
    charge: ChargeId | None = None
    request_id: str | None = None
    decline_kind: DeclineKind | None = None
    decline_reason: str | None = None
    settled_by: SettledBy = SettledBy.REPLAY
    note: str = ""

    @property
    def idempotency_key(self) -> str:
        """`fp1:{account}:{invoice}:{n}`: one logical attempt, one key (invariant A4)."""
        return f"{KEY_PREFIX}{self.account}:{self.invoice}:{self.number}"

    @property
    def params_hash(self) -> str:
        """A digest of what `pay` is sent with; the same key must never go with other parameters."""
        return digest.digest_of(pay_params(self.payment_method))


def pay_params(payment_method: PaymentMethodId) -> dict[str, object]:
    """Exactly the parameters of `POST /v1/invoices/{id}/pay` (invariant A20: the gated card is named)."""
    return {"off_session": True, "payment_method": payment_method}


def is_ours(idempotency_key: str | None) -> bool:
    """Whether a request that carried this key was one of our attempts."""
    return idempotency_key is not None and idempotency_key.startswith(KEY_PREFIX)
