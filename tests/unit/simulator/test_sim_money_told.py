"""What is told of an invoice that ends: `previous_attributes` are the true difference from what was told before."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, client, small_world
from tests.unit.simulator.payments import events, new_customer


def _draft(v1: Any, customer: str) -> str:
    v1.invoice_items.create({"customer": customer, "amount": 1000, "currency": "usd"})
    wanted = {"customer": customer, "pending_invoice_items_behavior": "include", "auto_advance": True}
    return str(v1.invoices.create(wanted).id)


def _open(v1: Any, customer: str) -> str:
    return str(v1.invoices.finalize_invoice(_draft(v1, customer)).id)


def _flat(row: dict[str, Any]) -> dict[str, Any]:
    """An invoice's fields; the nested ones that the difference goes into, one by one."""
    found: dict[str, Any] = {}
    for name, value in row.items():
        if name == "status_transitions" and isinstance(value, dict):
            found.update({f"{name}.{key}": each for key, each in value.items()})
        else:
            found[name] = value
    return found


def _expect_true_difference(world: World, invoice: str, before: dict[str, Any]) -> None:
    """The last invoice.updated names every field that differs from `before`, with its value then, and no other."""
    event = events(world, "invoice.updated", about=invoice)[-1]
    old, new = _flat(before), _flat(event["data"]["object"])
    wanted = {name: old[name] for name in old if old[name] != new[name]}
    assert _flat(event["data"]["previous_attributes"]) == wanted


def _now(world: World, invoice: str) -> dict[str, Any]:
    (account,) = world.sim.accounts.values()
    return dict(account.get("invoice", invoice))


@pytest.mark.parametrize("way", ["pay", "out_of_band", "attach", "void", "mark_uncollectible", "void_uncollectible"])
def test_previous_attributes_are_all_that_changed(way: str) -> None:
    """By each way an invoice ends: the whole difference, and paid, voided or given up is told beside it."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world)
    invoice = _open(v1, customer)
    wanted = {"amount": 1300, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    intent = v1.payment_intents.create({**wanted, "payment_method_types": ["card"]}).id
    if way == "void_uncollectible":
        v1.invoices.mark_uncollectible(invoice)
    before = _now(world, invoice)
    told = "invoice.paid"
    if way == "pay":
        v1.invoices.pay(invoice)
    elif way == "out_of_band":
        v1.invoices.pay(invoice, {"paid_out_of_band": True})
    elif way == "attach":
        v1.invoices.attach_payment(invoice, {"payment_intent": intent})
    elif way == "mark_uncollectible":
        v1.invoices.mark_uncollectible(invoice)
        told = "invoice.marked_uncollectible"
    else:
        v1.invoices.void_invoice(invoice)
        told = "invoice.voided"
    assert len(events(world, told, about=invoice)) == 1
    _expect_true_difference(world, invoice, before)


def test_a_debit_that_arrives_tells_what_it_changed() -> None:
    """Days later: the difference is from the open invoice as it stood while the debit was on its way."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world, "pm_usBankAccount_success")
    invoice = _open(v1, customer)
    v1.invoices.pay(invoice)
    world.advance_to(world.now + DAY)  # Stripe's own try came due and was given up, which is told by itself
    before = _now(world, invoice)
    world.advance_to(world.now + 5 * DAY)
    assert v1.invoices.retrieve(invoice).status == "paid"
    _expect_true_difference(world, invoice, before)


@pytest.mark.parametrize("type_", ["invoice.paid", "invoice.voided", "invoice.marked_uncollectible"])
def test_only_updates_carry_previous_attributes(type_: str) -> None:
    """Stripe gives them with `*.updated` events; what an invoice has become is told with the object alone."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    v1.invoices.pay(_open(v1, customer))
    v1.invoices.void_invoice(_open(v1, customer))
    v1.invoices.mark_uncollectible(_open(v1, customer))
    found = [row for row in events(world, type_) if row["data"]["object"]["customer"] == customer]
    assert [row["data"].get("previous_attributes") for row in found] == [None]
