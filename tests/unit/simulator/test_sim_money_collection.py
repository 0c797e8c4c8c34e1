"""Who is charged and when collection stops: the card that comes first, debits that are retried, cancelled subscriptions."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.helpers import DAY, HOUR, client, small_world
from tests.unit.simulator.payments import charges_of, events, new_customer, price, refused

_LEVELS = ("invoice", "subscription", "customer")


@pytest.mark.parametrize("by", ["pay", "stripe"])
@pytest.mark.parametrize(
    ("given", "charged"),
    [
        (("invoice",), "invoice"),
        (("subscription",), "subscription"),
        (("customer",), "customer"),
        (("subscription", "customer"), "subscription"),
        (("invoice", "customer"), "invoice"),
        (("invoice", "subscription"), "invoice"),
        (_LEVELS, "invoice"),
        ((), None),
    ],
)
def test_the_card_nearest_to_the_invoice_is_charged(given: tuple[str, ...], charged: str | None, by: str) -> None:
    """Invoice, then subscription, then customer; each alone, each pair and all, for our tries and for Stripe's own."""
    world = small_world()
    v1 = client(world).v1
    customer, first = new_customer(world)
    made = v1.subscriptions.create({"customer": customer, "items": [{"price": price(world)}]})
    renewal = made["items"].data[0].current_period_end
    cards = {name: v1.payment_methods.attach("pm_card_mastercard", {"customer": customer}).id for name in _LEVELS}
    named = {name: cards[name] if name in given else "" for name in _LEVELS}
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": named["customer"]}})
    v1.subscriptions.update(made.id, {"default_payment_method": named["subscription"]})
    world.advance_to(renewal)
    (invoice,) = v1.invoices.list({"subscription": made.id, "status": "draft"}).data
    v1.invoices.update(invoice.id, {"default_payment_method": named["invoice"], "auto_advance": by == "stripe"})
    before = len(charges_of(world, customer))
    if by == "stripe":
        world.advance_to(renewal + 2 * HOUR)
    else:
        v1.invoices.finalize_invoice(invoice.id)
        if charged is None:
            assert refused(v1.invoices.pay, invoice.id).http_status == 400
        else:
            v1.invoices.pay(invoice.id)
    new = charges_of(world, customer)
    found = [row.payment_method for row in new[: len(new) - before]]
    assert found == ([] if charged is None else [cards[charged]])
    assert first not in found


def test_a_card_named_for_the_payment_goes_before_all() -> None:
    """`payment_method` of pay, though invoice, subscription and customer name others."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    explicit, other = (v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id for _ in range(2))
    v1.invoice_items.create({"customer": customer, "amount": 1000, "currency": "usd"})
    wanted = {"customer": customer, "pending_invoice_items_behavior": "include", "default_payment_method": other}
    invoice = v1.invoices.create(wanted).id
    v1.invoices.finalize_invoice(invoice)
    v1.invoices.pay(invoice, {"payment_method": explicit})
    assert charges_of(world, customer)[0].payment_method == explicit


@pytest.mark.parametrize(
    ("bank", "kind", "retried"),
    [
        ("pm_usBankAccount_insufficientFunds", "us_bank_account", True),
        ("DE65370400440002222227", "sepa_debit", False),
    ],
)
@pytest.mark.parametrize("retries", ["smart", "custom"])
def test_stripe_retries_ach_debits_and_no_sepa_debits(bank: str, kind: str, retried: bool, retries: str) -> None:
    """After a debit came back, a next attempt is planned, and carried out, for ACH only."""
    billing: dict[str, Any] = {"retries": retries, **({"rules": [3, 5]} if retries == "custom" else {})}
    world = small_world(billing=billing)
    v1 = client(world).v1
    customer, _ = new_customer(world)
    made = v1.subscriptions.create({"customer": customer, "items": [{"price": price(world, currency="eur")}]})
    if kind == "sepa_debit":
        owner = {"name": "Guest", "email": "guest@example.com"}
        data = {"type": kind, "sepa_debit": {"iban": bank}, "billing_details": owner}
        bank = v1.payment_methods.create(data).id
    method = v1.payment_methods.attach(bank, {"customer": customer})
    assert method.type == kind
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method.id}})
    world.advance_to(made["items"].data[0].current_period_end + HOUR)
    (debited,) = v1.invoices.list({"subscription": made.id, "status": "open"}).data
    for _ in range(20):
        if events(world, "invoice.payment_failed", about=debited.id):
            break
        world.advance_to(world.now + DAY)
    failed = v1.invoices.retrieve(debited.id)
    assert len(events(world, "invoice.payment_failed", about=debited.id)) == 1
    assert failed.status == "open"
    assert (failed.attempt_count, failed.next_payment_attempt is not None) == (1, retried)
    world.advance_to(world.now + 10 * DAY)
    tries = {row["id"] for row in world.ledger.charges if row["invoice"] == debited.id}
    assert (len(tries) > 1) is retried


def _draft(v1: Any, customer: str, **more: Any) -> str:
    v1.invoice_items.create({"customer": customer, "amount": 1000, "currency": "usd"})
    wanted = {"customer": customer, "pending_invoice_items_behavior": "include", "auto_advance": True, **more}
    return str(v1.invoices.create(wanted).id)


def test_cancelling_stops_the_collection_of_all_the_customers_finalised_invoices() -> None:
    """Another subscription's and a one-off invoice stop too; another customer's goes on; our own pay still works."""
    world = small_world(billing={"retries": "smart"})
    v1 = client(world).v1
    customer, _ = new_customer(world)
    ended, kept = (
        v1.subscriptions.create({"customer": customer, "items": [{"price": price(world)}]}) for _ in range(2)
    )
    stranger, _ = new_customer(world, "pm_card_chargeCustomerFail")
    bad = v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    v1.customers.update(customer, {"invoice_settings": {"default_payment_method": bad}})
    world.advance_to(ended["items"].data[0].current_period_end + 2 * HOUR)
    owed = [v1.invoices.list({"subscription": each.id, "status": "open"}).data[0].id for each in (ended, kept)]
    oneoff, other = (v1.invoices.finalize_invoice(_draft(v1, each)).id for each in (customer, stranger))
    assert all(v1.invoices.retrieve(each).next_payment_attempt is not None for each in (*owed, oneoff, other))
    v1.subscriptions.cancel(ended.id)
    for each in (*owed, oneoff):
        stopped = v1.invoices.retrieve(each)
        assert (stopped.status, stopped.auto_advance, stopped.next_payment_attempt) == ("open", False, None)
        told = events(world, "invoice.updated", about=each)[-1]["data"]["previous_attributes"]
        assert told["auto_advance"] is True
    assert v1.invoices.retrieve(other).auto_advance is True
    tried = {each: v1.invoices.retrieve(each).attempt_count for each in (*owed, oneoff)}
    world.advance_to(world.now + 20 * DAY)
    assert {each: v1.invoices.retrieve(each).attempt_count for each in tried} == tried
    assert v1.invoices.retrieve(other).attempt_count > 0
    good = v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    assert v1.invoices.pay(owed[0], {"payment_method": good}).status == "paid"
    assert v1.subscriptions.retrieve(kept.id).status != "canceled"


def test_a_draft_of_a_cancelled_subscription_waits_and_others_go_on() -> None:
    """Its own draft is neither finalised nor charged by itself; a one-off draft of the same customer is."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    made = v1.subscriptions.create({"customer": customer, "items": [{"price": price(world)}]})
    world.advance_to(made["items"].data[0].current_period_end)
    (draft,) = v1.invoices.list({"subscription": made.id, "status": "draft"}).data
    assert draft.auto_advance is True
    oneoff = _draft(v1, customer)
    before = len(charges_of(world, customer))
    v1.subscriptions.cancel(made.id)
    waiting = v1.invoices.retrieve(draft.id)
    assert (waiting.status, waiting.auto_advance) == ("draft", False)
    assert (waiting.automatically_finalizes_at, waiting.next_payment_attempt) == (None, None)
    world.advance_to(world.now + 5 * DAY)
    assert v1.invoices.retrieve(draft.id).status == "draft"
    assert v1.invoices.retrieve(oneoff).status == "paid"
    assert len(charges_of(world, customer)) == before + 1
    v1.invoices.finalize_invoice(draft.id)
    assert v1.invoices.pay(draft.id).status == "paid"
