"""A fixed schedule: each step after the previous attempt, and nothing after the last."""

from __future__ import annotations

import pytest

from flexpay_reconcile.timing import fixed
from flexpay_reconcile.values.instant import Instant, Span

T0 = Instant.from_text("2026-11-22T09:00:00Z")
STEPS = (Span.of(days=3), Span.of(days=5), Span.of(days=7))


@pytest.mark.parametrize(("number", "days"), [(1, 3), (2, 5), (3, 7)])
def test_each_step_counts_from_the_previous_attempt(number, days):
    """Step k lies its own span after the attempt before it, not after the first decline."""
    assert fixed.aim(previous=T0, number=number, schedule=STEPS) == T0.plus(Span.of(days=days))


@pytest.mark.parametrize("number", [-1, 0, 4, 100])
def test_there_is_no_step_outside_the_schedule(number):
    """Before the first and after the last step there is no aim."""
    assert fixed.aim(previous=T0, number=number, schedule=STEPS) is None


def test_an_empty_schedule_has_no_step():
    """Without steps there is no aim at all."""
    assert fixed.aim(previous=T0, number=1, schedule=()) is None


def test_a_clock_change_does_not_move_a_step():
    """Three days are 72 hours, over a clock change too."""
    before = Instant.from_text("2026-10-24T10:00:00Z")
    step = fixed.aim(previous=before, number=1, schedule=STEPS)
    assert step is not None
    assert step.text() == "2026-10-27T10:00:00.000Z"
