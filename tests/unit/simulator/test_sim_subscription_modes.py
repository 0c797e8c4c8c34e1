"""Billing modes: which is the default, the one way between them, and how credits are reckoned in each."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.local_time import add_interval
from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.subscribing import again, pending, price, subscribe

CLASSIC: dict[str, Any] = {"billing_mode": {"type": "classic"}}
FLEXIBLE: dict[str, Any] = {"billing_mode": {"type": "flexible"}}


def test_a_request_makes_flexible_subscriptions_and_a_scenario_classic_ones() -> None:
    """Requests of this API version default to flexible; the people of a scenario are long-standing subscribers."""
    world = small_world()
    api = client(world)
    made = subscribe(api)
    assert (made.billing_mode.type, made.billing_mode.flexible.proration_discounts) == ("flexible", "included")
    classic = subscribe(api, **CLASSIC)
    assert (classic.billing_mode.type, classic.billing_mode.flexible) == ("classic", None)
    ada = world.sim.account("acct_1AcmeUS", False).names["ada"]
    assert api.v1.subscriptions.list({"customer": ada}).data[0].billing_mode.type == "classic"


def test_migrating_leads_one_way() -> None:
    """Classic becomes flexible, once, with its instant; flexible stays."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, **CLASSIC)
    world.advance_to(START + DAY)
    wanted = {"billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "itemized"}}}
    moved = api.v1.subscriptions.migrate(sub.id, wanted).billing_mode
    assert (moved.type, moved.updated_at, moved.flexible.proration_discounts) == ("flexible", START + DAY, "itemized")
    event = api.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert event.data.previous_attributes["billing_mode"]["type"] == "classic"
    for ask in (
        lambda: api.v1.subscriptions.migrate(sub.id, FLEXIBLE),
        lambda: api.v1.subscriptions.migrate(sub.id, CLASSIC),
        lambda: api.v1.subscriptions.update(sub.id, CLASSIC),
    ):
        with pytest.raises(stripe.InvalidRequestError):
            ask()


def test_credits_follow_the_present_price_in_classic_and_the_debits_in_flexible() -> None:
    """A quantity raised without proration was never paid: only classic gives it back."""
    for more, expected in ((CLASSIC, [-9000]), (FLEXIBLE, [-3000])):
        world = small_world()
        api = client(world)
        sub = subscribe(api, **more)
        item = sub["items"].data[0].id
        none = {"proration_behavior": "none"}
        api.v1.subscriptions.update(sub.id, {"items": [{"id": item, "quantity": 3}], **none})
        api.v1.subscriptions.cancel(sub.id, {"prorate": True})
        assert pending(api, sub) == expected


def test_flexible_gives_one_credit_for_each_debit_and_names_it() -> None:
    """After seats were added the period rests on two debits; a cancellation credits each of them, once."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    first = api.v1.invoices.retrieve(sub.latest_invoice).lines.data[0]
    length = add_interval(START, "month", 1) - START
    world.advance_to(START + length // 2)
    added = price(api, 1000)
    api.v1.subscriptions.update(sub.id, {"items": [{"price": added}], "proration_behavior": "always_invoice"})
    second = api.v1.invoices.retrieve(again(api, sub).latest_invoice).lines.data[0]
    assert second.amount == 500
    api.v1.subscriptions.cancel(sub.id, {"prorate": True})
    rows = api.v1.invoice_items.list({"customer": sub.customer, "pending": True}).data[::-1]
    assert [row.amount for row in rows] == [-1500, -500]
    named = [row.proration_details.credited_items.invoice_line_item_details for row in rows]
    assert [each.invoice_line_items for each in named] == [[first.id], [second.id]]


def test_flexible_gives_back_once_only() -> None:
    """A debit credited by one change is not credited by the next: what is left is what the last change asked for."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    item = sub["items"].data[0].id
    length = add_interval(START, "month", 1) - START
    world.advance_to(START + length // 2)
    api.v1.subscriptions.update(sub.id, {"items": [{"id": item, "quantity": 2}]})
    assert pending(api, sub) == [-1500, 3000]
    world.advance_to(START + length // 2 + length // 4)
    api.v1.subscriptions.cancel(sub.id, {"prorate": True})
    assert pending(api, sub) == [-1500, 3000, -1500]
    last = api.v1.invoice_items.list({"customer": sub.customer, "pending": True}).data[0]
    assert last.proration_details.credited_items.type == "invoice_item"


def test_a_voided_invoice_is_no_debit() -> None:
    """Nobody gets back what was never asked for in the end."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, payment_behavior="default_incomplete", cancel_at_period_end=False)
    api.v1.invoices.pay(sub.latest_invoice)
    item = sub["items"].data[0].id
    api.v1.customers.update(sub.customer, {"invoice_settings": {"default_payment_method": ""}})
    wanted = {"items": [{"id": item, "quantity": 2}], "proration_behavior": "always_invoice"}
    open_one = api.v1.subscriptions.update(sub.id, wanted).latest_invoice
    api.v1.invoices.void_invoice(open_one)
    api.v1.subscriptions.cancel(sub.id, {"prorate": True})
    assert sum(pending(api, sub)) == 0
