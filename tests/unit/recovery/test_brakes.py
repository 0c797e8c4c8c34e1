"""Budgets and the circuit breaker, from stored rows alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.config.configuration import Brakes, Breaker
from flexpay_reconcile.recovery import brakes as rules
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState
from flexpay_reconcile.values import plain
from flexpay_reconcile.values.instant import Span
from tests.unit.recovery import book
from tests.unit.recovery.book import MS, NOW

BRAKES = Brakes(
    attempts_per_minute=3,
    attempts_per_day=10,
    final_actions_per_hour=2,
    final_actions_per_day=5,
    breaker=Breaker(
        window=Span.of(minutes=30),
        min_attempts=4,
        open_when_errors_above_percent=50,
        half_open_after=Span.of(minutes=15),
    ),
)


@pytest.mark.parametrize(
    ("minute", "day", "until"),
    [
        (0, 0, None),
        (2, 9, None),
        (3, 9, Span.of(minutes=1)),
        (4, 4, Span.of(minutes=1)),
        (0, 10, Span.of(hours=1)),
        (3, 10, Span.of(hours=1)),
    ],
)
def test_the_budget_of_attempts(minute, day, until):
    """At the budget, not above it, nothing more goes; the daily budget waits longer (invariant A13)."""
    braked = rules.ask_attempts(BRAKES, last_minute=minute, last_day=day, now=NOW)
    assert (braked.until if braked else None) == (NOW.plus(until) if until else None)
    assert braked is None or "budget" in braked.because


@pytest.mark.parametrize(
    ("hour", "day", "until"),
    [(1, 4, None), (2, 2, Span.of(minutes=10)), (0, 5, Span.of(hours=1)), (2, 5, Span.of(hours=1))],
)
def test_the_budget_of_final_actions(hour, day, until):
    """Final actions above the budget wait and are not dropped: the answer is an instant."""
    braked = rules.ask_final_actions(BRAKES, last_hour=hour, last_day=day, now=NOW)
    assert (braked.until if braked else None) == (NOW.plus(until) if until else None)


def ended(state: AttemptState, minutes_ago: int, **changes) -> Attempt:
    """An attempt that ended that long ago."""
    at = NOW.minus(Span.of(minutes=minutes_ago))
    return book.attempt(**{"state": state, "finished_at": at, "last_sent_at": at, **changes})


BAD, GOOD = AttemptState.NOT_SUBMITTED, AttemptState.APPROVED


@pytest.mark.parametrize(
    ("state", "finished", "error"),
    [
        (AttemptState.PLANNED, False, False),
        (AttemptState.PLANNED, True, True),
        (AttemptState.SUBMITTING, False, False),
        (AttemptState.APPROVED, True, False),
        (AttemptState.DECLINED, True, False),
        (AttemptState.PENDING, True, False),
        (AttemptState.UNRESOLVED, False, True),
        (AttemptState.NOT_SUBMITTED, True, True),
        (AttemptState.SUPERSEDED, True, False),
    ],
)
def test_what_counts_as_an_error(state, finished, error):
    """A decline is an answer; only calls that went wrong count, also those that will go again."""
    assert rules.is_error(book.attempt(state=state, finished_at=NOW if finished else None)) is error


def breaker(*recent, now=NOW):
    """What the breaker says."""
    return rules.ask_breaker(BRAKES, recent, now)


def test_too_few_calls_do_not_open_it():
    """Below the least number of attempts even nothing but errors leaves it closed."""
    assert breaker(*[ended(BAD, 1)] * 3) is None
    assert breaker(*[ended(BAD, 1)] * 4) is not None


def test_half_is_not_above_half():
    """It opens above the percentage, not at it."""
    assert breaker(*[ended(BAD, 1)] * 2, *[ended(GOOD, 1)] * 2) is None
    assert breaker(*[ended(BAD, 1)] * 3, *[ended(GOOD, 1)] * 2) is not None


def test_declines_do_not_open_it():
    """A book full of declines is not an outage."""
    assert breaker(*[ended(AttemptState.DECLINED, 1)] * 50) is None


@pytest.mark.parametrize(("ms", "open_"), [(-1, True), (0, False)])
def test_open_until_half_open(ms, open_):
    """It stays open exactly `half_open_after` from the last error on; then a probe may go."""
    rows = [ended(BAD, 2), ended(BAD, 1), ended(BAD, 1), ended(BAD, 3)]
    half_open = NOW.plus(Span.of(minutes=14))
    braked = breaker(*rows, now=half_open.plus(Span(ms)))
    assert (braked is not None) is open_
    assert braked is None or braked.until == half_open


def test_a_failing_probe_opens_it_again():
    """A probe that goes wrong is the newest error, and the time begins anew."""
    rows = [*[ended(BAD, 16)] * 4, ended(AttemptState.UNRESOLVED, 0, finished_at=None)]
    braked = breaker(*rows)
    assert braked is not None
    assert braked.until == NOW.plus(Span.of(minutes=15))


def test_an_unresolved_call_sent_again_is_as_new_as_its_last_sending():
    """What an earlier call of the same attempt came to does not make a fresh timeout look old."""
    old = NOW.minus(Span.of(minutes=20))
    again = book.attempt(state=AttemptState.UNRESOLVED, finished_at=old, last_sent_at=NOW.minus(MS))
    braked = breaker(*[again] * 4)
    assert braked is not None
    assert braked.until == NOW.minus(MS).plus(Span.of(minutes=15))


def test_good_calls_close_it():
    """Answers that follow shrink the share of errors until it is closed for good."""
    rows = [*[ended(BAD, 20)] * 3, *[ended(GOOD, 1)] * 3]
    assert breaker(*rows) is None


@pytest.mark.parametrize(("ms", "open_"), [(0, False), (1, True)])
def test_what_is_older_than_the_window_is_forgotten(ms, open_):
    """Good calls exactly as old as the window still count beside the errors; older ones do not."""
    rows = [*[ended(GOOD, 30)] * 4, *[ended(BAD, 0)] * 4]
    assert (breaker(*rows, now=NOW.plus(Span(ms))) is not None) is open_


states = st.sampled_from(list(AttemptState))
row = st.builds(
    lambda state, ago, done: ended(state, ago, **({} if done else {"finished_at": None})),
    states,
    st.integers(0, 60),
    st.booleans(),
)


@given(st.lists(row, max_size=12))
def test_a_restart_changes_nothing(rows):
    """Rows that went through the store's plain form, in any order, give the same answer (invariant A13)."""
    stored = [plain.from_plain(Attempt, plain.to_plain(each)) for each in rows]
    assert rules.ask_breaker(BRAKES, stored[::-1], NOW) == rules.ask_breaker(BRAKES, rows, NOW)


@given(st.lists(row, max_size=12), st.integers(0, 40 * 60 * 1000).map(Span))
def test_an_open_breaker_names_a_time_at_which_it_is_not(rows, later):
    """Whoever waits as long as the breaker says finds it open no more, if nothing new went wrong."""
    now = NOW.plus(later)
    braked = rules.ask_breaker(BRAKES, rows, now)
    if braked is not None:
        assert now < braked.until <= now.plus(Span.of(minutes=15))
        assert rules.ask_breaker(BRAKES, rows, braked.until) is None
