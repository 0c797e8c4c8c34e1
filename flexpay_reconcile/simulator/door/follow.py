"""The conductor: one lock around a world, a courier for its deliveries, and followers who live in its time.

A follower (a daemon) says "I have done all I can at `as_of`; wake me at `wake_at`". An advance moves the clock in steps
no further than the next thing that happens or the next wish to be woken, and waits at each step until deliveries are
done and every live follower is idle again. Uses threads and a real clock (for liveness only); may not decide anything
of Stripe's.
"""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flexpay_reconcile.simulator import requests
from flexpay_reconcile.simulator.requests import Held
from flexpay_reconcile.simulator.world import Parcel, Response, World

LIVE_SECONDS = 20.0
MAX_TIMEOUT = 25.0
LEAST_SLOW, MOST_SLOW = 0.2, 2.0
"""How long a slow answer is held back, in seconds of the machine's clock."""


class Busy(Exception):
    """An advance is already under way."""


@dataclass(slots=True, kw_only=True)
class Follower:
    """Somebody who lives in the world's time. `mark` is the number of deliveries known at the last idle moment.

    `turn` counts the calls: a new one stands for the follower, and one that a dead process left waiting does not.
    """

    seen: float
    mark: int
    as_of: int = 0
    wake_at: int | None = None
    calls: int = 0
    turn: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Advanced:
    """What happened during an advance."""

    now: int
    events: int
    deliveries: int
    failed_deliveries: int


class Conductor:
    """Shares one world among threads. `send` posts a parcel and returns the status, None without an answer.

    `rebuild` makes the world anew, for `reset`.
    """

    def __init__(
        self,
        world: World,
        *,
        send: Callable[[Parcel], int | None],
        monotonic: Callable[[], float] = time.monotonic,
        rebuild: Callable[[], World] | None = None,
    ) -> None:
        self.world = world
        self._rebuild = rebuild
        self.changed = threading.Condition()
        self._send = send
        self._monotonic = monotonic
        self._followers: dict[str, Follower] = {}
        self._in_flight = 0
        self._advancing = False
        self._settling: set[str] = set()
        self._stopped = False

    def start(self) -> threading.Thread:
        """Start the courier's thread."""
        thread = threading.Thread(target=self.run_courier, name="simulator-courier", daemon=True)
        thread.start()
        return thread

    def stop(self) -> None:
        """End courier, advance and long polls."""
        with self.changed:
            self._stopped = True
            self.changed.notify_all()

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """A Stripe request under the lock; a slow answer is held back with the lock released."""
        with self.changed:
            response = self._answered(method, path, headers, body)
        if response.held is not None:
            self.hold_back(response.held)
        return response

    def handle_now(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response | None:
        """The same without waiting: None when somebody else has the lock, and a slow answer is left to `hold_back`."""
        if not self.changed.acquire(blocking=False):
            return None
        try:
            return self._answered(method, path, headers, body)
        finally:
            self.changed.release()

    def hold_back(self, held: Held) -> None:
        """Wait as long as a slow answer takes, then let its key and its place in the limits go."""
        with self.changed:
            self.changed.wait_for(lambda: self._stopped, min(held.seconds or LEAST_SLOW, MOST_SLOW))
            requests.let_go(self.world.sim, held)

    def _answered(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        follower = headers.get("simulator-follower")
        if follower is not None:
            self._touch(follower)
        world = self.world
        try:
            response = world.handle(method, path, headers, body)
            if response.held is not None:
                requests.hold(world.sim, response.held)
        finally:
            due = world.sim.outbox.next_at()
            if due is not None and due <= world.now:  # the only thing a request can give others to do
                self.changed.notify_all()
        return response

    def reset(self) -> int:
        """Begin again with a new world, its clock included; followers are forgotten. The new present.

        LookupError when nobody said how, Busy during an advance.
        """
        if self._rebuild is None:
            raise LookupError("there is no way to build this world again")
        with self.changed:
            if self._advancing:
                raise Busy
            self.world = self._rebuild()
            self._followers.clear()
            self.changed.notify_all()
            return self.world.now

    def run_courier(self) -> None:
        """Send what is due, one after another, with the lock released while sending."""
        while True:
            with self.changed:
                while not self._stopped and (parcel := self.world.take_parcel()) is None:
                    self.changed.notify_all()
                    self.changed.wait()
                if self._stopped or parcel is None:
                    return
                self._in_flight += 1
            status = self._send(parcel)
            with self.changed:
                self.world.delivery_done(parcel, status)
                self._in_flight -= 1
                self.changed.notify_all()

    def follow(self, name: str, *, as_of: int, wake_at: int | None, timeout: float) -> tuple[int, str]:
        """Wait as a follower; (now, reason), the reason being clock, delivery or timeout."""
        deadline = self._monotonic() + min(max(timeout, 0.0), MAX_TIMEOUT)
        with self.changed:
            follower = self._touch(name)
            follower.as_of, follower.wake_at = as_of, wake_at
            follower.calls += 1
            follower.turn += 1
            turn = follower.turn
            self.changed.notify_all()
            try:
                while (reason := self._reason(name, follower)) is None:
                    left = deadline - self._monotonic()
                    if left <= 0 or self._stopped or follower.turn != turn:
                        reason = "timeout"
                        break
                    self.changed.wait(left)
            finally:
                follower.calls -= 1
                if follower.turn == turn:  # else a later call has taken over, and what happened is its to hear
                    follower.seen = self._monotonic()
                    follower.mark = self.world.delivered
                    self._settling.discard(name)
                self.changed.notify_all()
            return self.world.now, reason

    def advance(self, target: int) -> Advanced:
        """Move the clock to `target`; ValueError when that lies in the past, Busy during another advance."""
        world = self.world
        with self.changed:
            if self._advancing:
                raise Busy
            if target < world.now:
                raise ValueError("the clock cannot go back")
            self._advancing = True
            before = (world.happened, world.delivered, world.failed_deliveries)
            try:
                self._wait_until_quiet()
                while world.now < target and not self._stopped:
                    world.step_to(self._next_stop(target))
                    self.changed.notify_all()
                    self._wait_until_quiet()
                self._settling = {name for name, follower in self._live() if follower.as_of < world.now}
                self.changed.notify_all()
                self._wait_until_quiet()
            finally:
                self._advancing = False
                self._settling = set()
            return Advanced(
                now=world.now,
                events=world.happened - before[0],
                deliveries=world.delivered - before[1],
                failed_deliveries=world.failed_deliveries - before[2],
            )

    def _next_stop(self, target: int) -> int:
        now = self.world.now
        stops = [target]
        event = self.world.next_event_at()
        if event is not None:
            stops.append(event)
        stops.extend(
            follower.wake_at for _, follower in self._live() if follower.wake_at is not None and follower.wake_at > now
        )
        return min(stops)

    def _reason(self, name: str, follower: Follower) -> str | None:
        """Why a waiting follower should wake now, None when it should not."""
        now = self.world.now
        if self.world.delivered > follower.mark:
            return "delivery"
        if now > follower.as_of and (
            name in self._settling or (follower.wake_at is not None and now >= follower.wake_at)
        ):
            return "clock"
        return None

    def _touch(self, name: str | None) -> Follower:
        moment = self._monotonic()
        if name is None:
            return Follower(seen=moment, mark=0)
        follower = self._followers.get(name)
        if follower is None:
            follower = self._followers[name] = Follower(seen=moment, mark=0)  # what came before may be news to it
        follower.seen = moment
        return follower

    def _live(self) -> list[tuple[str, Follower]]:
        """The live followers; those that vanished are dropped with a line on stderr."""
        moment = self._monotonic()
        for name in [
            name
            for name, follower in self._followers.items()
            if follower.calls == 0 and moment - follower.seen > LIVE_SECONDS
        ]:
            del self._followers[name]
            sys.stderr.write(f"simulator: follower {name!r} is gone; the clock no longer waits for it\n")
        return list(self._followers.items())

    def _quiet(self) -> bool:
        due = self.world.sim.outbox.next_at()
        if self._in_flight or (due is not None and due <= self.world.now):
            return False
        return all(follower.calls > 0 and self._reason(name, follower) is None for name, follower in self._live())

    def _wait_until_quiet(self) -> None:
        while not self._stopped and not self._quiet():
            self.changed.wait(1.0)  # wakes by itself only to notice followers that vanished

    def followers(self) -> list[str]:
        """The names of live followers."""
        with self.changed:
            return [name for name, _ in self._live()]
