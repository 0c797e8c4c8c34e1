"""Test clocks: limits, deletion, and what waits for the end of an advance."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator import clocks
from flexpay_reconcile.simulator.happenings import ACTIONS
from flexpay_reconcile.simulator.local_time import add_interval
from flexpay_reconcile.simulator.resources import test_clocks
from tests.unit.simulator.clock_bench import FROZEN, Bench
from tests.unit.simulator.helpers import DAY, HOUR, START, client, small_world


def test_an_advance_goes_two_intervals_at_most() -> None:
    """Two periods of the shortest subscription, two years without one, never back."""
    bench = Bench()
    clocks = bench.api.v1.test_helpers.test_clocks
    for wrong in (FROZEN, FROZEN - 1, add_interval(FROZEN, "year", 2) + 1):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            clocks.advance(bench.clock.id, {"frozen_time": wrong})
        assert caught.value.param == "frozen_time"
    bench.subscribe(bench.customer().id)
    two = add_interval(FROZEN, "month", 2)
    with pytest.raises(stripe.InvalidRequestError, match="two intervals"):
        clocks.advance(bench.clock.id, {"frozen_time": two + 1})
    bench.advance(two)
    bench.advance(add_interval(two, "month", 2))


def test_three_customers_and_three_subscriptions_each() -> None:
    """A fourth customer on a clock, and a fourth living subscription of one, are refused; cancelling makes room."""
    bench = Bench()
    eve, _, _ = (bench.customer() for _ in range(3))
    with pytest.raises(stripe.InvalidRequestError, match="at most 3 customers"):
        bench.customer()
    first, _, _ = (bench.subscribe(eve.id) for _ in range(3))
    with pytest.raises(stripe.InvalidRequestError, match="at most 3 subscriptions"):
        bench.subscribe(eve.id)
    bench.api.v1.subscriptions.cancel(first.id)
    bench.subscribe(eve.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such test_clock"):
        bench.api.v1.customers.create({"test_clock": "clock_none"})


def test_deleting_a_clock_takes_everything_with_it() -> None:
    """Subscriptions end, customers are deleted, nothing of them can be read, and nothing more happens."""
    bench = Bench()
    api, world = bench.api, bench.world
    eve = bench.customer()
    subscription = bench.subscribe(eve.id)
    invoice = bench.newest(eve.id)
    assert api.v1.test_helpers.test_clocks.delete(bench.clock.id).deleted is True
    types = [event.type for event in api.v1.events.list({"limit": 4}).data]
    assert types == ["test_helpers.test_clock.deleted", "customer.deleted", "customer.subscription.deleted", types[3]]
    for ask in (
        lambda: api.v1.test_helpers.test_clocks.retrieve(bench.clock.id),
        lambda: api.v1.customers.retrieve(eve.id),
        lambda: api.v1.subscriptions.retrieve(subscription.id),
        lambda: api.v1.invoices.retrieve(invoice.id),
        lambda: api.v1.invoices.list({"customer": eve.id}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such"):
            ask()
    assert {row.customer for row in api.v1.charges.list({"limit": 100}).data} & {eve.id} == set()
    assert len(api.v1.customers.list({}).data) == 2
    world.advance_to(world.now + 90 * DAY)
    assert api.v1.events.list({"type": "customer.subscription.deleted"}).data == []


def test_a_clock_is_deleted_by_itself_after_thirty_days() -> None:
    """`deletes_after` comes true, with its customers, counted in the world's time."""
    bench = Bench()
    eve = bench.customer()
    assert bench.clock.deletes_after == bench.clock.created + 30 * DAY == START + 30 * DAY
    bench.world.advance_to(START + 30 * DAY - 1)
    assert bench.api.v1.customers.retrieve(eve.id).test_clock == bench.clock.id
    bench.world.advance_to(START + 30 * DAY)
    with pytest.raises(stripe.InvalidRequestError, match="No such test_clock"):
        bench.api.v1.test_helpers.test_clocks.retrieve(bench.clock.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        bench.api.v1.customers.retrieve(eve.id)


def test_a_clock_may_be_deleted_by_time_while_it_advances() -> None:
    """The advance that was under way ends in nothing."""
    bench = Bench()
    bench.subscribe(bench.customer().id)
    bench.world.advance_to(START + 30 * DAY - 1)
    bench.api.v1.test_helpers.test_clocks.advance(bench.clock.id, {"frozen_time": FROZEN + DAY})
    bench.world.advance_to(START + 31 * DAY)
    assert bench.api.v1.test_helpers.test_clocks.list({}).data == []


def test_an_existing_customer_can_be_put_on_a_new_clock() -> None:
    """Ada, her subscription and its next renewal leave the world's time for the clock's."""
    world = small_world()
    api = client(world)
    ada = api.v1.customers.list({"email": "ada@example.com"}).data[0]
    clock = api.v1.test_helpers.test_clocks.create({"frozen_time": START, "customer": ada.id})
    subscription = api.v1.subscriptions.list({"customer": ada.id}).data[0]
    assert (api.v1.customers.retrieve(ada.id).test_clock, subscription.test_clock) == (clock.id, clock.id)
    world.advance_to(START + 29 * DAY + 10 * HOUR)
    end = subscription["items"].data[0].current_period_end
    assert end == START + 29 * DAY + 9 * HOUR
    api.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": end})
    world.advance_to(world.now + 5)
    assert api.v1.subscriptions.retrieve(subscription.id)["items"].data[0].current_period_end > end
    with pytest.raises(stripe.InvalidRequestError, match="already"):
        api.v1.test_helpers.test_clocks.create({"frozen_time": START, "customer": ada.id})


def test_what_a_clock_may_be() -> None:
    """Test mode only, a time that is one, a name that is not too long, and a key that may."""
    api = client(small_world(livemode=True))
    with pytest.raises(stripe.InvalidRequestError, match="test mode"):
        api.v1.test_helpers.test_clocks.create({"frozen_time": FROZEN})
    api = client(small_world())
    for wrong, param in (({"frozen_time": 1}, "frozen_time"), ({"frozen_time": FROZEN, "name": "x" * 301}, "name")):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.v1.test_helpers.test_clocks.create(wrong)
        assert caught.value.param == param
    with pytest.raises(stripe.PermissionError, match="rak_billing_clock_write"):
        client(small_world(), "PRIMARY").v1.test_helpers.test_clocks.create({"frozen_time": FROZEN})


def test_bank_debits_wait_for_the_end_of_an_advance() -> None:
    """What belongs to a debit on its way happens a minute after the clock is ready, in the clock's time."""
    bench = Bench()
    account = bench.world.sim.accounts["acct_1AcmeUS", False]
    account.payments.debits["ch_debit"] = True
    eve = bench.customer()
    subscription = bench.subscribe(eve.id)
    end = subscription["items"].data[0].current_period_end
    agenda = account.clocks[bench.clock.id].agenda
    happened: list[tuple[int, int]] = []
    actions = {**ACTIONS, "debit": lambda sim, account, subject: happened.append((sim.now, sim.wall))}
    agenda.add(end - DAY, "debit", account.key, "ch_debit")
    clocks.run(bench.world.sim, account, bench.clock.id, end, actions)
    assert happened == []
    assert bench.newest(eve.id).created == end
    test_clocks.collect_debits(bench.world.sim, account, bench.clock.id, actions)
    assert happened == [(end, bench.world.now)]
    bench.advance(end + HOUR)
    bench.world.advance_to(bench.world.now + 60)
    assert bench.newest(eve.id).status == "paid"
