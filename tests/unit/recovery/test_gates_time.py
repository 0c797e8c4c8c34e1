"""The gates that ask for time: the key's age, spacing, advice, ceilings, quiet hours, and nothing beyond the window."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexpay_reconcile.recovery import gates
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.decide import FRESH_CARD
from flexpay_reconcile.recovery.gates import Then
from flexpay_reconcile.recovery.windows import CLOCKS_DIFFER
from flexpay_reconcile.values.instant import Span
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import MS, NOW, facts


def case(**changes):
    """The facts with another case."""
    return facts(case=book.case(state=CaseState.ATTEMPTING, **changes))


@pytest.mark.parametrize(("age_ms", "open_"), [(-1, True), (0, False)])
def test_the_age_of_a_key(age_ms, open_):
    """A key goes again only while it is younger than 23 hours (invariant A5)."""
    first = NOW.minus(gates.KEY_LIFE).minus(Span(age_ms))
    closed = gates.ask(facts(attempt=book.attempt(first_sent_at=first)))
    assert (closed is None) is open_


@pytest.mark.parametrize(
    ("given", "gate", "until"),
    [
        (case(last_attempt_at=NOW.minus(Span.of(hours=20))), "minimum_spacing", NOW.plus(Span.of(hours=4))),
        (case(last_declined_at=NOW.minus(Span.of(hours=20))), "minimum_spacing", NOW.plus(Span.of(hours=4))),
        (case(wait_until=NOW.plus(MS)), "advice_wait", NOW.plus(MS).plus(CLOCKS_DIFFER)),
        (
            facts(history=replace(facts().history, reached_at=(NOW.minus(Span.of(hours=2)), NOW.minus(MS)))),
            "network_ceiling",
            NOW.plus(Span.of(hours=22)).plus(CLOCKS_DIFFER),
        ),
    ],
)
def test_time_rules_wait(given, gate, until):
    """Spacing, advice and ceilings are asked again now, and say from when the same attempt may go."""
    closed = gates.ask(given)
    assert closed is not None
    assert (closed.gate, closed.then, closed.until) == (gate, Then.WAIT, until)


def test_the_latest_of_several_bounds_counts():
    """Of two rules that make it wait, the later one is given, so that it waits once."""
    given = case(last_attempt_at=NOW.minus(MS), wait_until=NOW.plus(Span.of(days=2)))
    closed = gates.ask(given)
    assert closed is not None
    assert (closed.gate, closed.until) == ("advice_wait", NOW.plus(Span.of(days=2)).plus(CLOCKS_DIFFER))


@pytest.mark.parametrize(("until_ms", "then"), [(-1, Then.WAIT), (0, Then.DECIDE_AGAIN), (1, Then.DECIDE_AGAIN)])
def test_nothing_waits_beyond_the_window(until_ms, then):
    """A wait that ends after the window is decided anew at once, so that the case ends in time (invariant C1)."""
    window_until = NOW.plus(Span.of(hours=5))
    closed = gates.ask(
        case(wait_until=window_until.minus(CLOCKS_DIFFER).plus(Span(until_ms)), window_until=window_until)
    )
    assert closed is not None
    assert (closed.gate, closed.then) == ("advice_wait", then)


@pytest.mark.parametrize(("decided_ms", "open_"), [(-1, True), (0, False), (1, False)])
@pytest.mark.parametrize("late", [Span(0), Span.of(days=9)])
@pytest.mark.parametrize("put_off", [True, False])
def test_only_what_was_decided_inside_the_window_is_made_late(decided_ms, open_, late, put_off):
    """An attempt of the window that we slept through, or that was put off, is still made; a later one never (F4)."""
    until = NOW.minus(late)
    given = replace(
        case(window_until=until),
        attempt=book.attempt(
            decided_at=until.plus(Span(decided_ms)),
            planned_for=until.plus(Span.of(days=3)) if put_off else until.minus(MS),
        ),
    )
    closed = gates.ask(given)
    assert (closed is None) is open_
    if closed is not None:
        assert (closed.gate, closed.then) == ("window", Then.DECIDE_AGAIN)


def test_a_late_attempt_passes_every_other_gate_of_time():
    """Being late excuses from the window alone: spacing still makes it wait, and used attempts still end it."""
    late = {"window_until": NOW.minus(MS)}
    attempt = book.attempt(decided_at=NOW.minus(Span.of(days=1)))
    spaced = gates.ask(replace(case(last_attempt_at=NOW.minus(MS), **late), attempt=attempt))
    used = gates.ask(replace(case(attempts_used=8, **late), attempt=attempt))
    assert spaced is not None
    assert used is not None
    assert (spaced.gate, spaced.then, used.gate) == ("minimum_spacing", Then.WAIT, "attempts")


@pytest.mark.parametrize(("over_ms", "then"), [(-1, Then.WAIT), (0, Then.DECIDE_AGAIN)])
def test_a_late_attempt_does_not_wait_for_ever(over_ms, then):
    """It waits for as long again as its window was, and no longer: others may keep a ceiling full for ever (C1)."""
    until = NOW.minus(Span.of(days=1))
    length = until.since(book.case().window_from)
    wait = until.plus(length).minus(CLOCKS_DIFFER).plus(Span(over_ms))
    closed = gates.ask(
        replace(case(window_until=until, wait_until=wait), attempt=book.attempt(decided_at=until.minus(MS)))
    )
    assert closed is not None
    assert (closed.gate, closed.then) == ("advice_wait", then)


@pytest.mark.parametrize("word", sorted(FRESH_CARD))
def test_a_changed_card_is_tried_though_all_attempts_are_used(word):
    """The number of attempts does not keep a changed card from its one attempt."""
    assert gates.ask(case(attempts_used=8, decline_reason=word)) is None


def test_quiet_hours_wait_to_their_end():
    """In quiet hours the same attempt waits to their local end; NOW is 21:00 UTC on 25 November."""
    quiet = agreed.policy(quiet_hours=book.quiet("20:00", "07:30", "Europe/Berlin"))
    closed = gates.ask(facts(policy=quiet))
    assert closed is not None
    assert (closed.gate, closed.then) == ("quiet_hours", Then.WAIT)
    assert closed.until is not None
    assert closed.until.text() == "2026-11-26T06:30:00.000Z"


def test_outside_quiet_hours_is_open():
    """Quiet hours that are over hold nothing back."""
    assert gates.ask(facts(policy=agreed.policy(quiet_hours=book.quiet("22:00", "21:00", "UTC")))) is None


def test_quiet_hours_beyond_the_window():
    """Quiet hours that last to the end of the window are decided anew."""
    given = replace(
        case(window_until=NOW.plus(Span.of(hours=1))),
        policy=agreed.policy(quiet_hours=book.quiet("20:00", "07:30", "UTC")),
    )
    closed = gates.ask(given)
    assert closed is not None
    assert (closed.gate, closed.then) == ("quiet_hours", Then.DECIDE_AGAIN)


def test_a_bound_that_ends_now_is_over():
    """A wait is kept up to its last millisecond, and not one longer."""
    spacing = case(last_attempt_at=NOW.minus(Span.of(hours=24)))
    assert gates.ask(spacing) is None


def test_at_the_very_end_of_the_window_an_attempt_is_late_already():
    """At its end the window gives a planned attempt as long again for a wait that others cause (F4)."""
    at_end = replace(case(window_until=NOW, wait_until=NOW.plus(Span.of(hours=1))), attempt=book.attempt())
    closed = gates.ask(at_end)
    assert closed is not None
    assert (closed.gate, closed.then) == ("advice_wait", Then.WAIT)


def test_a_wait_says_its_rule():
    """The reader is told which rule waits, and whether the window is over before it is."""
    quiet = agreed.policy(quiet_hours=book.quiet("20:00", "07:30", "UTC"))
    told = gates.ask(facts(policy=quiet))
    assert told is not None
    assert told.because == "quiet hours"
    told = gates.ask(replace(case(window_until=NOW.plus(MS)), policy=quiet))
    assert told is not None
    assert told.because == "quiet hours, and the window ends first"
    told = gates.ask(case(last_attempt_at=NOW.minus(Span.of(hours=20))))
    assert told is not None
    assert told.because == "1d between two attempts"
