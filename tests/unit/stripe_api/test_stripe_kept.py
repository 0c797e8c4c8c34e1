"""What is kept of an event says exactly what the event said, and nothing that was not asked for."""

from __future__ import annotations

import contextlib
import json
import random
from typing import Any

import pytest

from flexpay_reconcile.adapters.stripe_api.events import StripeEvents
from flexpay_reconcile.config.events import ENABLED_EVENTS
from tests.simulation.test_hostile_data import ODD, changed, places
from tests.unit.stripe_api.canned import ACCOUNT, charge, invoice, subscription
from tests.unit.stripe_api.test_stripe_events import REFUND, event

EVENTS = StripeEvents()
OBJECTS = {
    "invoice": invoice(),
    "customer.subscription": subscription(),
    "charge": charge(),
    "refund": {**REFUND, "charge": {"id": "ch_1", "object": "charge", "customer": "cus_1", "description": "x"}},
    "payment_method": {"id": "pm_1", "object": "payment_method", "customer": {"id": "cus_1", "email": "a@b.example"}},
    "customer": {"id": "cus_1", "object": "customer", "email": "a@b.example"},
    "account": {"id": "ca_1", "object": "application", "name": "App"},
}


def body_of(type_: str) -> dict[str, Any]:
    """An event of a type."""
    room = next((each for each in sorted(OBJECTS, key=len, reverse=True) if type_.startswith(each)), "customer")
    parsed: dict[str, Any] = json.loads(event(type_, OBJECTS[room]))
    return parsed


def said(body: bytes) -> object:
    """What an event comes to: its signal and envelope, or the words with which it is refused."""
    try:
        return EVENTS.envelope(body), EVENTS.signal(body, ACCOUNT)
    except ValueError as refused:
        return str(refused)


@pytest.mark.parametrize("type_", sorted(ENABLED_EVENTS))
def test_the_signal_of_what_is_kept_is_the_signal(type_: str):
    """Each type we ask Stripe for: the same envelope and signal, from a smaller body; reducing again changes nothing."""
    body = json.dumps(body_of(type_)).encode()
    kept = EVENTS.kept(body)
    assert said(kept) == said(body)
    assert not isinstance(said(kept), str)
    assert EVENTS.kept(kept) == kept
    assert b"example" not in kept


def test_odd_values_stay_as_odd():
    """Three thousand events with one field missing or of another kind: understood alike, or refused alike."""
    rng = random.Random(11)
    types = sorted(ENABLED_EVENTS)
    refused = 0
    for _ in range(3_000):
        whole = body_of(rng.choice(types))
        odd = json.dumps(changed(whole, rng.choice(list(places(whole))), rng.choice((..., *ODD)))).encode()
        before = said(odd)
        with contextlib.suppress(ValueError):
            assert said(EVENTS.kept(odd)) == before, odd
            refused += isinstance(before, str)
    assert refused > 100


def test_only_listed_fields_of_a_charge_stay():
    """Names, addresses, receipts, metadata and a number somebody put into a key are gone; our own keys stay whole."""
    whole = body_of("charge.failed")
    whole["data"]["object"] |= {
        "billing_details": {"name": "Ada"},
        "receipt_email": "a@b.example",
        "metadata": {"a": "b"},
    }
    kept = json.loads(EVENTS.kept(json.dumps(whole).encode()))
    assert not {"billing_details", "receipt_email", "metadata"} & set(kept["data"]["object"])
    assert kept["request"]["idempotency_key"] == "fp1:acct_1Acme:in_1:1"
    whole["request"]["idempotency_key"] = "order-" + "4242 4242 4242 4242"
    kept = json.loads(EVENTS.kept(json.dumps(whole).encode()))
    assert kept["request"]["idempotency_key"] == "order-[card number]"
