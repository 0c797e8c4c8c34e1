"""Trials: free until their end, told three days before, and what happens then with and without a card."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.local_time import add_interval
from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.subscribing import DECLINED, again, customer, pending, price, put_in, subscribe, types

WILL_END = "customer.subscription.trial_will_end"
CLASSIC: dict[str, Any] = {"billing_mode": {"type": "classic"}}


def _paused_at_end(how: str) -> dict:
    return {"trial_settings": {"end_behavior": {"missing_payment_method": how}}}


@pytest.mark.parametrize("how", [{"trial_period_days": 10}, {"trial_end": START + 10 * DAY}])
def test_a_trial_is_free_and_then_billed(how) -> None:
    """An invoice over nothing now, the notice three days before, the first charge an hour after the end."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, **how)
    end = START + 10 * DAY
    assert (sub.status, sub.trial_start, sub.trial_end, sub.billing_cycle_anchor) == ("trialing", START, end, end)
    assert sub["items"].data[0].current_period_end == end
    first = api.v1.invoices.retrieve(sub.latest_invoice)
    assert (first.total, first.status, first.billing_reason) == (0, "paid", "subscription_create")
    world.advance_to(end - 3 * DAY - 1)
    assert WILL_END not in types(world, sub)
    world.advance_to(end - 3 * DAY)
    assert types(world, sub)[-1] == WILL_END
    world.advance_to(end)
    begun = again(api, sub)
    assert (begun.status, begun["items"].data[0].current_period_end) == ("active", add_interval(end, "month", 1))
    event = api.v1.events.list({"type": "customer.subscription.updated"}).data[0]
    assert event.data.previous_attributes["status"] == "trialing"
    world.advance_to(end + 3600)
    bill = api.v1.invoices.retrieve(begun.latest_invoice)
    assert (bill.amount_paid, bill.status, bill.billing_reason) == (3000, "paid", "subscription_cycle")


def test_a_trial_whose_first_charge_is_declined_leaves_it_past_due() -> None:
    """Active at the end of the trial, past due an hour later."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, owner=customer(api, DECLINED), trial_period_days=5)
    world.advance_to(START + 5 * DAY)
    assert again(api, sub).status == "active"
    world.advance_to(START + 5 * DAY + 3600)
    assert again(api, sub).status == "past_due"


@pytest.mark.parametrize(("how", "status"), [("create_invoice", "active"), ("cancel", "canceled"), ("pause", "paused")])
def test_a_trial_that_ends_without_a_card(how, status) -> None:
    """The subscription's own setting decides; with a card put in meanwhile it goes on whatever the setting."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, owner=customer(api, None), trial_period_days=5, **_paused_at_end(how))
    other = subscribe(api, owner=customer(api, None), trial_period_days=5, **_paused_at_end(how))
    put_in(api, other.customer)
    world.advance_to(START + 5 * DAY)
    ended = again(api, sub)
    assert ended.status == status
    assert again(api, other).status == "active"
    if how == "pause":
        details = ended.status_details.paused
        assert details.subscription.type == "trial_end_without_payment_method"
        assert (details.transitioned_at, details.type) == (START + 5 * DAY, "subscription")
        assert types(world, sub)[-2:] == ["customer.subscription.updated", "customer.subscription.paused"]
    world.advance_to(START + 6 * DAY)
    made = len(api.v1.invoices.list({"subscription": sub.id}).data)
    assert made == (2 if how == "create_invoice" else 1)


def test_a_trial_ends_at_once_on_request() -> None:
    """`trial_end=now`: the notice is told, a period begins, and it is charged."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, trial_period_days=20)
    world.advance_to(START + 4 * DAY)
    ended = api.v1.subscriptions.update(sub.id, {"trial_end": "now"})
    now = START + 4 * DAY
    assert (ended.status, ended.trial_end, ended.billing_cycle_anchor) == ("active", now, now)
    assert api.v1.invoices.retrieve(ended.latest_invoice).amount_paid == 3000
    assert types(world, sub).count(WILL_END) == 1
    world.advance_to(START + 25 * DAY)
    assert len(api.v1.invoices.list({"subscription": sub.id}).data) == 2


def test_a_trial_can_be_moved() -> None:
    """Only its last end counts, for the notice and for the first charge."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, trial_period_days=5)
    later = START + 15 * DAY
    moved = api.v1.subscriptions.update(sub.id, {"trial_end": later})
    assert (moved.trial_end, moved.trial_start, moved["items"].data[0].current_period_end) == (later, START, later)
    world.advance_to(later - 3 * DAY - 1)
    assert (again(api, sub).status, types(world, sub).count(WILL_END)) == ("trialing", 0)
    world.advance_to(later + DAY)
    assert (again(api, sub).status, types(world, sub).count(WILL_END)) == ("active", 1)


def test_a_trial_put_on_a_running_subscription_gives_back_what_was_paid() -> None:
    """The rest of the period is credited; classic keeps the first trial's start, flexible shows the last one's."""
    world = small_world()
    api = client(world)
    length = add_interval(START, "month", 1) - START
    for more, begun in ((CLASSIC, START), ({}, START + length // 2)):
        world = small_world()
        api = client(world)
        sub = subscribe(api, trial_period_days=1, **more)
        api.v1.subscriptions.update(sub.id, {"trial_end": "now"})
        world.advance_to(START + length // 2)
        on_trial = api.v1.subscriptions.update(sub.id, {"trial_end": START + 40 * DAY})
        assert (on_trial.status, on_trial.trial_start, pending(api, sub)) == ("trialing", begun, [-1500])


def test_short_trials_are_told_of_at_once_and_impossible_ones_refused() -> None:
    """Under three days the notice comes with the creation; the past, two ends, and three years are refused."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, trial_period_days=2)
    world.advance_to(START)
    assert WILL_END in types(world, sub)
    for wanted, words in (
        ({"trial_end": START - 1}, "future"),
        ({"trial_end": START + DAY, "trial_period_days": 3}, "only specify one"),
        ({"trial_period_days": 1096}, "two years"),
        ({"trial_period_days": -1}, "non-negative"),
        ({"trial_end": "soon"}, "Invalid integer"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words):
            subscribe(api, **wanted)
    assert subscribe(api, trial_period_days=0).status == "active"
    assert subscribe(api, trial_end="now").status == "active"


def test_a_change_of_items_during_a_trial_costs_nothing() -> None:
    """Nothing was paid, so nothing is prorated; the first charge is over what is on it then."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, trial_period_days=5)
    api.v1.subscriptions.update(sub.id, {"items": [{"price": price(api, 500)}]})
    assert pending(api, sub) == []
    world.advance_to(START + 6 * DAY)
    assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).total == 3500
