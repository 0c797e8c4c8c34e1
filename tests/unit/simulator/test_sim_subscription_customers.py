"""Customers as they are billed: their balance, and what their deletion ends."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, START, client, failed_invoice, small_world
from tests.unit.simulator.subscribing import again, customer, price, subscribe


def _credit(api, owner, amount):
    wanted = {"amount": amount, "currency": "usd", "description": "goodwill"}
    return api.v1.customers.balance_transactions.create(owner, wanted)


def test_credit_pays_the_next_invoices_until_it_is_used_up() -> None:
    """What it covers is not charged; the rest is, and the transactions tell where it went."""
    world = small_world()
    api = client(world)
    owner = customer(api)
    made = _credit(api, owner, -4000)
    assert (made.type, made.ending_balance) == ("adjustment", -4000)
    sub = subscribe(api, owner=owner)
    first = api.v1.invoices.retrieve(sub.latest_invoice)
    assert (first.total, first.amount_due, first.starting_balance, first.ending_balance) == (3000, 0, -4000, -1000)
    assert (first.status, sub.status) == ("paid", "active")
    world.advance_to(START + 32 * DAY)
    second = api.v1.invoices.retrieve(again(api, sub).latest_invoice)
    assert (second.amount_due, second.amount_paid, second.ending_balance) == (2000, 2000, 0)
    assert [row["amount"] for row in world.ledger.charges if row["customer"] == owner] == [2000]
    rows = api.v1.customers.balance_transactions.list(owner).data
    assert [(row.type, row.amount, row.invoice) for row in rows] == [
        ("applied_to_invoice", 1000, second.id),
        ("applied_to_invoice", 3000, first.id),
        ("adjustment", -4000, None),
    ]
    only = api.v1.customers.balance_transactions.list(owner, {"invoice": first.id}).data
    assert api.v1.customers.balance_transactions.retrieve(owner, only[0].id).amount == 3000


def test_a_debt_is_added_to_the_next_invoice() -> None:
    """A balance above zero is asked for with it."""
    api = client(small_world())
    owner = customer(api)
    _credit(api, owner, 500)
    first = api.v1.invoices.retrieve(subscribe(api, owner=owner).latest_invoice)
    assert (first.total, first.amount_paid, first.ending_balance) == (3000, 3500, 0)
    assert api.v1.customers.retrieve(owner).balance == 0


def test_deleting_a_customer_ends_their_subscriptions_and_leaves_a_stub() -> None:
    """The answer, the events in order, and what can be read afterwards."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    gone = api.v1.customers.delete(sub.customer)
    assert (gone.id, gone.deleted) == (sub.customer, True)
    told = [row.type for row in api.v1.events.list({"limit": 3}).data[::-1]]
    assert told[-2:] == ["customer.subscription.deleted", "customer.deleted"]
    assert again(api, sub).status == "canceled"
    assert api.v1.customers.retrieve(sub.customer).deleted is True
    expanded = api.v1.subscriptions.retrieve(sub.id, {"expand": ["customer"]}).customer
    assert (expanded.id, expanded.deleted) == (sub.customer, True)
    assert sub.customer not in [row.id for row in api.v1.customers.list({"limit": 100}).data]
    for ask in (
        lambda: api.v1.customers.update(sub.customer, {"name": "x"}),
        lambda: api.v1.customers.delete(sub.customer),
        lambda: api.v1.subscriptions.create({"customer": sub.customer, "items": [{"price": price(api)}]}),
        lambda: api.v1.payment_methods.attach("pm_card_visa", {"customer": sub.customer}),
        lambda: _credit(api, sub.customer, -1),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
            ask()
    with pytest.raises(control.ControlError, match="no customer"):
        control.decline(world, sub.customer, "do_not_honor")


def test_open_invoices_outlive_their_customer_without_being_collected() -> None:
    """Nobody can be charged for them any more; they can still be voided, and time passes without harm."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    owner = api.v1.invoices.retrieve(invoice).customer
    api.v1.customers.delete(owner)
    left = api.v1.invoices.retrieve(invoice)
    assert (left.status, left.auto_advance) == ("open", False)
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        api.v1.invoices.pay(invoice)
    world.advance_to(world.now + 90 * DAY)
    assert api.v1.invoices.void_invoice(invoice).status == "void"
    assert api.v1.invoices.list({"status": "open"}).data == []


def test_a_draft_of_a_deleted_customer_is_never_finalised() -> None:
    """Deleted within the hour between renewal and finalisation."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    world.advance_to(START + 31 * DAY)
    draft = again(api, sub).latest_invoice
    assert api.v1.invoices.retrieve(draft).status == "draft"
    api.v1.customers.delete(sub.customer)
    world.advance_to(START + 40 * DAY)
    assert api.v1.invoices.retrieve(draft).status == "draft"
