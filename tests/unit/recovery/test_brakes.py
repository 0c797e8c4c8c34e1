"""Budgets and the circuit breaker, from stored rows alone."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.config.configuration import Brakes, Breaker
from flexpay_reconcile.recovery import brakes as rules
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState
from flexpay_reconcile.recovery.brakes import BreakerState
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
    assert braked is None or "final actions" in braked.because


def ended(state: AttemptState, minutes_ago: int, **changes) -> Attempt:
    """An attempt that ended that long ago."""
    at = NOW.minus(Span.of(minutes=minutes_ago))
    return book.attempt(**{"state": state, "finished_at": at, "last_sent_at": at, **changes})


BAD, GOOD = AttemptState.UNRESOLVED, AttemptState.APPROVED
HALF_OPEN_AFTER = Span.of(minutes=15)
CLOSED = BreakerState()


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
        (AttemptState.NOT_SUBMITTED, True, False),
        (AttemptState.SUPERSEDED, True, False),
    ],
)
def test_what_counts_as_an_error(state, finished, error):
    """A decline is an answer, and so is an end that a gate or a read gave; only a call without one counts."""
    assert rules.is_error(book.attempt(state=state, finished_at=NOW if finished else None)) is error


def turned(*recent, state=CLOSED, now=NOW):
    """The breaker after these calls."""
    return rules.turn_breaker(BRAKES, state, recent, now)


def breaker(*recent, now=NOW):
    """What a breaker that was closed until now says after these calls."""
    return rules.ask_breaker(turned(*recent, now=now), now)


def test_too_few_calls_do_not_open_it():
    """Below the least number of attempts even nothing but errors leaves it closed."""
    assert breaker(*[ended(BAD, 1)] * 3) is None
    assert breaker(*[ended(BAD, 1)] * 4) is not None


def test_half_is_not_above_half():
    """It opens above the percentage, not at it."""
    assert breaker(*[ended(BAD, 1)] * 2, *[ended(GOOD, 1)] * 2) is None
    assert breaker(*[ended(BAD, 1)] * 3, *[ended(GOOD, 1)] * 2) is not None


@pytest.mark.parametrize("state", [AttemptState.DECLINED, AttemptState.NOT_SUBMITTED])
def test_answers_do_not_open_it(state):
    """A book full of declines, or of attempts that gates took back, is not an outage."""
    assert turned(*[ended(state, 1)] * 50) == CLOSED


@pytest.mark.parametrize(("ms", "open_"), [(-1, True), (0, False)])
def test_open_until_half_open(ms, open_):
    """It stays open exactly `half_open_after` from the last error on; then a probe may go."""
    state = turned(ended(BAD, 2), ended(BAD, 1), ended(BAD, 1), ended(BAD, 3))
    half_open = NOW.plus(Span.of(minutes=14))
    assert state == BreakerState(open_until=half_open)
    braked = rules.ask_breaker(state, half_open.plus(Span(ms)))
    assert (braked is not None) is open_
    assert braked is None or braked.until == half_open


OPENED = BreakerState(open_until=NOW.minus(Span.of(minutes=10)))
"""A breaker that became half-open ten minutes ago."""


def test_half_open_without_a_probe_stays_so():
    """However much time passes, the errors that opened it are not forgotten: only a probe's answer moves it."""
    old = [ended(BAD, 30)] * 4
    for minutes in (0, 60, 60 * 24 * 40):
        assert turned(*old, state=OPENED, now=NOW.plus(Span.of(minutes=minutes))) == OPENED


def test_answers_from_before_it_was_half_open_close_nothing():
    """An answer that came while it was open is no probe."""
    assert turned(ended(GOOD, 11), state=OPENED) == OPENED
    assert turned(ended(GOOD, 10), state=OPENED) != OPENED


def test_a_failing_probe_opens_it_again():
    """One probe that goes wrong is enough, and the time begins anew from it."""
    state = turned(*[ended(BAD, 30)] * 4, ended(BAD, 0, finished_at=None), state=OPENED)
    assert state == BreakerState(open_until=NOW.plus(HALF_OPEN_AFTER))


@pytest.mark.parametrize("state", [AttemptState.APPROVED, AttemptState.DECLINED])
def test_a_good_probe_closes_it(state):
    """Any answer of the issuer shows that the way is free; what went wrong before counts no longer."""
    old = [ended(BAD, 20)] * 4
    closed = turned(*old, ended(state, 3), state=OPENED)
    assert closed == BreakerState(counted_from=NOW.minus(Span.of(minutes=3)))
    assert turned(*old, ended(state, 3), state=closed) == closed


@pytest.mark.parametrize("state", [AttemptState.SUPERSEDED, AttemptState.NOT_SUBMITTED, AttemptState.SUBMITTING])
def test_what_never_was_a_call_is_no_probe_and_hides_no_error(state):
    """Attempts that were taken back, or that left no trace at Stripe, neither close it nor keep it from opening."""
    assert turned(*[ended(state, 3)] * 9, state=OPENED) == OPENED
    assert turned(*[ended(state, 1)] * 50, *[ended(BAD, 1)] * 4).open_until is not None


def test_the_newest_probe_counts():
    """Of two probes the later answer says how things stand now, in whichever order the rows come."""
    bad_last = (ended(GOOD, 5), ended(BAD, 2))
    good_last = (ended(BAD, 5), ended(GOOD, 2))
    for rows in (bad_last, bad_last[::-1]):
        assert turned(*rows, state=OPENED).open_until == NOW.minus(Span.of(minutes=2)).plus(HALF_OPEN_AFTER)
    for rows in (good_last, good_last[::-1]):
        assert turned(*rows, state=OPENED).open_until is None


def test_after_closing_it_opens_on_new_errors_alone():
    """It takes the full number of new bad calls to open it once more."""
    closed = BreakerState(counted_from=NOW.minus(Span.of(minutes=10)))
    old = [ended(BAD, 11)] * 9
    assert turned(*old, *[ended(BAD, 1)] * 3, state=closed) == closed
    assert turned(*old, *[ended(BAD, 1)] * 4, state=closed).open_until is not None


def test_an_unresolved_call_sent_again_is_as_new_as_its_last_sending():
    """What an earlier call of the same attempt came to does not make a fresh timeout look old."""
    old = NOW.minus(Span.of(minutes=20))
    again = book.attempt(state=AttemptState.UNRESOLVED, finished_at=old, last_sent_at=NOW.minus(MS))
    braked = breaker(*[again] * 4)
    assert braked is not None
    assert braked.until == NOW.minus(MS).plus(HALF_OPEN_AFTER)


def test_good_calls_in_the_window_keep_it_closed():
    """Answers beside the errors shrink their share until it does not open."""
    assert breaker(*[ended(BAD, 20)] * 3, *[ended(GOOD, 1)] * 3) is None


@pytest.mark.parametrize(("ms", "open_"), [(0, False), (1, True)])
def test_what_is_older_than_the_window_is_forgotten(ms, open_):
    """Good calls exactly as old as the window still count beside the errors; older ones do not."""
    rows = [*[ended(GOOD, 30)] * 4, *[ended(BAD, 0)] * 4]
    assert (breaker(*rows, now=NOW.plus(Span(ms))) is not None) is open_


row = st.builds(
    lambda state, ago, done: ended(state, ago, **({} if done else {"finished_at": None})),
    st.sampled_from(list(AttemptState)),
    st.integers(0, 60),
    st.booleans(),
)
moments = st.integers(-60, 20).map(lambda minutes: NOW.plus(Span.of(minutes=minutes)))
states = st.one_of(
    st.just(CLOSED),
    moments.map(lambda at: BreakerState(open_until=at)),
    moments.map(lambda at: BreakerState(counted_from=at)),
)


@given(states, st.lists(row, max_size=12))
def test_a_restart_changes_nothing(state, rows):
    """Rows that went through the store's plain form, in any order, turn it the same way (invariant A13)."""
    stored = [plain.from_plain(Attempt, plain.to_plain(each)) for each in rows]
    assert turned(*stored, state=state) == turned(*rows, state=state)


@given(states, st.lists(row, max_size=12), st.integers(0, 40 * 60 * 1000).map(Span))
def test_an_open_breaker_names_a_time_at_which_it_is_not(state, rows, later):
    """Whoever waits as long as the breaker says may send a probe, if nothing new went wrong."""
    now = NOW.plus(later)
    after = turned(*rows, state=state, now=now)
    braked = rules.ask_breaker(after, now)
    if braked is not None:
        assert now < braked.until
        assert turned(state=after, now=braked.until) == after
        assert rules.ask_breaker(after, braked.until) is None
