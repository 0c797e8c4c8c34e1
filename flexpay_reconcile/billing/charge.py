"""A charge: one request that reached Stripe to take money, and what came of it. Classifies nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.values.ids import AccountId, ChargeId, CustomerId, PaymentMethodId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money


class ChargeStatus(StrEnum):
    """Stripe's `charge.status`."""

    SUCCEEDED = "succeeded"
    """The money was taken."""
    PENDING = "pending"
    """A slow method; the answer comes by event."""
    FAILED = "failed"
    """Refused."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RefusalFacts:
    """Everything Stripe said about a refusal, as given; all optional. Field names are Stripe's."""

    error_code: str | None = None
    decline_code: str | None = None
    advice_code: str | None = None
    network_decline_code: str | None = None
    network_advice_code: str | None = None
    outcome_type: str | None = None
    outcome_reason: str | None = None
    network_status: str | None = None
    message: str | None = None
    requires_action: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """One charge. `network` is the card's (`visa`) or the bank debit's type; `fingerprint` identifies the card."""

    id: ChargeId
    account: AccountId
    livemode: bool
    status: ChargeStatus
    amount: Money
    created: Instant
    customer: CustomerId | None
    payment_intent: str | None
    payment_method: PaymentMethodId | None
    payment_method_type: str | None
    fingerprint: str | None
    network: str | None
    brand: str | None
    funding: str | None
    country: str | None
    last4: str | None
    refusal: RefusalFacts | None
    amount_refunded: Money
    disputed: bool = False

    def reached_network(self) -> bool:
        """Whether the card network saw it; a charge Stripe blocked itself never left Stripe."""
        if self.refusal is None:
            return True
        if self.refusal.network_status:
            return self.refusal.network_status != "not_sent_to_network"
        return self.refusal.outcome_type not in ("blocked", "invalid")

    def card_key(self) -> str:
        """What ceilings and refusals are counted against: the card's fingerprint, else the payment method."""
        return self.fingerprint or self.payment_method or self.id
