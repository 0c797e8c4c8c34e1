"""An invoice, its subscription and its customer as read from Stripe at one moment. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.values.ids import AccountId, CustomerId, InvoiceId, PaymentMethodId, SubscriptionId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money


class InvoiceStatus(StrEnum):
    """Stripe's `invoice.status`."""

    DRAFT = "draft"
    """Not final; cannot be paid."""
    OPEN = "open"
    """Final and unpaid."""
    PAID = "paid"
    """Paid."""
    UNCOLLECTIBLE = "uncollectible"
    """Written off; may still be paid."""
    VOID = "void"
    """Cancelled for good."""
    UNKNOWN = "unknown"
    """A status this version does not know; nothing may be charged on it."""


class BillingReason(StrEnum):
    """Stripe's `invoice.billing_reason`, as far as rules ask."""

    SUBSCRIPTION_CYCLE = "subscription_cycle"
    """A renewal."""
    SUBSCRIPTION_CREATE = "subscription_create"
    """The first invoice of a subscription."""
    SUBSCRIPTION_UPDATE = "subscription_update"
    """A change of a subscription."""
    SUBSCRIPTION_THRESHOLD = "subscription_threshold"
    """A usage threshold."""
    MANUAL = "manual"
    """Made by hand."""
    OTHER = "other"
    """Anything else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Invoice:
    """One invoice at `read_at`. `subscription` is None for gateway-only invoices. `paid_by_key` is not Stripe's."""

    id: InvoiceId
    account: AccountId
    livemode: bool
    status: InvoiceStatus
    collection_method: str
    auto_advance: bool
    attempted: bool
    attempt_count: int
    next_payment_attempt: Instant | None
    amount_due: Money
    amount_paid: Money
    amount_remaining: Money
    customer: CustomerId | None
    subscription: SubscriptionId | None
    default_payment_method: PaymentMethodId | None
    billing_reason: BillingReason
    created: Instant
    number: str | None
    hosted_invoice_url: str | None
    metadata: dict[str, str]
    read_at: Instant
    default_source: PaymentMethodId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class InvoicePayment:
    """One way an invoice was paid or tried: its PaymentIntent and the last charge on it."""

    id: str
    status: str
    is_default: bool
    payment_intent: str | None
    payment_intent_status: str | None
    latest_charge: Charge | None
    payment_method: str | None = None
    """The card its PaymentIntent was last confirmed with."""


class SubscriptionStatus(StrEnum):
    """Stripe's `subscription.status`."""

    INCOMPLETE = "incomplete"
    """The first payment has not succeeded."""
    INCOMPLETE_EXPIRED = "incomplete_expired"
    """The first payment never succeeded."""
    TRIALING = "trialing"
    """In trial."""
    ACTIVE = "active"
    """Paid up."""
    PAST_DUE = "past_due"
    """A required payment failed."""
    CANCELED = "canceled"
    """Over."""
    UNPAID = "unpaid"
    """Unpaid; new invoices stay drafts."""
    PAUSED = "paused"
    """Paused."""
    UNKNOWN = "unknown"
    """A status this version does not know; nothing may be charged or cancelled on it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """From `since` up to `until`."""

    since: Instant
    until: Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Subscription:
    """One subscription at `read_at`. `period` and `price` (of one period) are None where its items do not agree."""

    id: SubscriptionId
    account: AccountId
    livemode: bool
    status: SubscriptionStatus
    customer: CustomerId
    collection_method: str
    default_payment_method: PaymentMethodId | None
    default_source: PaymentMethodId | None
    cancel_at: Instant | None
    cancel_at_period_end: bool
    canceled_at: Instant | None
    cancellation_comment: str | None
    metadata: dict[str, str]
    read_at: Instant
    latest_invoice: InvoiceId | None = None
    period: Period | None = None
    price: Money | None = None

    def cancel_scheduled(self) -> bool:
        """Whether somebody, we or others, has scheduled its cancellation."""
        return self.cancel_at_period_end or self.cancel_at is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Customer:
    """One customer. Name and e-mail are for people to see, never to learn from."""

    id: CustomerId
    account: AccountId
    livemode: bool
    deleted: bool
    name: str | None
    email: str | None
    country: str | None
    postal_code: str | None
    created: Instant | None
    default_payment_method: PaymentMethodId | None
    default_source: PaymentMethodId | None
    read_at: Instant


def payment_method_for(
    invoice: Invoice, subscription: Subscription | None, customer: Customer | None
) -> PaymentMethodId | None:
    """The payment method Stripe's documented order would pick, or None.

    Order: the default method, then the default source, of the invoice, of the subscription, of the customer
    (Stripe: smart-retries page, 2026-04-12; invoice field documentation).
    """
    candidates = [invoice.default_payment_method, invoice.default_source]
    if subscription is not None:
        candidates += [subscription.default_payment_method, subscription.default_source]
    if customer is not None:
        candidates += [customer.default_payment_method, customer.default_source]
    return next((each for each in candidates if each), None)
