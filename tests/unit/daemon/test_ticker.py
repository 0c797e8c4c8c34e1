"""When the loops are woken."""

from __future__ import annotations

import threading

from flexpay_reconcile.daemon.ticker import Ticker


class Hands:
    """A count of seconds that a test moves."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        return self.at


def test_a_scheduler_that_sleeps_through_its_time_is_woken():
    """An hour to the next wake by the wall clock, but ten seconds have passed and nothing ran: it is woken now."""
    woken = threading.Event()
    hands = Hands()
    ticker = Ticker(woken.set, seconds=3600, passed=hands)
    ticker._scheduler.start()
    try:
        assert not ticker.look()
        hands.at = 5 * 3600 + 1
        assert ticker.look()
        assert woken.wait(20)
    finally:
        ticker._scheduler.shutdown(wait=True)


def test_a_long_turn_is_not_taken_for_sleep():
    """While a turn is under way nobody is woken a second time, however long it takes."""
    hands = Hands()
    seen: list[bool] = []

    def turn() -> None:
        hands.at += 1_000_000
        seen.append(ticker.look())

    ticker = Ticker(turn, seconds=3600, passed=hands)
    ticker._turn()
    assert seen == [False]
