"""Followers of the virtual clock that die and come back: the living one hears everything, and nobody waits for the dead."""

from __future__ import annotations

import threading

from flexpay_reconcile.simulator.door.follow import Conductor
from tests.unit.simulator.helpers import START, small_world


def _conductor(**changes) -> Conductor:
    return Conductor(small_world(), send=lambda parcel: 200, **changes)


def _following(conductor: Conductor, answers: list[tuple[int, str]]) -> threading.Thread:
    """A follower that waits in its own thread."""

    def follow() -> None:
        answers.append(conductor.follow("daemon", as_of=START, wake_at=None, timeout=25))

    thread = threading.Thread(target=follow, daemon=True)
    thread.start()
    return thread


def _turns(conductor: Conductor) -> int:
    follower = conductor._followers.get("daemon")
    return follower.turn if follower else 0


def test_a_new_call_stands_for_a_follower_that_died():
    """The call a dead process left waiting ends at once, and the next delivery wakes the new one, not the old."""
    conductor = _conductor()
    old: list[tuple[int, str]] = []
    new: list[tuple[int, str]] = []
    first = _following(conductor, old)
    with conductor.changed:
        assert conductor.changed.wait_for(lambda: _turns(conductor) == 1, 10)
    second = _following(conductor, new)
    first.join(10)
    assert old == [(START, "timeout")]
    with conductor.changed:
        assert conductor.changed.wait_for(lambda: _turns(conductor) == 2, 10)
        conductor.world.delivered += 1
        conductor.changed.notify_all()
    second.join(10)
    assert new == [(START, "delivery")]


def test_a_first_call_hears_of_deliveries_before_it():
    """What was delivered between a daemon's start and its first call is news to it."""
    conductor = _conductor()
    conductor.world.delivered = 1
    assert conductor.follow("daemon", as_of=START, wake_at=None, timeout=0) == (START, "delivery")
    assert conductor.follow("daemon", as_of=START, wake_at=None, timeout=0) == (START, "timeout")
