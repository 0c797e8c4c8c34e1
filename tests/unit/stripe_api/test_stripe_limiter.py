"""The limiter: never above Stripe's figures in any second, by whatever clock."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.adapters.stripe_api.limiter import Limiter
from flexpay_reconcile.values.ids import InvoiceId
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.stripe_api.canned import Bench, FixedClock, integration, invoice


class Time(FixedClock):
    """A clock that a wait moves."""

    def wait(self, span: Span) -> None:
        """Let the span pass."""
        self.at = self.at.plus(span)


def busiest_second(moments: list[int]) -> int:
    """The largest number of moments within any 1000 ms."""
    return max(sum(1 for other in moments if start <= other < start + 1000) for start in moments)


@pytest.mark.parametrize(
    ("livemode", "endpoints", "limit"), [(True, 10, 100), (True, 1, 25), (False, 10, 25), (False, 1, 25)]
)
def test_no_second_sees_more_than_stripe_allows(livemode, endpoints, limit):
    """400 calls as fast as they go: every window of a second stays within the limit, and most of it is used."""
    time = Time()
    limiter = Limiter(livemode=livemode, clock=time, wait=time.wait)
    moments = []
    for number in range(400):
        limiter.take(f"GET /v1/{number % endpoints}")
        moments.append(time.at.ms)
    assert limit * 3 // 4 <= busiest_second(moments) <= limit


@given(st.lists(st.integers(min_value=-5000, max_value=5000), min_size=1, max_size=120))
def test_no_jump_of_the_clock_breaks_the_limit(jumps):
    """Counted in time that really passed, forwards jumps included at face value, 25 in a second are never passed."""
    time = Time()
    passed = 0
    moments = []

    def wait(span: Span) -> None:
        nonlocal passed
        passed += span.ms
        time.wait(span)

    limiter = Limiter(livemode=False, clock=time, wait=wait)
    for jump in jumps:
        time.at = Instant(time.at.ms + jump)
        passed += max(jump, 0)
        limiter.take("GET /v1/x")
        moments.append(passed)
    assert busiest_second(moments) <= 25


def test_a_clock_that_stands_still_does_not_run_up_debt():
    """With a virtual clock our own wait counts as passed: the thousandth call waits as long as the tenth."""
    waits: list[Span] = []
    limiter = Limiter(livemode=False, clock=FixedClock(), wait=waits.append)
    for _ in range(1000):
        limiter.take("GET /v1/x")
    assert max(waits) <= Span.of(ms=50)


def test_both_keys_and_all_gateways_share_the_bucket():
    """Reader, charger and account reader of one account draw on one limiter; another mode has its own."""
    bench = Bench()
    bench.http.answers(200, invoice())
    gateways = bench.gateways()
    makers: list[Any] = [
        gateways.billing_reader(integration()),
        gateways.charger(integration()),
        gateways.account_reader(integration()),
    ]
    assert len({id(maker._caller._limiter) for maker in makers}) == 1
    for _ in range(30):
        gateways.billing_reader(integration()).invoice(InvoiceId("in_1"))
    assert bench.waits
