"""The machine's clock and chance."""

from __future__ import annotations

import time

from flexpay_reconcile.adapters.identifiers import RandomIdentifiers
from flexpay_reconcile.adapters.system_clock import SystemClock
from flexpay_reconcile.values.instant import Instant


def test_the_clock_gives_whole_milliseconds(monkeypatch):
    """The machine's nanoseconds, rounded down."""
    monkeypatch.setattr(time, "time_ns", lambda: 1_795_338_000_123_999_999)
    assert SystemClock().now() == Instant(1_795_338_000_123)


def test_identifiers_are_new_each_time():
    """32 lower-case hex digits, a thousand of them all different."""
    identifiers = RandomIdentifiers()
    made = {identifiers.fresh() for _ in range(1000)}
    assert len(made) == 1000
    assert all(len(each) == 32 and set(each) <= set("0123456789abcdef") for each in made)
