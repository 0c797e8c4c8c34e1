"""Events: which signal each type is, and which bodies are refused with words a person can read."""

from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.adapters.stripe_api.events import StripeEvents
from flexpay_reconcile.billing.signal import (
    ChargeSeen,
    InvoiceChanged,
    NotForUs,
    PaymentMethodChanged,
    RefundSeen,
    SubscriptionChanged,
)
from flexpay_reconcile.config.events import API_VERSION, ENABLED_EVENTS, SUPPORTED_API_VERSIONS
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import AccountId
from tests.unit.stripe_api.canned import ACCOUNT, charge, invoice, subscription

REFUND = {
    "id": "re_1",
    "object": "refund",
    "amount": 5000,
    "charge": "ch_1",
    "created": 1_800_000_000,
    "currency": "usd",
    "payment_intent": "pi_1",
    "status": "succeeded",
}


def event(type_: str, obj: object, **changes: object) -> bytes:
    """A webhook body."""
    return json.dumps(
        {
            "id": "evt_1",
            "object": "event",
            "type": type_,
            "api_version": API_VERSION,
            "created": 1_800_000_000,
            "livemode": False,
            "pending_webhooks": 1,
            "request": {"id": "req_1", "idempotency_key": "fp1:acct_1Acme:in_1:1"},
            "data": {"object": obj},
            **changes,
        }
    ).encode()


def signal(type_: str, data: object, **changes: object):
    """The signal of a body."""
    return StripeEvents().signal(event(type_, data, **changes), ACCOUNT)


INVOICE_TYPES = ["payment_failed", "paid", "payment_action_required", "updated", "voided", "marked_uncollectible"]


@pytest.mark.parametrize("what", INVOICE_TYPES)
def test_invoice_events(what):
    """Each names the invoice to read again, its subscription and its customer."""
    found = signal(f"invoice.{what}", invoice())
    assert isinstance(found, InvoiceChanged)
    assert (found.invoice, found.subscription, found.customer) == ("in_1", "sub_1", "cus_1")
    facts = found.event
    assert (facts.event_id, facts.account, facts.livemode, facts.request_id) == ("evt_1", ACCOUNT, False, "req_1")
    assert facts.idempotency_key == "fp1:acct_1Acme:in_1:1"


@pytest.mark.parametrize("what", ["updated", "deleted"])
def test_subscription_events(what):
    """Each names the subscription to read again."""
    found = signal(f"customer.subscription.{what}", subscription())
    assert isinstance(found, SubscriptionChanged)
    assert (found.subscription, found.customer) == ("sub_1", "cus_1")


@pytest.mark.parametrize(("what", "status"), [("failed", "failed"), ("succeeded", "succeeded")])
def test_charge_events_carry_the_charge(what, status):
    """The event's own copy is kept, and a connected account's is that account's."""
    found = signal(f"charge.{what}", charge(status=status), account="acct_connected")
    assert isinstance(found, ChargeSeen)
    assert (found.charge.id, found.charge.status.value) == ("ch_1", status)
    assert found.charge.account == found.event.account == AccountId("acct_connected")


@pytest.mark.parametrize("what", ["created", "updated", "failed"])
def test_refund_events(what):
    """A refund knows its charge, amount and status, whether or not the charge is expanded."""
    found = signal(f"refund.{what}", REFUND)
    assert isinstance(found, RefundSeen)
    assert (found.id, found.charge, found.amount, found.status) == ("re_1", "ch_1", money.of(5000, "usd"), "succeeded")
    expanded = signal(f"refund.{what}", {**REFUND, "charge": charge(), "status": None})
    assert (expanded.charge, expanded.customer, expanded.status) == ("ch_1", "cus_1", "unknown")


@pytest.mark.parametrize("type_", ["payment_method.updated", "payment_method.automatically_updated"])
def test_payment_method_events(type_):
    """An updated card may matter to its customer's cases."""
    found = signal(type_, {"id": "pm_1", "object": "payment_method", "customer": "cus_1"})
    assert isinstance(found, PaymentMethodChanged)
    assert found.customer == "cus_1"


def test_customer_updated_may_be_a_new_default():
    """The customer is the object itself."""
    found = signal("customer.updated", {"id": "cus_1", "object": "customer"})
    assert isinstance(found, PaymentMethodChanged)
    assert found.customer == "cus_1"


@pytest.mark.parametrize(
    ("type_", "data", "words"),
    [
        ("charge.refunded", charge(), "refund.*"),
        ("payment_method.attached", {"id": "pm_1", "customer": "cus_1"}, "attached"),
        ("payment_method.updated", {"id": "pm_1", "customer": None}, "no customer"),
        ("refund.created", {**REFUND, "charge": None}, "no charge"),
        ("charge.dispute.created", {"id": "dp_1"}, "disputes"),
        ("invoice.created", invoice(), "no rule"),
        ("brand.new", {"id": "x_1"}, "no rule"),
    ],
)
def test_events_that_ask_for_nothing(type_, data, words):
    """They are understood and put aside with a reason."""
    found = signal(type_, data)
    assert isinstance(found, NotForUs)
    assert words in found.because


def test_what_we_subscribe_to_is_what_we_understand():
    """Every subscribed type becomes something, nothing else does; never invoice.created, never a wildcard."""
    samples = {
        "invoice": invoice(),
        "charge": charge(),
        "refund": REFUND,
        "customer": subscription(),
        "payment_method": {"id": "pm_1", "customer": "cus_1"},
    }
    for type_ in ENABLED_EVENTS:
        assert not isinstance(signal(type_, samples[type_.partition(".")[0]]), NotForUs), type_
    assert list(ENABLED_EVENTS) == sorted(set(ENABLED_EVENTS))
    assert not {"invoice.created", "*"} & set(ENABLED_EVENTS)


def test_the_shipped_version_is_the_sdks():
    """The pinned API version is the SDK's own, and our endpoints are made with it."""
    import stripe

    assert stripe.api_version == API_VERSION == SUPPORTED_API_VERSIONS[0]


def test_envelope():
    """The fields storage needs."""
    found = StripeEvents().envelope(event("invoice.paid", invoice(), account="acct_c", request=None))
    assert (found.event_id, found.type, found.account, found.livemode) == ("evt_1", "invoice.paid", "acct_c", False)
    assert (found.object_id, found.idempotency_key, found.created, found.api_version) == (
        "in_1",
        None,
        1_800_000_000,
        API_VERSION,
    )


def test_old_request_form():
    """In old API versions `request` was the bare id."""
    assert signal("invoice.paid", invoice(), request="req_9").event.request_id == "req_9"


BAD = [
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"\xff", "not JSON"),
    (b"[" * 100_000, "not JSON"),
    (b"[]", "not a Stripe event"),
    (b"{}", "not a Stripe event"),
    (b'{"object": "v2.core.event"}', "not a Stripe event"),
    (event("invoice.paid", None), "data.object"),
    (event("invoice.paid", [1]), "object should be an object"),
    (event("invoice.paid", invoice(), data="x"), "data should be an object"),
    (event("invoice.paid", invoice(), id=5), "id should be a text"),
    (event("invoice.paid", invoice(), livemode="no"), "livemode should be true or false"),
    (event("invoice.paid", invoice(), created="now"), "created should be a whole number"),
    (event("invoice.paid", invoice(), created=-1), "created should be unix seconds"),
    (event("invoice.paid", invoice(), created=2**52), "created should be unix seconds"),
    (event("invoice.paid", invoice(), created=10**30), "created should be a whole number"),
    (event("charge.failed", charge(amount=10**30)), "amount should be a whole number"),
    (event("invoice.paid", invoice(), request=7), "request should be an object"),
    (event("invoice.paid", {"object": "invoice", "lines": 1}), "id should be a text"),
    (event("charge.failed", charge(amount="5")), "amount should be a whole number"),
    (event("charge.failed", charge(currency="zzz")), "currency 'zzz'"),
    (event("charge.failed", charge(status="odd")), "unknown status 'odd'"),
    (event("refund.created", {**REFUND, "amount": None}), "amount should be a whole number"),
    (event("customer.updated", {"object": "customer", "email": "a@b.example"}), "id should be a text"),
]


@pytest.mark.parametrize(("body", "words"), BAD)
def test_bad_bodies_say_what_is_wrong(body, words):
    """A body that is no event of ours is a ValueError that names the field, not its value."""
    with pytest.raises(ValueError, match=r".") as caught:
        StripeEvents().signal(body, ACCOUNT)
    assert words in str(caught.value)
    assert "a@b.example" not in str(caught.value)


@pytest.mark.parametrize("created", [-1, 2**52, 2**62, 10**30, 10**4000])
def test_an_envelope_tells_a_time_that_can_be_stored(created):
    """A time no calendar has is a bad body, answered as one, and not a fault of ours."""
    body = event("invoice.paid", invoice()).replace(b"1800000000", str(created).encode())
    with pytest.raises(ValueError, match="created"):
        StripeEvents().envelope(body)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "object", "customer", "amount", "status", "parent", "charge", "created"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=10,
)


@given(st.sampled_from(ENABLED_EVENTS), JSON, JSON)
def test_no_object_crashes_the_reader(type_, data, request):
    """Whatever stands in an event is a signal or a ValueError."""
    body = event(type_, data, request=request)
    for read in (lambda: StripeEvents().signal(body, ACCOUNT), lambda: StripeEvents().envelope(body)):
        with contextlib.suppress(ValueError):
            read()
