"""The billing reader: what it asks, how it translates, and which errors its port allows."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.billing.charge import ChargeStatus
from flexpay_reconcile.billing.invoice import BillingReason, InvoiceStatus, SubscriptionStatus
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, OperatorError, TryLater
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import CustomerId, InvoiceId, PaymentMethodId, SubscriptionId
from flexpay_reconcile.values.instant import Instant
from tests.unit.stripe_api.canned import (
    ACCOUNT,
    FALLBACK,
    NOW,
    PRIMARY,
    Bench,
    charge,
    error,
    integration,
    invoice,
    limited,
    listing,
    subscription,
)

IN = InvoiceId("in_1")
SINCE = Instant.from_seconds(1_799_000_000)


def reader(*answers: object):
    """A reader over 200 answers, and its bench."""
    bench = Bench()
    for answer in answers:
        bench.http.answers(200, answer)
    return bench.gateways().billing_reader(integration()), bench


def failing(status: int, body: object, **headers: str):
    """A reader whose every call gets this answer."""
    bench = Bench()
    bench.http.answers(status, body, **headers)
    return bench.gateways().billing_reader(integration()), bench


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


@pytest.mark.parametrize(
    "changes",
    [
        {"amount_remaining": "5000"},
        {"amount_remaining": True},
        {"amount_remaining": None},
        {"livemode": None},
        {"currency": "zzz"},
        {"status": 3},
        {"created": -1},
        {"created": 1e9},
        {"customer": 5},
        {"parent": "sub_1"},
        {"auto_advance": "yes"},
        {"next_payment_attempt": "soon"},
    ],
)
def test_a_wrong_field_is_named_and_can_wait(changes):
    """A field of the wrong type is TryLater with the field's name, never a crash and never a guess."""
    billing, _ = reader(invoice(**changes))
    with pytest.raises(TryLater) as caught:
        billing.invoice(IN)
    assert caught.value.code == "E-stripe-answer"
    (name,) = changes
    assert name in caught.value.message


def test_the_other_mode_is_refused():
    """An object of live mode behind a sandbox integration stops the work of a person, not of time."""
    billing, _ = reader(invoice(livemode=True))
    with pytest.raises(OperatorError) as caught:
        billing.invoice(IN)
    assert caught.value.code == "E-livemode"


def test_missing_objects_are_none():
    """404 is the value None for objects, and no rows for lists of something that does not exist."""
    billing, _ = failing(404, error(code="resource_missing", param="id"))
    assert billing.invoice(IN) is None
    assert billing.subscription(SubscriptionId("sub_1")) is None
    assert billing.customer(CustomerId("cus_1")) is None
    billing, _ = failing(400, error(code="resource_missing", param="customer"))
    assert billing.charges_of(CustomerId("cus_1"), SINCE) == ()


LATER = [
    (429, error(code="rate_limit"), {"Stripe_Rate_Limited_Reason": "global-rate"}, "E-stripe-limit"),
    (429, error(code="lock_timeout"), {}, "E-stripe-busy"),
    (500, error("api_error"), {}, "E-stripe-answer"),
    (502, "<html>", {}, "E-stripe-answer"),
    (200, "{", {}, "E-stripe-answer"),
]


@pytest.mark.parametrize(("status", "body", "headers", "code"), LATER)
def test_what_time_may_heal(status, body, headers, code):
    """Limits, locks, outages and broken answers are TryLater, each with its code."""
    billing, _ = failing(status, body, **headers)
    with pytest.raises(TryLater) as caught:
        billing.invoice(IN)
    assert caught.value.code == code


def test_no_connection_can_wait():
    """An unreachable Stripe is TryLater."""
    bench = Bench()
    bench.http.fails(stripe.APIConnectionError("x"))
    with pytest.raises(TryLater):
        bench.gateways().billing_reader(integration()).invoice(IN)


def test_refused_keys_are_for_a_person():
    """401 and 403 are OperatorError (KEY_REFUSED); the 403 names the permission, neither shows the key."""
    billing, _ = failing(401, error(message=f"Invalid API Key provided: {PRIMARY}"))
    with pytest.raises(OperatorError) as caught:
        billing.invoice(IN)
    assert (caught.value.code, caught.value.kind) == ("E-stripe-401", ErrorKind.KEY_REFUSED)
    assert "Canary" not in caught.value.message
    billing, _ = failing(403, error(message=f"The key '{PRIMARY}' … Having the 'rak_invoice_read' permission …"))
    with pytest.raises(OperatorError) as caught:
        billing.invoice(IN)
    assert (caught.value.code, caught.value.kind) == ("E-stripe-403", ErrorKind.KEY_REFUSED)
    assert "rak_invoice_read" in caught.value.message
    assert "Canary" not in caught.value.message


@pytest.mark.parametrize(("status", "keys"), [(401, 1), (403, 1), (500, 1), (409, 1)])
def test_reads_use_the_fallback_for_the_limiter_only(status, keys):
    """No other answer moves a read to the fallback key."""
    billing, bench = failing(status, error())
    with pytest.raises((TryLater, OperatorError)):
        billing.invoice(IN)
    assert len(bench.http.sent) == keys


def test_reads_fail_over_when_limited():
    """A limited read goes once through the fallback key."""
    bench = Bench()
    bench.http.answers(*limited(), Stripe_Rate_Limited_Reason="global-rate").answers(200, invoice())
    assert bench.gateways().billing_reader(integration()).invoice(IN) is not None
    assert [sent.key for sent in bench.http.sent] == [PRIMARY, FALLBACK]


def test_a_revoked_key_is_looked_up_again():
    """After a 401 the reference is resolved anew, so that a replaced key works without a restart."""
    bench = Bench()
    bench.http.answers(401, error(code="api_key_expired")).answers(200, invoice())
    billing = bench.gateways().billing_reader(integration())
    with pytest.raises(OperatorError):
        billing.invoice(IN)
    bench.vault.values["PRIMARY"] = "rk_test_Replaced1"
    assert billing.invoice(IN) is not None
    assert bench.http.sent[-1].key == "rk_test_Replaced1"


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


def test_one_unreadable_charge_fails_the_list():
    """A ceiling that missed a charge would let one too many through."""
    billing, _ = reader(listing(charge(), charge(status="teleported")))
    with pytest.raises(TryLater):
        billing.charges_of(CustomerId("cus_1"), SINCE)


def test_lists_are_read_to_their_end():
    """Pages follow each other by the last id; every request is one endpoint's."""
    billing, bench = reader(listing(charge(id="ch_3"), charge(id="ch_2"), has_more=True), listing(charge(id="ch_1")))
    assert [found.id for found in billing.charges_of(CustomerId("cus_1"), SINCE)] == ["ch_3", "ch_2", "ch_1"]
    first, second = bench.http.sent
    assert "starting_after" not in first.params
    assert second.params["starting_after"] == "ch_2"
    assert second.params["limit"] == "100"


@pytest.mark.parametrize("page", [listing(has_more=True), listing(charge(), has_more=True), {"object": "list"}])
def test_endless_and_broken_pages_stop(page):
    """A page that leads back to itself, an empty one that promises more, and no page at all end in TryLater."""
    billing, bench = reader(page)
    with pytest.raises(TryLater):
        billing.charges_of(CustomerId("cus_1"), SINCE)
    assert len(bench.http.sent) <= 2


def test_sweep_takes_attempted_invoices_and_survives_an_odd_one(caplog):
    """Only attempted invoices are returned; one that cannot be read is logged with its id and left out."""
    billing, bench = reader(
        listing(invoice(), invoice(id="in_2", attempted=False), invoice(id="in_3", amount_due=None))
    )
    assert [found.id for found in billing.open_invoices(SINCE)] == ["in_1"]
    assert "in_3" in caplog.text
    params = bench.http.sent[0].params
    assert (params["status"], params["collection_method"]) == ("open", "charge_automatically")
    assert params["created[gt]"] == "1799000000"


def test_paid_after_asks_for_paid_invoices_of_the_subscription():
    """The question before a cancellation: was a later invoice paid?"""
    billing, bench = reader(listing(invoice(id="in_9", status="paid")))
    assert billing.paid_after(SubscriptionId("sub_1"), SINCE) == ("in_9",)
    params = bench.http.sent[0].params
    assert (params["subscription"], params["status"], params["created[gt]"]) == ("sub_1", "paid", "1799000000")


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


def test_bad_ids_are_bugs():
    """An id that is none never becomes a path."""
    billing, bench = reader(invoice())
    with pytest.raises(BrokenInvariant):
        billing.invoice(InvoiceId(""))
    assert bench.http.sent == []
