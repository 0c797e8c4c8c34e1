"""The clock that does not fall behind what Stripe's own time confirmed (F2)."""

from __future__ import annotations

import pytest

from flexpay_reconcile.adapters.steady_clock import SteadyClock, elapsed
from flexpay_reconcile.values.instant import Instant, Span

NOON = Instant.from_text("2026-11-23T12:00:00Z")
HOUR = Span.of(hours=1)


class Machine:
    """A wall clock that can be set, and time that only passes."""

    def __init__(self) -> None:
        self.wall = NOON
        self.passed = Span(0)
        self.clock = SteadyClock(lambda: self.wall, lambda: self.passed)

    def live(self, span: Span) -> None:
        self.wall, self.passed = self.wall.plus(span), self.passed.plus(span)


def test_it_tells_the_wall_clock_while_nothing_is_wrong():
    """Confirmed or not, a clock that nobody sets is told as it is."""
    machine = Machine()
    assert machine.clock.now() == NOON
    machine.clock.observe(Span.of(seconds=2))
    machine.live(HOUR)
    assert machine.clock.now() == NOON.plus(HOUR)


@pytest.mark.parametrize("back", [Span.of(minutes=1), HOUR, Span.of(days=30)])
def test_a_clock_set_back_neither_goes_back_nor_stands_still(back: Span):
    """After it was confirmed, the present goes on by the time that passes, whatever the wall clock says."""
    machine = Machine()
    machine.clock.observe(Span(0))
    machine.wall = machine.wall.minus(back)
    assert machine.clock.now() == NOON
    machine.live(HOUR)
    assert machine.clock.now() == NOON.plus(HOUR)


def test_a_clock_set_forward_confirms_nothing_and_heals():
    """Thirty days ahead: Stripe's Date disagrees, the floor stays, and when it is set right the true present is told."""
    machine = Machine()
    machine.clock.observe(Span(0))
    machine.wall = machine.wall.plus(Span.of(days=30))
    machine.clock.observe(Span.of(days=-30))
    machine.live(HOUR)
    machine.wall = machine.wall.minus(Span.of(days=30))
    assert machine.clock.now() == NOON.plus(HOUR)
    assert machine.clock.floor == NOON


def test_the_next_process_does_not_fall_behind_the_last():
    """What was confirmed before a restart holds after it, though the wall clock was set back meanwhile."""
    machine = Machine()
    machine.clock.remember(NOON.plus(HOUR))
    assert machine.clock.now() == NOON.plus(HOUR)


def test_an_older_memory_does_not_lower_the_floor():
    """Remembering an earlier present takes nothing back."""
    machine = Machine()
    machine.clock.observe(Span(0))
    machine.wall = machine.wall.minus(Span.of(days=1))
    machine.clock.remember(NOON.minus(HOUR))
    assert machine.clock.now() == NOON


def test_passed_time_never_falls():
    """The machine's own count of passed time does not go back between two looks."""
    assert elapsed() <= elapsed()
