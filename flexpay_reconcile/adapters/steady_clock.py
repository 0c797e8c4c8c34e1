"""A clock that does not fall behind what was already known: the machine's wall clock over a persisted floor (F2).

The floor is the last present that Stripe's own `Date` confirmed, carried on by the time that has passed since, which
no setting of the wall clock changes. A clock set back therefore opens no window twice and ages no key backwards; a
clock set forward confirms nothing, so the floor stays true when it is set right again. Waits for nothing.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from flexpay_reconcile.values.instant import Instant, Span

AGREES = Span.of(minutes=5)
"""Between our clock and Stripe's: more, and nothing is confirmed (nor charged, F3)."""
_NS_PER_MS = 1_000_000


def elapsed() -> Span:
    """Time since the machine's start, with its sleep where the system counts it."""
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return Span(ms=time.clock_gettime_ns(source) // _NS_PER_MS)


class SteadyClock:
    """The clock port: the later of the wall clock and the floor."""

    def __init__(self, wall: Callable[[], Instant], passed: Callable[[], Span] = elapsed) -> None:
        """`wall` is the machine's clock; `passed` counts time that no clock setting changes."""
        self._wall = wall
        self._passed = passed
        self._floor: Instant | None = None
        self._since = passed()

    def now(self) -> Instant:
        """The present, in UTC."""
        wall = self._wall()
        if self._floor is None:
            return wall
        return max(wall, self._floor.plus(Span(ms=self._passed().ms - self._since.ms)))

    def remember(self, floor: Instant) -> None:
        """A present that was confirmed in an earlier process, or just now: no present before it is told any more."""
        if self._floor is not None and floor < self.now():
            floor = self.now()
        self._floor, self._since = floor, self._passed()

    def observe(self, skew: Span) -> None:
        """Stripe's `Date` minus our present, at this moment: where they agree, the present becomes the floor."""
        if abs(skew.ms) <= AGREES.ms:
            self.remember(self.now())

    @property
    def floor(self) -> Instant | None:
        """The last confirmed present, to be kept for the next process; None before there was one."""
        return self._floor
