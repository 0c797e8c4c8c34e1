"""Even spacing: the formula, the last moment, and jitter that depends on the invoice alone."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.timing import even
from flexpay_reconcile.values.instant import Instant, Span

T0 = Instant.from_text("2026-11-22T09:00:00Z")
END = T0.plus(Span.of(days=28))
HALF_HOUR = Span.of(minutes=30)
SEEDS = [f"in_{number}" for number in range(2000)]


def aim(number: int, total: int = 8, seed: str = "in_1") -> Instant:
    """The aim within 28 days."""
    return even.aim(window_from=T0, window_until=END, number=number, total=total, seed=seed)


def jitter(seed: str) -> Span:
    """By how much an invoice's moments are moved, read off its first attempt."""
    return aim(1, seed=seed).since(T0.plus(Span.of(hours=84)))


@pytest.mark.parametrize("number", range(1, 8))
def test_attempt_k_of_n_aims_at_k_nths_of_the_window(number):
    """Attempt k of 8 in 28 days lies k times 84 hours after the first decline, but for the jitter."""
    assert aim(number).minus(jitter("in_1")) == T0.plus(Span.of(hours=84 * number))


@pytest.mark.parametrize(("number", "total"), [(8, 8), (1, 1), (3, 3), (9, 8)])
def test_the_last_one_aims_an_hour_before_the_end(number, total):
    """The last attempt (and whatever is asked for after it) lies an hour before the end, but for the jitter."""
    assert aim(number, total).minus(jitter("in_1")) == END.minus(Span.of(hours=1))


def test_a_window_that_does_not_divide():
    """Thirds of a window are whole milliseconds, rounded down."""
    end = T0.plus(Span(10))
    moved = jitter("in_1")
    got = [even.aim(window_from=T0, window_until=end, number=k, total=3, seed="in_1").minus(moved) for k in (1, 2)]
    assert got == [T0.plus(Span(3)), T0.plus(Span(6))]


@given(st.text(max_size=40))
def test_jitter_stays_within_half_an_hour(seed):
    """No invoice, whatever its name, is moved by more than 30 minutes either way."""
    assert Span(-HALF_HOUR.ms) <= jitter(seed) <= HALF_HOUR


@given(st.text(max_size=40), st.integers(1, 8))
def test_the_same_invoice_has_the_same_moments(seed, number):
    """Asked again, with the same facts, the answer is the same."""
    assert aim(number, seed=seed) == aim(number, seed=seed)


def test_jitter_is_a_known_value():
    """The jitter of one invoice is the same in every process and on every machine: computed here by hand once."""
    by_hand = int.from_bytes(hashlib.sha256(b"in_1").digest()[:8], "big") % 3601 - 1800
    assert by_hand == -35
    assert jitter("in_1") == Span.of(seconds=by_hand)


def test_different_invoices_are_spread_over_the_hour():
    """Invoices that failed together do not come back together: no minute of the hour gets more than its share."""
    minutes = [jitter(seed).ms // 60_000 for seed in SEEDS]
    assert set(minutes) >= set(range(-30, 30))
    assert max(minutes.count(each) for each in set(minutes)) < 2 * len(SEEDS) // 60


@given(st.integers(1, 12), st.integers(2, 90), st.sampled_from(SEEDS))
def test_the_aims_of_an_invoice_rise_and_stay_inside(total, days, seed):
    """Each aim is later than the one before, and all lie between the first decline and the end of the window."""
    end = T0.plus(Span.of(days=days))
    aims = [even.aim(window_from=T0, window_until=end, number=k, total=total, seed=seed) for k in range(1, total + 1)]
    assert aims == sorted(set(aims))
    assert aims[0] > T0
    assert aims[-1] < end
