"""Signals: Stripe events understood. A closed union: a new kind must be given a place by everybody who matches.

An event is raw and may be late, doubled or out of order; a signal names the object to read again, never its state.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.values.ids import AccountId, ChargeId, CustomerId, EventId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class EventFacts:
    """What every event says about itself. `idempotency_key` is that of the request that caused it, if any."""

    event_id: EventId
    type: str
    account: AccountId
    livemode: bool
    created: Instant
    request_id: str | None
    idempotency_key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoiceChanged:
    """Something happened to an invoice: failed, paid, voided, written off, edited. Read it again."""

    event: EventFacts
    invoice: InvoiceId
    subscription: SubscriptionId | None
    customer: CustomerId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SubscriptionChanged:
    """Something happened to a subscription. Read it again."""

    event: EventFacts
    subscription: SubscriptionId
    customer: CustomerId | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentMethodChanged:
    """The customer's payment methods or defaults may have changed. Read the customer's open cases again."""

    event: EventFacts
    customer: CustomerId


@dataclass(frozen=True, slots=True, kw_only=True)
class ChargeSeen:
    """A charge succeeded or failed. Its status is final, so the event's own copy of the charge may be kept."""

    event: EventFacts
    charge: Charge


@dataclass(frozen=True, slots=True, kw_only=True)
class RefundSeen:
    """A refund was made or changed. `status` is Stripe's: pending, requires_action, succeeded, failed, canceled."""

    event: EventFacts
    id: str
    charge: ChargeId
    amount: Money
    at: Instant
    status: str
    customer: CustomerId | None
    payment_intent: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountLeft:
    """A connected account has taken the platform's access back; the event names it."""

    event: EventFacts


@dataclass(frozen=True, slots=True, kw_only=True)
class NotForUs:
    """An event that asks for nothing, and why."""

    event: EventFacts
    because: str


Signal = InvoiceChanged | SubscriptionChanged | PaymentMethodChanged | ChargeSeen | RefundSeen | AccountLeft | NotForUs
