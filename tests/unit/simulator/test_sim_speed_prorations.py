"""A flexible subscription that is changed again and again: each change costs as much as the first one did."""

from __future__ import annotations

import json
from typing import Any

import pytest

from flexpay_reconcile.simulator.resources import prorations
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import document


def _ask(world: World, method: str, path: str, body: str = "") -> Any:
    lines = {"Authorization": f"Bearer {env_of(world)['STANDARD']}"}
    answer = world.handle(method, path, lines, body.encode())
    assert answer.status == 200, answer.body
    return json.loads(answer.body)


def _subscribed(world: World) -> tuple[str, str, str]:
    """A new customer with a flexible subscription; customer, subscription, its item."""
    customer = _ask(world, "POST", "/v1/customers", "name=Often")["id"]
    card = _ask(world, "POST", "/v1/payment_methods/pm_card_visa/attach", f"customer={customer}")["id"]
    _ask(world, "POST", f"/v1/customers/{customer}", f"invoice_settings[default_payment_method]={card}")
    price = _ask(world, "GET", "/v1/prices?limit=1")["data"][0]["id"]
    form = f"customer={customer}&items[0][price]={price}&billing_mode[type]=flexible"
    made = _ask(world, "POST", "/v1/subscriptions", form)
    return customer, made["id"], made["items"]["data"][0]["id"]


def test_the_debits_looked_at_do_not_grow_with_the_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sixty changes in one period look at the few debits still alive each time, and nothing is given back twice."""
    world = build_world(document())
    customer, subscription, item = _subscribed(world)
    looked = [0]
    made = prorations._debit

    def counted(*given: Any) -> Any:
        looked[0] += 1
        return made(*given)

    monkeypatch.setattr(prorations, "_debit", counted)
    seen = []
    for number in range(60):
        world.advance_to(world.now + 3600)
        looked[0] = 0
        _ask(
            world,
            "POST",
            f"/v1/subscriptions/{subscription}",
            f"items[0][id]={item}&items[0][quantity]={number % 2 + 2}",
        )
        seen.append(looked[0])
    assert max(seen) <= 2, seen
    rows = _ask(world, "GET", f"/v1/invoiceitems?customer={customer}&limit=100")["data"]
    named = [str(row["proration_details"]["credited_items"]) for row in rows if row["amount"] < 0]
    assert len(named) > 40
    assert len(set(named)) == len(named)


def test_items_already_invoiced_are_not_given_back_again() -> None:
    """A debit credited while it waited is on a later invoice, and the next credit leaves it alone."""
    world = build_world(document())
    customer, subscription, item = _subscribed(world)
    for quantity in (5, 1):
        world.advance_to(world.now + 86_400)
        _ask(world, "POST", f"/v1/subscriptions/{subscription}", f"items[0][id]={item}&items[0][quantity]={quantity}")
    world.advance_to(world.now + 60)
    _ask(world, "POST", "/v1/invoices", f"customer={customer}&subscription={subscription}")
    world.advance_to(world.now + 86_400)
    _ask(world, "POST", f"/v1/subscriptions/{subscription}", f"items[0][id]={item}&items[0][quantity]=2")
    rows = _ask(world, "GET", f"/v1/invoiceitems?customer={customer}&pending=true")["data"]
    assert sorted(row["amount"] > 0 for row in rows) == [False, True]
