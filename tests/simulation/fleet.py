"""One to three daemons on one database, turned one turn at a time in an order the seed draws. No threads.

A daemon can die, be down for a while, stand still in the middle of its work while the others go on, and have a clock
of its own that is wrong. Deliveries go to the first daemon that is up.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from typing import Any
from unittest import mock

from flexpay_reconcile import bootstrap
from flexpay_reconcile.adapters.steady_clock import SteadyClock
from flexpay_reconcile.daemon.listener import STATUS
from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.manifest.load import Loaded
from flexpay_reconcile.rehearsal import stage
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import worlds
from tests.simulation.judges import Violation
from tests.simulation.rig import Crash, Recorder, Rig

WAKES_EVERY = 20
"""Seconds until a daemon that found nothing it may do looks again."""
MOST_ROUNDS = 2_000


class Daemon:
    """One process. `offset` is how wrong its machine's clock is, in seconds."""

    def __init__(self, fleet: Fleet, number: int) -> None:
        """Start it."""
        self.number = number
        self.lives = 0
        self.offset = 0
        self.up_at: int | None = None
        self.stopped = False
        self._fleet = fleet
        self.start()

    def start(self) -> None:
        """A new process over the same database."""
        self.lives += 1
        self.up_at = None
        self.holder = f"daemon-{self.number}-{self.lives}"
        self.parts = self._fleet.open_for(self)
        self.engine = bootstrap.open_engine(self.parts, holder=self.holder)

    @property
    def runs(self) -> bool:
        """Neither down nor standing still."""
        return self.up_at is None and not self.stopped

    @property
    def error(self) -> int:
        """How far its present is from the true one, in seconds: a clock set back is not believed, so that is none."""
        return self.parts.clock.now().seconds - self._fleet.world.now

    def due_at(self) -> int | None:
        """When its next work is due, in the world's seconds."""
        due = self._fleet.next_due(self)
        return None if due is None else -(-due.ms // 1000) - self.error


class DatedRecorder(Recorder):
    """Answers tell the time by `Date` alone, as Stripe's do, so that a daemon's clock can be wrong."""

    def request(self, method, url, headers, post_data=None, *, _usage=None):
        """One request; the simulator's own clock header is taken out of the answer."""
        body, status, answered = super().request(method, url, headers, post_data)
        answered.pop("Simulator-Clock", None)
        return body, status, answered


class Fleet(Rig):
    """A rig with several daemons. `down` says how long one that died stays down."""

    def __init__(
        self,
        customers: Mapping[str, dict[str, Any]],
        *,
        loaded: Loaded | None = None,
        seed: int = 1,
        daemons: int = 1,
        before: Callable[[Fleet], None] = lambda _: None,
        scenario: Callable[..., dict[str, Any]] = worlds.scenario,
    ) -> None:
        """Build the world, let `before` happen to it, apply, and start the daemons."""
        self.daemons: list[Daemon] = []
        self.acting: Daemon | None = None
        self.order = random.Random(f"order {seed}")
        self.down: Callable[[], int] = lambda: 360
        self.heard: list[Callable[[bytes, int], None]] = []
        self.on_step: Callable[[Instant], None] = lambda _: None
        self._deep = False
        self._before = before
        self._due: list[Instant | None] = []
        super().__init__(customers, loaded=loaded, seed=seed, scenario=scenario)
        self.after_commit.append(self._due.clear)
        self.daemons = [Daemon(self, number) for number in range(daemons)]

    def _prepare(self) -> None:
        self._before(self)

    # -- processes -----------------------------------------------------------------------------------------------

    def _open(self) -> bootstrap.ControlParts:
        if not isinstance(self.transport, DatedRecorder):
            self.transport = DatedRecorder(self)
        return super()._open()

    def open_for(self, daemon: Daemon) -> bootstrap.ControlParts:
        """The parts of one process: its own gateways and clock, the one store."""
        clock = SteadyClock(
            lambda: Instant.from_seconds(self.world.now + daemon.offset), lambda: Span.of(seconds=self.world.now)
        )
        with mock.patch.object(stage, "WorldClock", return_value=clock):
            return self._open()

    def restart(self) -> None:
        """Every process is replaced, as in an upgrade."""
        if not self.daemons:
            super().restart()
        for each in self.daemons:
            each.start()

    def pause(self, span: Span) -> None:
        """The acting daemon stands still here, in the middle of what it does, while the world and the others go on."""
        daemon = self.acting
        if daemon is None or self._deep:
            return
        daemon.stopped, self._deep, self.acting = True, True, None
        try:
            self.run_until(self.now.plus(span), on_step=self.on_step)
        finally:
            daemon.stopped, self._deep, self.acting = False, False, daemon
        self._news = True

    def next_due(self, daemon: Daemon) -> Instant | None:
        """When the next work is due; the same for all, for it is told by what is committed alone."""
        if not self._due:
            self._due.append(daemon.engine.loops.next_due())
        return self._due[0]

    def _wake(self) -> None:
        for each in self.daemons:
            if each.up_at is not None and each.up_at <= self.world.now:
                each.start()

    # -- deliveries ----------------------------------------------------------------------------------------------

    def _deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        daemon = next((each for each in self.daemons if each.runs), None)
        if daemon is None or not self.listening or "/webhooks/stripe/" not in url:
            raise ConnectionError("nobody listens")
        signature = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        before, self.acting = self.acting, daemon
        try:
            status = STATUS[daemon.engine.receive(url.rsplit("/", 1)[-1], body, signature)]
        except TryLater:
            status = 503
        except Crash:
            self._die(daemon)
            for each in self.heard:
                each(body, 0)  # it may have been stored before
            raise ConnectionError("the listener died") from None
        finally:
            self.acting = before
        self._news = True
        for each in self.heard:
            each(body, status)
        return status

    deliver = _deliver

    def _die(self, daemon: Daemon) -> None:
        self.crashes += 1
        daemon.up_at = self.world.now + self.down()

    # -- time ----------------------------------------------------------------------------------------------------

    def live(self, days: float, *, down: Span | None = None, on_step: Callable[[Instant], None] | None = None) -> None:
        """Let days pass."""
        self.on_step = on_step or self.on_step
        self.run_until(self.now.plus(Span.of(seconds=int(days * 86_400))), on_step=self.on_step)

    def run_until(self, end: Instant, *, on_step: Callable[[Instant], None] | None = None) -> None:
        """The world's own events, deliveries, and every daemon's loops when they are due, until `end`."""
        if not self.daemons:
            super().run_until(end, on_step=on_step)
            return
        while True:
            self._wake()
            self._settle()
            if on_step is not None:
                on_step(self.now)
            if self.now >= end:
                return
            self.world.advance_to(min(end.seconds, self._next()))

    def _next(self) -> int:
        """The next second at which anything can happen."""
        now = self.world.now
        found = [each.up_at for each in self.daemons if each.up_at is not None]
        for daemon in self.daemons:
            due = daemon.due_at() if daemon.runs else None
            if due is not None:
                found.append(due if due > now else now + WAKES_EVERY)
        event = self.world.next_event_at()
        if event is not None:
            found.append(max(event, now))
        return min(found, default=now + 86_400)

    def _settle(self) -> None:
        if not self.daemons:
            super()._settle()
            return
        for _ in range(MOST_ROUNDS):
            self._news = False
            up = [each for each in self.daemons if each.runs]
            self.order.shuffle(up)
            done = sum(self._turn(each) for each in up)
            self.world.advance_to(self.world.now)
            if not done and not self._news:
                return
        raise Violation(f"C1: the loops find work at one moment without end ({self.now.short_text()})")

    def _turn(self, daemon: Daemon) -> int:
        """One turn of one daemon's loops; 0 when nothing is due, or it died."""
        due = daemon.due_at()
        if not daemon.runs or due is None or due > self.world.now:
            return 0
        before, self.acting = self.acting, daemon
        try:
            done = daemon.engine.loops.turn()
        except Crash:
            self._die(daemon)
            return 0
        finally:
            self.acting = before
        why = daemon.engine.loops.charging_stopped
        if why is not None:
            raise Violation(f"G4: {daemon.holder} stopped charging: {why}")
        return done
