"""What a scenario says of its subscriptions: billing mode, items, trials, an end that is planned."""

from __future__ import annotations

import pytest

from flexpay_reconcile.simulator.scenario.scenario import ScenarioError
from tests.unit.simulator.helpers import DAY, START, client, small_world

PRICES = {
    "gold": {"amount": 2900, "currency": "usd", "interval": "month"},
    "seat": {"amount": 500, "currency": "usd", "interval": "month"},
    "year": {"amount": 30000, "currency": "usd", "interval": "year"},
}


def _world(**subscription):
    entry = {"price": "gold", "started": "2025-12-20T00:00:00Z", **subscription}
    return small_world(prices=PRICES, customers={"ada": {"card": "pm_card_visa", "subscriptions": [entry]}})


def _only(world):
    return client(world).v1.subscriptions.list({"status": "all"}).data[0]


def test_a_scenario_names_the_mode_and_further_items() -> None:
    """Flexible, three prices of two intervals, and the invoice of the current period over all of them."""
    items = [{"price": "seat", "quantity": 4}, {"price": "year"}]
    world = _world(billing_mode="flexible", items=items)
    sub = _only(world)
    assert sub.billing_mode.type == "flexible"
    assert [(item.price.nickname, item.quantity) for item in sub["items"].data] == [
        ("gold", 1),
        ("seat", 4),
        ("year", 1),
    ]
    assert client(world).v1.invoices.retrieve(sub.latest_invoice).amount_paid == 2900 + 2000 + 30000
    world.advance_to(START + 25 * DAY)
    assert client(world).v1.invoices.retrieve(_only(world).latest_invoice).amount_paid == 2900 + 2000


@pytest.mark.parametrize(("days", "told"), [(30, 1), (13, 0)])
def test_a_trial_that_runs_at_the_start_goes_on(days, told) -> None:
    """Nothing was paid yet; it ends in its time, and the notice comes unless it was due before the start."""
    world = _world(trial_days=days)
    end = START - 12 * DAY + days * DAY
    sub = _only(world)
    assert (sub.status, sub.trial_end, sub.start_date) == ("trialing", end, START - 12 * DAY)
    assert world.ledger.charges == []
    world.advance_to(end + DAY)
    assert (_only(world).status, len(world.ledger.charges)) == ("active", 1)
    events = client(world).v1.events.list({"type": "customer.subscription.trial_will_end"}).data
    assert len(events) == told


def test_a_trial_that_is_over_moved_the_renewals() -> None:
    """Ended before the start, it is active and renews by the trial's end."""
    sub = _only(_world(trial_days=5))
    assert (sub.status, sub.billing_cycle_anchor) == ("active", START - 7 * DAY)
    assert sub["items"].data[0].current_period_start == START - 7 * DAY


def test_a_planned_end_is_carried_out() -> None:
    """`cancel_at_period_end` of a scenario ends the subscription at the period's end."""
    world = _world(cancel_at_period_end=True)
    sub = _only(world)
    assert sub.cancel_at == sub["items"].data[0].current_period_end
    world.advance_to(sub.cancel_at)
    assert _only(world).status == "canceled"


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"items": [{"price": "year"}]}, "items"),
        ({"items": [{"price": "gold"}]}, "items"),
        ({"items": [{"price": "none"}]}, "items[0].price"),
        ({"items": [{"price": "seat", "quantity": 0}]}, "items[0].quantity"),
        ({"items": "seat"}, "items"),
        ({"billing_mode": "modern"}, "billing_mode"),
        ({"trial_days": 731}, "trial_days"),
        ({"trial_days": -1}, "trial_days"),
        ({"cancel_at_period_end": "yes"}, "cancel_at_period_end"),
    ],
)
def test_what_cannot_be_is_refused_with_its_path(wrong, path) -> None:
    """Mixed intervals in classic, twice the same price, unknown words and numbers out of range."""
    with pytest.raises(ScenarioError) as caught:
        _world(**wrong)
    assert caught.value.path == f"accounts.acct_1AcmeUS.customers.ada.subscriptions[0].{path}"
