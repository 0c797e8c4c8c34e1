"""Serving and stopping: the lease is given back after the turn under way, never during it."""

from __future__ import annotations

import threading

import pytest

from flexpay_reconcile.daemon import run
from flexpay_reconcile.daemon.loops import Loop, Loops
from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.values.instant import Instant

NOW = Instant.from_text("2026-01-01T00:00:00Z")


class World:
    """A virtual clock that stands, a loop whose first turn lasts until it is let go, and a record of what happened."""

    def __init__(self) -> None:
        """Nothing has happened."""
        self.told: list[str] = []
        self.turning = threading.Event()
        self.let_go = threading.Event()
        self.waiting = threading.Event()
        self.never = threading.Event()

    def turn(self) -> int:
        """One turn."""
        self.turning.set()
        assert self.let_go.wait(10)
        self.told.append("turned")
        return 0

    def follow(self, now: Instant, wake_at: Instant | None) -> Instant | None:
        """The long poll, which nobody answers."""
        self.waiting.set()
        self.never.wait(20)
        return now

    def parts(self, follow=None) -> run.Parts:
        """What a daemon is given."""
        loops = Loops(loops=(Loop(name="only", turn=self.turn),), next_due=lambda: NOW, now=lambda: NOW)
        return run.Parts(app=None, loops=loops, release=lambda: self.told.append("released"), follow=follow)


def test_stopping_waits_for_the_turn_and_not_for_the_clock():
    """A turn under way is finished; a thread that only waits to be woken is left, and turns no more."""
    world = World()
    worker = run._Following(world.parts(), world.follow)
    worker.start()
    assert world.turning.wait(10)
    stopped: list[bool] = []
    stopping = threading.Thread(target=lambda: stopped.append(worker.stop()))
    stopping.start()
    assert not stopped
    world.let_go.set()
    stopping.join(10)
    assert stopped == [True]
    world.never.set()
    worker._thread.join(10)
    assert world.told == ["turned"]


def test_a_turn_that_does_not_end_keeps_the_lease(monkeypatch):
    """Who may still be charging does not say that somebody else may: the lease runs out by itself."""
    monkeypatch.setattr(run, "_MAX_SHUTDOWN_SECONDS", 0)
    world = World()
    worker = run._Following(world.parts(), world.follow)
    worker.start()
    assert world.turning.wait(10)
    assert worker.stop() is False
    world.let_go.set()
    world.never.set()
    worker._thread.join(10)


def test_a_lost_clock_is_told_once_and_tried_again(caplog):
    """A simulator that went away fills no log; stopping is not held up by it."""
    world = World()
    world.let_go.set()
    tries = []
    tried = threading.Event()

    def follow(now: Instant, wake_at: Instant | None) -> Instant | None:
        tries.append(now)
        if len(tries) > 1:
            tried.set()
        raise TryLater("nobody answers", code="E-simulator")

    worker = run._Following(world.parts(), follow)
    worker.start()
    assert tried.wait(10)
    assert worker.stop() is True
    worker._thread.join(10)
    assert [each.message for each in caplog.records] == ["the virtual clock cannot be followed"]


def test_a_port_that_cannot_be_served_still_gives_the_lease_back(monkeypatch):
    """Whatever ends the server, a signal or a fault, the lease is given back and the fault goes on."""
    world = World()
    world.let_go.set()

    def broken(self, sockets=None):
        raise KeyboardInterrupt

    monkeypatch.setattr(run._Server, "run", broken)
    with pytest.raises(KeyboardInterrupt):
        run.serve(world.parts(world.follow), listening=None)  # type: ignore[arg-type]
    assert world.told[-1] == "released"
    world.never.set()
