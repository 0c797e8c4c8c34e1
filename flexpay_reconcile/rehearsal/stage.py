"""One simulated world with the whole product in it, driven by the world's clock in one thread, without sockets.

The same operations as the daemon's, over the real Stripe SDK. Reads no wall clock and sleeps never.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flexpay_reconcile import bootstrap
from flexpay_reconcile.daemon.listener import STATUS
from flexpay_reconcile.errors import BrokenInvariant, TryLater
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.simulator.world import World
from flexpay_reconcile.values.instant import Instant, Span

_PATH = "/webhooks/stripe/"
_UNAVAILABLE = 503


class WorldClock:
    """The clock port over a world."""

    def __init__(self, world: World) -> None:
        """Show the time of `world`."""
        self._world = world

    def now(self) -> Instant:
        """The virtual present."""
        return Instant.from_seconds(self._world.now)


class Stage:
    """A world, a state and an engine. `state` is a path or `:memory:`."""

    def __init__(self, scenario: Mapping[str, Any], *, state: str = ":memory:", durable: bool = True) -> None:
        """Build the world and open the state; nothing is applied yet. `durable=False`: do not sync the file."""
        self.durable = durable
        self.world = build_world(dict(scenario))
        self.transport = SimulatorTransport(self.world)
        self.environ = env_of(self.world)
        self.state = state
        self.listening = True
        self._news = False
        self.world.deliver = self._deliver
        self.parts = self._open()
        self.engine = bootstrap.open_engine(self.parts)

    def _open(self) -> bootstrap.ControlParts:
        return bootstrap.open_control(
            self.state,
            None,
            clock=WorldClock(self.world),
            http_client=self.transport,
            environ=self.environ,
            durable=self.durable,
        )

    def restart(self) -> None:
        """Throw away everything in memory, as a crash does, and open the same state again (a file only)."""
        self.parts.close()
        self.parts = self._open()
        self.engine = bootstrap.open_engine(self.parts)
        self._news = True

    @property
    def now(self) -> Instant:
        """The virtual present."""
        return Instant.from_seconds(self.world.now)

    def _deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """A webhook delivery, handed to the listener's operation; raises ConnectionError where nobody listens."""
        if not self.listening or _PATH not in url:
            raise ConnectionError("nobody listens")
        signature = next((value for name, value in headers.items() if name.lower() == "stripe-signature"), "")
        try:
            received = self.engine.receive(url.rsplit("/", 1)[-1], body, signature)
        except TryLater:
            return _UNAVAILABLE
        self._news = True
        return STATUS[received]

    def run_until(self, end: Instant, *, on_step: Callable[[Instant], None] | None = None) -> None:
        """Let time pass until `end`: the world's own events, deliveries, and the engine's loops when they are due."""
        self._settle()
        while self.now < end:
            due = self.engine.loops.next_due()
            self.world.advance_to(self._next_moment(due, end).seconds)
            if self._news or (due is not None and due <= self.now):
                self._settle()
            if on_step is not None:
                on_step(self.now)
        self._settle()

    def _next_moment(self, due: Instant | None, end: Instant) -> Instant:
        """The next instant at which the world or the engine has something to do.

        The world's own events may stand at the present; the engine is at rest here, so what it has due is later.
        """
        later = self.now.plus(Span.of(seconds=1))
        candidates = [end]
        if due is not None:
            candidates.append(max(later, Instant.from_seconds(-(-due.ms // 1000))))
        event = self.world.next_event_at()
        if event is not None:
            candidates.append(Instant.from_seconds(max(event, self.world.now)))
        return min(candidates)

    def _settle(self) -> None:
        """Turn the loops, and deliver what their calls caused, until nothing is left to do at this moment."""
        for _ in range(1000):
            self._news = False
            self.engine.loops.until_quiet()
            if self.engine.loops.charging_stopped is not None:
                raise BrokenInvariant(self.engine.loops.charging_stopped)
            self.world.advance_to(self.world.now)
            if not self._news:
                return
        raise BrokenInvariant("the rehearsal does not come to rest at one moment")
