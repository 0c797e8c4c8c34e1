"""How far a test clock goes: not beyond 2100, and by the shortest interval of whatever a subscription has."""

from __future__ import annotations

import pytest

from tests.unit.simulator.clock_bench import FROZEN, Bench
from tests.unit.simulator.helpers import DAY
from tests.unit.simulator.payments import refused

FAR = 4_102_444_800


@pytest.mark.parametrize("instant", [FAR + 1, 10**12, 10**18, 10**30])
def test_a_clock_of_the_far_future_is_refused(instant: int) -> None:
    """400 about frozen_time, on creation and on advancing; the clock stays ready."""
    bench = Bench()
    clocks = bench.api.v1.test_helpers.test_clocks
    for error in (
        refused(clocks.create, {"frozen_time": instant}),
        refused(clocks.advance, bench.clock.id, {"frozen_time": instant}),
    ):
        assert (error.http_status, error.param) == (400, "frozen_time")
    assert clocks.retrieve(bench.clock.id).status == "ready"


def test_the_last_instant_is_taken() -> None:
    """2100 itself is a time a clock may have, and may not leave."""
    bench = Bench(FAR)
    error = refused(bench.api.v1.test_helpers.test_clocks.advance, bench.clock.id, {"frozen_time": FAR + 1})
    assert error.http_status == 400


@pytest.mark.parametrize("first", ["week", "month"])
def test_the_shortest_interval_of_mixed_ones_bounds_the_advance(first: str) -> None:
    """A subscription of a monthly and a weekly price: two weeks, whichever item comes first."""
    bench = Bench()
    flexible = {"billing_mode": {"type": "flexible"}}
    made = {"product": bench.price.product, "currency": "usd", "unit_amount": 900, "recurring": {"interval": "week"}}
    weekly = bench.api.v1.prices.create(made).id
    prices = [weekly, bench.price.id] if first == "week" else [bench.price.id, weekly]
    items = [{"price": each} for each in prices]
    bench.api.v1.subscriptions.create({"customer": bench.customer().id, "items": items, **flexible})
    error = refused(bench.api.v1.test_helpers.test_clocks.advance, bench.clock.id, {"frozen_time": FROZEN + 15 * DAY})
    assert (error.http_status, error.param) == (400, "frozen_time")
    bench.advance(FROZEN + 14 * DAY)
