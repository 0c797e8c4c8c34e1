"""Invoices, subscriptions and customers from Stripe's plain objects. Unknown words become UNKNOWN or OTHER."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.billing.invoice import (
    BillingReason,
    Customer,
    Invoice,
    InvoiceStatus,
    Period,
    Subscription,
    SubscriptionStatus,
)
from flexpay_reconcile.errors import FlexpayError
from flexpay_reconcile.values import card_number, money
from flexpay_reconcile.values.ids import AccountId, CustomerId, InvoiceId, PaymentMethodId, SubscriptionId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money

_INVOICE = {status.value: status for status in InvoiceStatus}
_REASON = {reason.value: reason for reason in BillingReason}
_SUBSCRIPTION = {status.value: status for status in SubscriptionStatus}


def subscription_behind(invoice: dict[str, Any]) -> SubscriptionId | None:
    """The subscription an invoice belongs to: `parent.subscription_details.subscription` since API basil."""
    details = fields.part(fields.part(invoice, "parent"), "subscription_details")
    found = fields.reference(details, "subscription")
    return SubscriptionId(found) if found else None


def invoice_of(data: dict[str, Any], account: AccountId, read_at: Instant) -> Invoice:
    """An invoice as read at `read_at`."""
    return Invoice(
        id=InvoiceId(fields.text(data, "id")),
        account=account,
        livemode=fields.flag(data, "livemode"),
        status=_INVOICE.get(fields.text(data, "status"), InvoiceStatus.UNKNOWN),
        collection_method=fields.text(data, "collection_method"),
        auto_advance=fields.flag(data, "auto_advance"),
        attempted=fields.flag(data, "attempted"),
        attempt_count=fields.whole(data, "attempt_count"),
        next_payment_attempt=fields.optional_instant(data, "next_payment_attempt"),
        amount_due=fields.amount(data, "amount_due"),
        amount_paid=fields.amount(data, "amount_paid"),
        amount_remaining=fields.amount(data, "amount_remaining"),
        customer=_customer(data),
        subscription=subscription_behind(data),
        default_payment_method=_method(data, "default_payment_method"),
        default_source=_method(data, "default_source"),
        billing_reason=_REASON.get(fields.optional_text(data, "billing_reason") or "", BillingReason.OTHER),
        created=fields.instant(data, "created"),
        number=fields.optional_text(data, "number"),
        hosted_invoice_url=fields.optional_text(data, "hosted_invoice_url"),
        metadata=fields.metadata(data),
        read_at=read_at,
    )


def subscription_of(data: dict[str, Any], account: AccountId, read_at: Instant) -> Subscription:
    """A subscription as read at `read_at`."""
    period, price = _terms(data)
    return Subscription(
        id=SubscriptionId(fields.text(data, "id")),
        account=account,
        livemode=fields.flag(data, "livemode"),
        status=_SUBSCRIPTION.get(fields.text(data, "status"), SubscriptionStatus.UNKNOWN),
        customer=CustomerId(fields.required_reference(data, "customer")),
        collection_method=fields.text(data, "collection_method"),
        default_payment_method=_method(data, "default_payment_method"),
        default_source=_method(data, "default_source"),
        cancel_at=fields.optional_instant(data, "cancel_at"),
        cancel_at_period_end=fields.flag(data, "cancel_at_period_end"),
        canceled_at=fields.optional_instant(data, "canceled_at"),
        cancellation_comment=fields.optional_text(fields.part(data, "cancellation_details"), "comment"),
        metadata=fields.metadata(data),
        read_at=read_at,
        latest_invoice=_invoice_id(data),
        period=period,
        price=price,
    )


def _invoice_id(data: dict[str, Any]) -> InvoiceId | None:
    """For the forecast alone: what is odd here must not keep the engine from reading the rest."""
    try:
        found = fields.reference(data, "latest_invoice")
    except fields.BadAnswer:
        return None
    return InvoiceId(found) if found else None


def _terms(data: dict[str, Any]) -> tuple[Period | None, Money | None]:
    """The period and its price, where all items have one period and plain prices; the forecast's, so never an error."""
    try:
        items = fields.rows(fields.part(data, "items"))
        ends = {
            (fields.instant(each, "current_period_start"), fields.instant(each, "current_period_end")) for each in items
        }
        pairs = [(each, fields.part(each, "price")) for each in items]
        amounts = [fields.whole(of, "unit_amount") * fields.whole(item, "quantity") for item, of in pairs]
        codes = {fields.text(of, "currency") for _, of in pairs}
        if len(ends) != 1 or len(codes) != 1:
            return None, None
        since, until = ends.pop()
        price = money.of(sum(amounts), codes.pop())
    except (fields.BadAnswer, FlexpayError):
        return None, None
    return (Period(since=since, until=until), price) if since < until else (None, None)


def customer_of(data: dict[str, Any], account: AccountId, read_at: Instant, *, livemode: bool) -> Customer:
    """A customer as read at `read_at`. A deleted one has little more than its id; its mode is then the key's."""
    deleted = data.get("deleted") is True
    address = fields.part(data, "address") or fields.part(fields.part(data, "shipping"), "address")
    name = fields.optional_text(data, "name")
    return Customer(
        id=CustomerId(fields.text(data, "id")),
        account=account,
        livemode=livemode if deleted and "livemode" not in data else fields.flag(data, "livemode"),
        deleted=deleted,
        name=card_number.masked(name) if name else None,  # people type anything into a name (G2)
        email=fields.optional_text(data, "email"),
        country=fields.optional_text(address, "country"),
        postal_code=fields.optional_text(address, "postal_code"),
        created=fields.optional_instant(data, "created"),
        default_payment_method=_method(fields.part(data, "invoice_settings"), "default_payment_method"),
        default_source=_method(data, "default_source"),
        read_at=read_at,
    )


def _customer(data: dict[str, Any]) -> CustomerId | None:
    found = fields.reference(data, "customer")
    return CustomerId(found) if found else None


def _method(data: dict[str, Any], name: str) -> PaymentMethodId | None:
    found = fields.reference(data, name)
    return PaymentMethodId(found) if found else None
