"""The control plane's parts where the state is behind a daemon's control door. Thinks nothing itself.

There is no store here: whatever would read or move cases raises, in words.
"""

from __future__ import annotations

import time
from typing import Any, NoReturn

from flexpay_reconcile.adapters.control_door import DoorConnection, RemoteControlState
from flexpay_reconcile.adapters.sealed_post import seal
from flexpay_reconcile.adapters.secret_sources import SecretSources
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.ports.control_state import ControlState
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.state_address import DEFAULT_TOKEN

MAX_SKEW = Span.of(minutes=5)


class NoStore:
    """Stands where the store would be."""

    def begin(self) -> NoReturn:
        """Never from outside."""
        raise _inside()

    reading = begin

    def next_due(self) -> Instant | None:
        """Never from outside."""
        raise _inside()


def open_remote(address: str, environ: dict[str, str] | None) -> RemoteControlState:
    """The state behind a control door; OperatorError for an address that is none. Nothing is asked yet."""
    reference = getattr(address, "token", DEFAULT_TOKEN)
    sources = SecretSources(environ=environ, allow_commands=False, state=_no_secret)
    return RemoteControlState(DoorConnection(address, lambda: sources.resolve(reference), wait=_wait), seal)


def agree_on_time(state: ControlState, clock: Clock) -> None:
    """Before a plan is made or applied through a door: OperatorError where the daemon's clock is not ours."""
    if not isinstance(state, RemoteControlState):
        return
    apart = state.hello().now.since(clock.now())
    if abs(apart.ms) > MAX_SKEW.ms:
        raise OperatorError(
            f"this machine's clock and the daemon's differ by {apart.text()}",
            code="E-door-clock",
            hint="set the clocks (NTP); with a simulator give both sides the same --stripe-api",
        )


def _no_secret(_: str) -> Any:
    raise _inside()


def _wait(span: Span) -> None:
    time.sleep(span.ms / 1000)


def _inside() -> OperatorError:
    return OperatorError(
        "cases and secrets do not cross the control door",
        code="E-door-inside",
        hint="run this on the daemon's host, with --state naming the file",
        kind=ErrorKind.USAGE,
    )
