"""A fixed schedule in Stripe's form: each step counts from the previous attempt. Must not choose anything itself."""

from __future__ import annotations

from collections.abc import Sequence

from flexpay_reconcile.values.instant import Instant, Span

VERSION = "fixed/1"


def aim(*, previous: Instant, number: int, schedule: Sequence[Span]) -> Instant | None:
    """Where attempt `number` (from 1) aims after the `previous` one, or None when the schedule has no such step."""
    if not 1 <= number <= len(schedule):
        return None
    return previous.plus(schedule[number - 1])
