"""A control door served on loopback, and the adapter that asks it. Its clock is told by the test."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator

import uvicorn

from flexpay_reconcile.adapters.control_door import DoorConnection, RemoteControlState
from flexpay_reconcile.adapters.sealed_post import ProcessPost, seal
from flexpay_reconcile.daemon import control_door
from flexpay_reconcile.operations.control_facts import StoredFacts
from flexpay_reconcile.operations.serve_control import ControlDesk
from flexpay_reconcile.ports.control_wire import Scope
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret
from tests.contract.control_state.makers import T0

APPLY = Secret("apply-token-" + "a" * 24)
PLAN = Secret("plan-token-" + "p" * 24)


class ToldClock:
    """The daemon's clock; a test moves it."""

    def __init__(self) -> None:
        self.present = T0

    def now(self) -> Instant:
        """What the test said."""
        return self.present


class Punctual(RemoteControlState):
    """The adapter; where a test names the present, the daemon's clock shows it."""

    clock: ToldClock

    def acquire_lock(self, lock, now):
        """At that present."""
        self.clock.present = now
        super().acquire_lock(lock, now)

    def refresh_lock(self, nonce, now, ttl):
        """At that present."""
        self.clock.present = now
        super().refresh_lock(nonce, now, ttl)


def desk_of(state, clock: ToldClock) -> ControlDesk:
    """What answers behind the door."""
    facts = StoredFacts(store=state.store, configurations=state.control, clock=clock)
    return ControlDesk(state=state.control, facts=facts, post=ProcessPost(), clock=clock)


def app_of(desk):
    """The app with both tokens."""
    return control_door.build_app(desk.answer, control_door.Tokens({Scope.PLAN: PLAN, Scope.APPLY: APPLY}))


def connection(address: str, token: Secret = APPLY) -> DoorConnection:
    """The way to a door; it does not wait between tries."""
    return DoorConnection(address, lambda: token, wait=lambda _: None)


class _Server(uvicorn.Server):
    """Tells when it listens."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listens = threading.Event()

    async def startup(self, sockets=None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        self.listens.set()


@contextlib.contextmanager
def serving(app) -> Iterator[str]:
    """The app on a free port of this machine."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(16)
        server = _Server(uvicorn.Config(app, log_config=None, lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, daemon=True)
        thread.start()
        assert server.listens.wait(10)
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(10)


@contextlib.contextmanager
def served(state) -> Iterator[Punctual]:
    """The control state of an open state, through a door."""
    clock = ToldClock()
    with serving(app_of(desk_of(state, clock))) as address:
        remote = Punctual(connection(address), seal)
        remote.clock = clock
        yield remote


__all__ = ["APPLY", "PLAN", "Span", "ToldClock", "app_of", "connection", "desk_of", "served", "serving"]
