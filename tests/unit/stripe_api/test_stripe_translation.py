"""Translation: Stripe's plain objects into our types, odd shapes included."""

from __future__ import annotations

import pytest

from flexpay_reconcile.billing.charge import ChargeStatus
from flexpay_reconcile.billing.invoice import BillingReason, InvoiceStatus, SubscriptionStatus
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import CustomerId, PaymentMethodId, SubscriptionId
from flexpay_reconcile.values.instant import Instant
from tests.unit.stripe_api.canned import (
    ACCOUNT,
    NOW,
    charge,
    invoice,
    listing,
    subscription,
)
from tests.unit.stripe_api.test_stripe_reader import IN, SINCE, reader


def test_invoice_is_translated():
    """Every field of an open renewal arrives, and it is stamped with the time before the request."""
    billing, bench = reader(invoice(next_payment_attempt=1_800_100_000))
    found = billing.invoice(IN)
    assert found is not None
    assert (found.id, found.account, found.livemode, found.read_at) == (IN, ACCOUNT, False, NOW)
    assert found.status is InvoiceStatus.OPEN
    assert found.billing_reason is BillingReason.SUBSCRIPTION_CYCLE
    assert found.amount_remaining == money.of(5000, "usd")
    assert found.subscription == "sub_1"
    assert found.next_payment_attempt == Instant.from_seconds(1_800_100_000)
    assert found.metadata == {"team": "blue"}
    assert [(sent.method, sent.path) for sent in bench.http.sent] == [("GET", "/v1/invoices/in_1")]


@pytest.mark.parametrize(
    ("changes", "field", "value"),
    [
        ({"status": "frozen"}, "status", InvoiceStatus.UNKNOWN),
        ({"billing_reason": "automatic_pending_invoice_item_invoice"}, "billing_reason", BillingReason.OTHER),
        ({"billing_reason": None}, "billing_reason", BillingReason.OTHER),
        ({"parent": None}, "subscription", None),
        ({"parent": {"type": "quote_details", "subscription_details": None}}, "subscription", None),
        ({"customer": {"id": "cus_7", "object": "customer"}}, "customer", "cus_7"),
        ({"metadata": None}, "metadata", {}),
        ({"default_payment_method": {"id": "pm_7"}}, "default_payment_method", "pm_7"),
    ],
)
def test_odd_invoices_are_still_read(changes, field, value):
    """Unknown words, expanded references and nulls are no reason to fail."""
    billing, _ = reader(invoice(**changes))
    assert getattr(billing.invoice(IN), field) == value


def payment(**changes):
    """An invoice payment with its intent and charge expanded."""
    return {
        "id": "inpay_1",
        "object": "invoice_payment",
        "livemode": False,
        "created": 1,
        "status": "open",
        "is_default": True,
        "payment": {
            "type": "payment_intent",
            "payment_intent": {"id": "pi_1", "status": "requires_payment_method", "latest_charge": charge()},
        },
        **changes,
    }


def test_payments_come_newest_first_with_their_charge():
    """One request gives the payments with intent and charge, four levels deep."""
    older = payment(
        id="inpay_0",
        created=0,
        payment={"type": "payment_intent", "payment_intent": {"id": "pi_0", "status": "canceled"}},
    )
    billing, bench = reader(listing(older, payment()))
    newest, oldest = billing.payments_of(IN)
    assert (newest.id, newest.payment_intent, newest.payment_intent_status) == (
        "inpay_1",
        "pi_1",
        "requires_payment_method",
    )
    assert newest.latest_charge is not None
    assert newest.latest_charge.id == "ch_1"
    assert (oldest.payment_intent, oldest.latest_charge) == ("pi_0", None)
    params = bench.http.sent[0].params
    assert params["invoice"] == "in_1"
    assert params["expand[0]"] == "data.payment.payment_intent.latest_charge"


def test_charges_keep_what_ceilings_and_classification_need():
    """Network, fingerprint, outcome and codes of a refused card charge; `outcome.reason` stays where Stripe put it."""
    billing, bench = reader(listing(charge()))
    (found,) = billing.charges_of(CustomerId("cus_1"), SINCE)
    assert (found.status, found.network, found.fingerprint, found.card_key()) == (
        ChargeStatus.FAILED,
        "visa",
        "fp_1",
        "fp_1",
    )
    assert (found.brand, found.funding, found.country, found.last4) == ("visa", "debit", "US", "0341")
    assert found.payment_method == PaymentMethodId("pm_1")
    refusal = found.refusal
    assert refusal is not None
    assert (refusal.error_code, refusal.decline_code, refusal.outcome_reason) == (
        "card_declined",
        None,
        "insufficient_funds",
    )
    assert (refusal.network_decline_code, refusal.network_advice_code, refusal.advice_code) == (
        "51",
        "02",
        "try_again_later",
    )
    assert found.reached_network()
    assert bench.http.sent[0].params["created[gte]"] == "1799000000"


@pytest.mark.parametrize(
    ("details", "network", "fingerprint"),
    [
        ({"type": "card", "card": {"brand": "amex", "network": None, "fingerprint": "f"}}, "amex", "f"),
        ({"type": "card", "card": {"brand": "mastercard", "network": "unknown"}}, "mastercard", None),
        ({"type": "us_bank_account", "us_bank_account": {"fingerprint": "b", "last4": "6789"}}, "ach", "b"),
        ({"type": "sepa_debit", "sepa_debit": {"fingerprint": "s", "country": "DE"}}, "sepa_debit", "s"),
        ({"type": "card", "card": None}, None, None),
        ({"type": "newpay", "newpay": {"brand": {"odd": 1}}}, None, None),
        (None, None, None),
    ],
)
def test_networks_of_odd_methods(details, network, fingerprint):
    """The brand stands in for a missing network, a bank debit's scheme for itself, and nothing is invented."""
    billing, _ = reader(listing(charge(payment_method_details=details)))
    (found,) = billing.charges_of(CustomerId("cus_1"), SINCE)
    assert (found.network, found.fingerprint) == (network, fingerprint)


def test_a_blocked_charge_did_not_reach_the_network():
    """What Stripe blocked itself is no network attempt."""
    blocked = {"type": "blocked", "network_status": "not_sent_to_network", "reason": "highest_risk_level"}
    billing, _ = reader(listing(charge(outcome=blocked), charge(id="ch_2", status="succeeded", outcome=None)))
    first, second = billing.charges_of(CustomerId("cus_1"), SINCE)
    assert not first.reached_network()
    assert second.refusal is None


def test_subscription_is_translated():
    """Status, defaults and the fields of cancellations arrive; an unknown status is UNKNOWN."""
    details = {"comment": "fp", "reason": "payment_failed"}
    billing, _ = reader(
        subscription(cancel_at=1_800_200_000, cancellation_details=details), subscription(status="hibernating")
    )
    found = billing.subscription(SubscriptionId("sub_1"))
    assert found is not None
    assert (found.status, found.default_payment_method) == (SubscriptionStatus.PAST_DUE, "pm_1")
    assert (found.cancel_at, found.cancellation_comment) == (Instant.from_seconds(1_800_200_000), "fp")
    assert billing.subscription(SubscriptionId("sub_1")).status is SubscriptionStatus.UNKNOWN


def test_customers_whole_and_deleted():
    """Address or shipping gives country and postal code; a deleted customer has only its id."""
    whole = {
        "id": "cus_1",
        "object": "customer",
        "livemode": False,
        "created": 1,
        "name": "Ada",
        "email": None,
        "address": None,
        "shipping": {"address": {"country": "NL", "postal_code": "1011"}},
        "invoice_settings": {"default_payment_method": "pm_1"},
        "default_source": None,
    }
    billing, _ = reader(whole, {"id": "cus_1", "object": "customer", "deleted": True})
    found = billing.customer(CustomerId("cus_1"))
    assert found is not None
    assert (found.country, found.postal_code, found.default_payment_method) == ("NL", "1011", "pm_1")
    gone = billing.customer(CustomerId("cus_1"))
    assert gone is not None
    assert (gone.deleted, gone.livemode, gone.created) == (True, False, None)
