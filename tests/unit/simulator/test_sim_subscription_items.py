"""Items: several on one subscription, added, changed, taken away; what that costs; and their own endpoints."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.local_time import add_interval
from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.subscribing import DECLINED, again, customer, pending, price, put_in, subscribe

LENGTH = add_interval(START, "month", 1) - START
HALF = START + LENGTH // 2
CLASSIC: dict[str, Any] = {"billing_mode": {"type": "classic"}}


def _item(sub, number=0):
    return sub["items"].data[number]


def test_several_items_are_billed_on_one_invoice() -> None:
    """A line each, and the sum of them in every period."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, price(api, 1000), price(api, 250))
    assert [(each.current_period_start, each.current_period_end) for each in sub["items"].data] == [
        (START, START + LENGTH)
    ] * 2
    first = api.v1.invoices.retrieve(sub.latest_invoice)
    assert (first.total, [line.amount for line in first.lines.data]) == (1250, [1000, 250])
    parents = [line.parent.subscription_item_details.subscription_item for line in first.lines.data]
    assert parents == [each.id for each in sub["items"].data]
    world.advance_to(START + LENGTH + DAY)
    assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).total == 1250


def test_mixed_intervals_renew_each_at_its_own_time() -> None:
    """In the flexible mode the month's item renews alone; the year's joins it after a year. Classic refuses them."""
    world = small_world()
    api = client(world)
    month, year = price(api, 1000), price(api, 12000, "year")
    sub = subscribe(api, month, year)
    world.advance_to(START + LENGTH + DAY)
    renewed = again(api, sub)
    assert [each.current_period_start for each in renewed["items"].data] == [START + LENGTH, START]
    assert api.v1.invoices.retrieve(renewed.latest_invoice).total == 1000
    world.advance_to(add_interval(START, "year", 1) + DAY)
    assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).total == 13000
    with pytest.raises(stripe.InvalidRequestError, match="mismatch in interval field"):
        subscribe(api, month, year, **CLASSIC)


def test_a_dearer_price_in_the_middle_waits_for_the_next_invoice() -> None:
    """Unused time back, remaining time on; both are lines of the renewal. The update tells the former items."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    world.advance_to(HALF)
    moved = api.v1.subscriptions.update(sub.id, {"items": [{"id": _item(sub).id, "price": price(api, 6000)}]})
    assert (_item(moved).id, _item(moved).price.unit_amount) == (_item(sub).id, 6000)
    assert pending(api, sub) == [-1500, 3000]
    event = api.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert event.data.previous_attributes["items"]["data"][0]["price"]["unit_amount"] == 3000
    world.advance_to(START + LENGTH + DAY)
    bill = api.v1.invoices.retrieve(again(api, sub).latest_invoice)
    assert [line.amount for line in bill.lines.data] == [-1500, 3000, 6000]
    assert [line.parent.subscription_item_details.proration for line in bill.lines.data] == [True, True, False]
    assert pending(api, sub) == []


@pytest.mark.parametrize(("behavior", "waiting", "billed"), [("none", [], None), ("always_invoice", [], 1500)])
def test_a_change_can_cost_nothing_or_be_billed_at_once(behavior, waiting, billed) -> None:
    """`none` writes no proration; `always_invoice` makes an invoice that is charged now."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    world.advance_to(HALF)
    wanted = {"items": [{"id": _item(sub).id, "quantity": 2}], "proration_behavior": behavior}
    moved = api.v1.subscriptions.update(sub.id, wanted)
    assert (_item(moved).quantity, pending(api, sub)) == (2, waiting)
    if billed is None:
        assert moved.latest_invoice == sub.latest_invoice
    else:
        made = api.v1.invoices.retrieve(moved.latest_invoice)
        assert (made.total, made.status, made.billing_reason) == (billed, "paid", "subscription_update")


def test_a_change_billed_at_once_that_is_declined_leaves_it_past_due() -> None:
    """The change stands, its invoice is open; paying it makes the subscription active again."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    put_in(api, sub.customer, DECLINED)
    world.advance_to(HALF)
    wanted = {"items": [{"id": _item(sub).id, "quantity": 2}], "proration_behavior": "always_invoice"}
    moved = api.v1.subscriptions.update(sub.id, wanted)
    assert (moved.status, _item(moved).quantity) == ("past_due", 2)
    put_in(api, sub.customer)
    api.v1.invoices.pay(moved.latest_invoice)
    assert again(api, sub).status == "active"


def test_default_incomplete_leaves_the_payment_of_a_change_to_somebody() -> None:
    """The invoice is open and nobody was charged."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    before = len(world.ledger.charges)
    wanted = {
        "items": [{"price": price(api, 700)}],
        "proration_behavior": "always_invoice",
        "payment_behavior": "default_incomplete",
    }
    made = api.v1.invoices.retrieve(api.v1.subscriptions.update(sub.id, wanted).latest_invoice)
    assert (made.status, made.amount_due, len(world.ledger.charges)) == ("open", 700, before)


def test_items_are_added_and_taken_away() -> None:
    """Added for the rest of the period, taken away with the rest given back; the last one stays."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    world.advance_to(HALF)
    more = api.v1.subscriptions.update(sub.id, {"items": [{"price": price(api, 1000), "metadata": {"seat": "a"}}]})
    assert (len(more["items"].data), pending(api, sub)) == (2, [500])
    assert _item(more, 1).metadata["seat"] == "a"
    assert (_item(more, 1).current_period_start, _item(more, 1).current_period_end) == (HALF, START + LENGTH)
    less = api.v1.subscriptions.update(sub.id, {"items": [{"id": _item(sub).id, "deleted": True}]})
    assert ([each.id for each in less["items"].data], pending(api, sub)) == ([_item(more, 1).id], [500, -1500])
    with pytest.raises(stripe.InvalidRequestError, match="at least one active plan"):
        api.v1.subscriptions.update(sub.id, {"items": [{"id": _item(more, 1).id, "deleted": True}]})


def test_another_interval_begins_a_new_period_at_once_in_classic_only() -> None:
    """Classic credits, bills the year now and moves the anchor; flexible prorates to the anchor's next year."""
    for more, anchor, end in (
        (CLASSIC, HALF, add_interval(HALF, "year", 1)),
        ({}, START, add_interval(START, "year", 1)),
    ):
        world = small_world()
        api = client(world)
        sub = subscribe(api, **more)
        world.advance_to(HALF)
        moved = api.v1.subscriptions.update(
            sub.id, {"items": [{"id": _item(sub).id, "price": price(api, 36000, "year")}]}
        )
        assert (moved.billing_cycle_anchor, _item(moved).current_period_end) == (anchor, end)
        if more:
            assert api.v1.invoices.retrieve(moved.latest_invoice).total == 36000 - 1500
            assert pending(api, sub) == []
        else:
            assert pending(api, sub)[0] == -1500
            assert 34000 < pending(api, sub)[1] < 36000
        world.advance_to(end + DAY)
        assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).lines.data[-1].amount == 36000


def test_from_free_to_paid_begins_a_new_period_in_classic() -> None:
    """A free subscription asks for money from the moment it has a price."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, price(api, 0), owner=customer(api), **CLASSIC)
    assert sub.status == "active"
    world.advance_to(HALF)
    moved = api.v1.subscriptions.update(sub.id, {"items": [{"id": _item(sub).id, "price": price(api, 3000)}]})
    assert moved.billing_cycle_anchor == HALF
    assert api.v1.invoices.retrieve(moved.latest_invoice).amount_paid == 3000


def test_the_anchor_is_reset_on_request() -> None:
    """`billing_cycle_anchor[type]=now`: unused time back, a whole new period, billed at once; unchanged does nothing."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    world.advance_to(HALF)
    kept = api.v1.subscriptions.update(sub.id, {"billing_cycle_anchor": {"type": "unchanged"}})
    assert kept.billing_cycle_anchor == START
    moved = api.v1.subscriptions.update(sub.id, {"billing_cycle_anchor": {"type": "now"}})
    assert (moved.billing_cycle_anchor, _item(moved).current_period_start) == (HALF, HALF)
    assert api.v1.invoices.retrieve(moved.latest_invoice).total == 1500
    world.advance_to(add_interval(HALF, "month", 1) + DAY)
    assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).total == 3000
    assert len(api.v1.invoices.list({"subscription": sub.id}).data) == 3


def test_wrong_items_are_refused_and_change_nothing() -> None:
    """Unknown, twice, of another currency, once only, inactive, or none of it."""
    api = client(small_world())
    sub = subscribe(api)
    mine, gold = _item(sub), _item(sub).price.id
    euro = price(api, 100, currency="eur")
    once = api.v1.prices.create({"currency": "usd", "unit_amount": 5, "product_data": {"name": "Once"}}).id
    old = price(api)
    api.v1.prices.update(old, {"active": False})
    for items, words in (
        ([{"price": "price_none"}], "No such price"),
        ([{"id": "si_none", "quantity": 2}], "No such subscription_item"),
        ([{"price": gold}], "multiple subscription items with the same plan"),
        ([{"price": euro}], "mismatch in currency"),
        ([{"price": once}], "type=one_time"),
        ([{"price": old}], "inactive"),
        ([{"quantity": 2}], "Missing required param"),
        ([{"id": mine.id, "quantity": 0}], "positive integer"),
        ([{"id": mine.id}, {"id": mine.id}], "named twice"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words):
            api.v1.subscriptions.update(sub.id, {"items": items})
    assert len(again(api, sub)["items"].data) == 1
    assert pending(api, sub) == []
    with pytest.raises(stripe.InvalidRequestError, match="between 1 and 20"):
        subscribe(api, *[price(api) for _ in range(21)])


def test_items_have_endpoints_of_their_own() -> None:
    """Read, listed, added, changed, taken away; the clearing of the last one is refused."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    items = api.v1.subscription_items
    added = items.create({"subscription": sub.id, "price": price(api, 500), "quantity": 2})
    assert (added.quantity, added.subscription) == (2, sub.id)
    listed = items.list({"subscription": sub.id}).data
    assert [each.id for each in listed] == [added.id, _item(sub).id]
    after = items.list({"subscription": sub.id, "limit": 1, "starting_after": added.id})
    assert ([each.id for each in after.data], after.has_more) == ([_item(sub).id], False)
    before = items.list({"subscription": sub.id, "ending_before": _item(sub).id})
    assert [each.id for each in before.data] == [added.id]
    assert items.update(added.id, {"quantity": 5, "proration_behavior": "none"}).quantity == 5
    assert items.retrieve(added.id).quantity == 5
    assert items.delete(added.id).deleted is True
    for ask in (lambda: items.retrieve(added.id), lambda: items.retrieve("si_none")):
        with pytest.raises(stripe.InvalidRequestError, match="No such subscription_item"):
            ask()
    with pytest.raises(stripe.InvalidRequestError, match="at least one"):
        items.delete(_item(sub).id)


def test_the_list_finds_subscriptions_by_any_of_their_items() -> None:
    """By price, and by the bounds of a period, each of any item."""
    api = client(small_world())
    first, second = price(api), price(api, 50000, "year")
    sub = subscribe(api, first, second)
    for one in (first, second):
        assert [row.id for row in api.v1.subscriptions.list({"price": one}).data] == [sub.id]
    late = {"current_period_end": {"gt": START + 300 * DAY}}
    assert [row.id for row in api.v1.subscriptions.list(late).data] == [sub.id]
