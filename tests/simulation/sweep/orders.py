"""Who comes back after a crash, and in which order with the events that the last call caused. A fleet with an ear."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Any

from flexpay_reconcile.daemon.listener import STATUS
from flexpay_reconcile.manifest.load import Loaded
from flexpay_reconcile.values.instant import Span
from tests.simulation.fleet import Daemon, Fleet
from tests.simulation.rig import Crash, Request
from tests.simulation.sweep import points
from tests.simulation.sweep.points import Point


class Order(StrEnum):
    """What follows a crash."""

    AT_ONCE = "the same daemon, a second later"
    """The dead one's lease still stands."""
    EVENTS_FIRST = "the same daemon; events came first"
    """Six minutes later; meanwhile the webhooks were taken in."""
    EVENTS_LATER = "the same daemon; events come later"
    """Six minutes later; the webhooks of that time are delivered again after that."""
    ANOTHER = "another daemon takes the lease"
    """The dead one comes back a day later."""


_DOWN = {Order.AT_ONCE: 1, Order.EVENTS_FIRST: 360, Order.EVENTS_LATER: 360, Order.ANOTHER: 86_400}


class SweepFleet(Fleet):
    """A fleet that names the crash points it passes, and dies at the one it is told."""

    def __init__(
        self,
        customers: dict[str, Any],
        loaded: Loaded,
        *,
        order: Order,
        die_at: int | None,
        before: Callable[[Fleet], None],
    ) -> None:
        """`die_at` counts the points passed since the daemons began, from 1; `before` happens before the first apply."""
        self.passed: list[Point] = []
        self.deeds: list[tuple[float, Callable[[], object]]] = []
        self.met_at: int | None = None
        self._die_at = die_at
        self._order = order
        self._ear: Daemon | None = None
        super().__init__(customers, loaded=loaded, daemons=2 if order is Order.ANOTHER else 1, before=before)
        self.down = lambda: _DOWN[order]
        if order is Order.EVENTS_FIRST:
            self._ear = Daemon(self, len(self.daemons))
        self.after_call.append(self._after_call)
        self.after_commit.append(self._pass)

    def watch(self, meets: Callable[[str, str], bool]) -> None:
        """Remember how many points were passed when the call that `meets` is sent."""

        def hook(request: Request) -> None:
            if meets(request.method, request.path):
                self.met()

        self.before_call.append(hook)

    def met(self) -> None:
        """The answer is given now."""
        self.met_at = len(self.passed)

    def _after_call(self, request: Request) -> None:
        if request.method != "GET":
            self._pass()

    def _pass(self) -> None:
        """A crash point, where the work of a daemon passes one. Renewing the lease is one the first time only."""
        point = points.here() if self.acting is not None else None
        if point is None or (point.function == "hold_lease" and point in self.passed):
            return
        self.passed.append(point)
        if len(self.passed) == self._die_at:
            raise Crash

    def _deliver(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """While no daemon is up another process may listen, and only that."""
        ear = self._ear
        if ear is None or any(each.runs for each in self.daemons) or "/webhooks/stripe/" not in url:
            return super()._deliver(url, headers, body)
        signature = next(value for name, value in headers.items() if name.lower() == "stripe-signature")
        return STATUS[ear.engine.receive(url.rsplit("/", 1)[-1], body, signature)]

    deliver = _deliver

    def live_through(self, days: float) -> None:
        """Let days pass, with the deeds at their times."""
        start = self.now
        for at, deed in sorted(self.deeds, key=lambda each: each[0]):
            self.run_until(start.plus(Span.of(seconds=int(at * 86_400))), on_step=self.on_step)
            deed()
        self.run_until(start.plus(Span.of(seconds=int(days * 86_400))), on_step=self.on_step)
