"""The world: what a Stripe account's owner can ask of it (`handle`) and what happens by itself (`advance_to`).

Pure but for its own state: no clock, disk, socket or thread. A caller that uses threads holds its own lock.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from flexpay_reconcile.simulator import deliveries, requests
from flexpay_reconcile.simulator.deliveries import Parcel
from flexpay_reconcile.simulator.happenings import ACTIONS
from flexpay_reconcile.simulator.judge import Judge
from flexpay_reconcile.simulator.ledger import Ledger
from flexpay_reconcile.simulator.requests import MAX_BODY, Response
from flexpay_reconcile.simulator.script import Script
from flexpay_reconcile.simulator.state import Simulation

Deliver = Callable[[str, dict[str, str], bytes], int]
TIDY_EVERY = 1024
"""How many things happen between two looks at what can be packed away."""

TRIES_KEPT = 200
"""How many tries to deliver are remembered."""

__all__ = ["MAX_BODY", "Deliver", "Parcel", "Response", "World"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """One try to deliver an event; `status` None: no answer. `fault`: what was made false about it."""

    at: int
    event: str
    endpoint: str
    url: str
    status: int | None
    fault: str | None


class World:
    """A small Stripe with its virtual clock (`now`, epoch seconds)."""

    def __init__(self, sim: Simulation) -> None:
        self.sim = sim
        self.script = Script()
        self.deliver: Deliver | None = None
        self.delivered = 0
        self.failed_deliveries = 0
        self.happened = 0
        self.name = ""
        self.description = ""
        self.start = sim.now
        self.judge = Judge(sim.ledger)
        self.tries: deque[Tried] = deque(maxlen=TRIES_KEPT)

    @property
    def now(self) -> int:
        """The virtual clock."""
        return self.sim.now

    @property
    def ledger(self) -> Ledger:
        """Every charge, refund and state change."""
        return self.sim.ledger

    def handle(self, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        """Answer one request; `path` may carry a query string. Raises `faults.NoAnswer` for a scripted silence."""
        return requests.answer(self.sim, method, path, headers, body)

    def next_event_at(self) -> int | None:
        """The next instant at which anything happens by itself; None when nothing is planned."""
        times = [at for at in (self.sim.agenda.next_at(), self.sim.outbox.next_at()) if at is not None]
        return max(min(times), self.sim.now) if times else None

    def advance_to(self, instant: int) -> None:
        """Run everything due up to and including `instant`, in order, deliveries through `deliver`."""
        while (at := self.next_event_at()) is not None and at <= instant:
            self.step_to(at)
            while (parcel := self.take_parcel()) is not None:
                self.delivery_done(parcel, self._send(parcel))
        self.step_to(instant)

    def step_to(self, instant: int) -> None:
        """Move the clock and run the agenda, leaving deliveries in the outbox (for doors that send them themselves)."""
        sim = self.sim
        while (entry := sim.agenda.take(instant)) is not None:
            sim.now = max(sim.now, entry.at)
            self.happened += 1
            ACTIONS[entry.action](sim, sim.accounts[entry.account], entry.subject)
            if self.happened % TIDY_EVERY == 0:
                sim.tidy()
        sim.now = max(sim.now, instant)

    def take_parcel(self) -> Parcel | None:
        """The next delivery due now, signed with the virtual clock; None when there is none."""
        return deliveries.take(self.sim)

    def delivery_done(self, parcel: Parcel, status: int | None) -> bool:
        """Record the answer to a delivery (None: no answer). Only 2xx is a success; says whether it was one."""
        success = deliveries.done(self.sim, parcel, status)
        self.tries.append(
            Tried(
                at=self.sim.wall,
                event=parcel.delivery.event,
                endpoint=parcel.delivery.endpoint,
                url=parcel.url,
                status=status,
                fault=parcel.fault,
            )
        )
        if success:
            self.delivered += 1
        else:
            self.failed_deliveries += 1
        return success

    def _send(self, parcel: Parcel) -> int | None:
        if self.deliver is None:
            return None
        try:
            return self.deliver(parcel.url, parcel.headers, parcel.body)
        except ConnectionError:
            return None
