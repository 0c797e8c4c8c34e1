"""What Stripe could have said: an invoice, its subscription and customer, a charge. Nothing is faked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexpay_reconcile.billing.charge import Charge, ChargeStatus, RefusalFacts
from flexpay_reconcile.billing.invoice import (
    BillingReason,
    Customer,
    Invoice,
    InvoiceStatus,
    Subscription,
    SubscriptionStatus,
)
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import AccountId, ChargeId, CustomerId, InvoiceId, PaymentMethodId, SubscriptionId
from flexpay_reconcile.values.instant import Instant

T0 = Instant.from_text("2026-11-22T09:00:00Z")
ACCOUNT = AccountId("acct_1")
CARD = PaymentMethodId("pm_1")
USD_1999 = money.of(1999, "usd")


def invoice(**changes: Any) -> Invoice:
    """A failed renewal, open, with no Stripe retry planned."""
    return replace(
        Invoice(
            id=InvoiceId("in_1"),
            account=ACCOUNT,
            livemode=False,
            status=InvoiceStatus.OPEN,
            collection_method="charge_automatically",
            auto_advance=False,
            attempted=True,
            attempt_count=1,
            next_payment_attempt=None,
            amount_due=USD_1999,
            amount_paid=money.of(0, "usd"),
            amount_remaining=USD_1999,
            customer=CustomerId("cus_1"),
            subscription=SubscriptionId("sub_1"),
            default_payment_method=None,
            billing_reason=BillingReason.SUBSCRIPTION_CYCLE,
            created=T0,
            number="A-1",
            hosted_invoice_url=None,
            metadata={},
            read_at=T0,
        ),
        **changes,
    )


def subscription(**changes: Any) -> Subscription:
    """A past-due subscription with its own default card."""
    return replace(
        Subscription(
            id=SubscriptionId("sub_1"),
            account=ACCOUNT,
            livemode=False,
            status=SubscriptionStatus.PAST_DUE,
            customer=CustomerId("cus_1"),
            collection_method="charge_automatically",
            default_payment_method=CARD,
            default_source=None,
            cancel_at=None,
            cancel_at_period_end=False,
            canceled_at=None,
            cancellation_comment=None,
            metadata={},
            read_at=T0,
        ),
        **changes,
    )


def customer(**changes: Any) -> Customer:
    """A customer without a default of their own."""
    return replace(
        Customer(
            id=CustomerId("cus_1"),
            account=ACCOUNT,
            livemode=False,
            deleted=False,
            name="Ada",
            email="ada@example.com",
            country="US",
            postal_code="02139",
            created=T0,
            default_payment_method=None,
            default_source=None,
            read_at=T0,
        ),
        **changes,
    )


def charge(**changes: Any) -> Charge:
    """A charge that the issuer refused for lack of funds."""
    return replace(
        Charge(
            id=ChargeId("ch_1"),
            account=ACCOUNT,
            livemode=False,
            status=ChargeStatus.FAILED,
            amount=USD_1999,
            created=T0,
            customer=CustomerId("cus_1"),
            payment_intent="pi_1",
            payment_method=CARD,
            payment_method_type="card",
            fingerprint="fingerprint_1",
            network="visa",
            brand="visa",
            funding="credit",
            country="US",
            last4="4242",
            refusal=RefusalFacts(error_code="card_declined", decline_code="insufficient_funds"),
            amount_refunded=money.of(0, "usd"),
        ),
        **changes,
    )
