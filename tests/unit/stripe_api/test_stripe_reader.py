"""The billing reader: what it asks, how it translates, and which errors its port allows."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater
from flexpay_reconcile.values.ids import CustomerId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant
from tests.unit.stripe_api.canned import (
    FALLBACK,
    PRIMARY,
    Bench,
    charge,
    error,
    integration,
    invoice,
    limited,
    listing,
)

IN = InvoiceId("in_1")
SINCE = Instant.from_seconds(1_799_000_000)
CUSTOMER = {
    "id": "cus_1",
    "object": "customer",
    "livemode": False,
    "created": 1_799_000_000,
    "name": "Cleo",
    "email": None,
    "invoice_settings": {"default_payment_method": "pm_1"},
    "default_source": None,
}


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


@pytest.mark.parametrize("bad", ["", ".", ".."])
def test_what_is_no_id_never_becomes_a_path(bad):
    """An empty id or a step of a path would name another resource: refused before anything is sent."""
    billing, bench = reader(invoice())
    with pytest.raises(OperatorError) as caught:
        billing.invoice(InvoiceId(bad))
    assert caught.value.code == "E-stripe-request"
    assert bench.http.sent == []


@pytest.mark.parametrize(
    ("chosen", "path"),
    [
        ("cleo@example.com", "/v1/customers/cleo%40example.com"),
        ("a/b", "/v1/customers/a%2Fb"),
        ("../invoices", "/v1/customers/..%2Finvoices"),
        ("x?expand=y#z", "/v1/customers/x%3Fexpand%3Dy%23z"),
        ("zwölf 12%", "/v1/customers/zw%C3%B6lf%2012%25"),
    ],
)
def test_an_id_a_merchant_chose_is_encoded(chosen, path):
    """Merchants of long ago chose their customers' ids: any text is one segment of the path, and never more."""
    billing, bench = reader({**CUSTOMER, "id": chosen})
    found = billing.customer(CustomerId(chosen))
    assert found is not None
    assert found.id == chosen
    assert [each.path for each in bench.http.sent] == [path]


def test_half_a_character_in_a_name_is_replaced():
    """JSON can carry half of a pair of surrogates, which no database stores: a question mark stands for it."""
    billing, _ = reader({**CUSTOMER, "name": "Cleo \ud83d", "email": "\udc00"})
    found = billing.customer(CustomerId("cus_1"))
    assert found is not None
    assert (found.name, found.email) == ("Cleo ?", "?")


def test_a_source_of_the_invoice_is_read():
    """An invoice may name an old source of its own to be charged."""
    billing, _ = reader(invoice(default_source="card_1"))
    found = billing.invoice(IN)
    assert found is not None
    assert (found.default_payment_method, found.default_source) == (None, "card_1")
