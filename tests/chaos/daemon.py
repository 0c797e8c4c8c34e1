"""The ordinary daemon with a hook at each named point; `python -m tests.chaos.daemon --listen …`. Tests only.

Read from the environment: CHAOS_DIE_AT, a file with the points that may end it (the first that is reached does), and
CHAOS_SKIP, how many of them it passes before; CHAOS_DO, `kill` or `stop`; CHAOS_TOLD, a file that the point's name is
added to; CHAOS_TRACE, a file that each point passed is added to; CHAOS_HOST, another machine's name, whose daemon knows
nothing of this machine's lock; CHAOS_BUG, a planted bug (`planted.py`).
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from flexpay_reconcile import bootstrap
from flexpay_reconcile.adapters.simulator_clock import SimulatorClock
from flexpay_reconcile.adapters.sqlite_store.store import SqliteStore
from flexpay_reconcile.adapters.stripe_api.billing_writer import StripeBillingWriter
from flexpay_reconcile.adapters.stripe_api.charger import StripeCharger
from flexpay_reconcile.cli.main import entry
from tests.chaos import planted, points
from tests.chaos.ground import FOLLOWS


class Hook:
    """Ends this process at a point it was given."""

    def __init__(self, environ: dict[str, str]) -> None:
        """What the environment asks for."""
        listed = environ.get("CHAOS_DIE_AT")
        self._deadly = set(Path(listed).read_text(encoding="utf-8").splitlines()) if listed else set()
        self._skip = int(environ.get("CHAOS_SKIP", "0"))
        self._signal = signal.SIGSTOP if environ.get("CHAOS_DO") == "stop" else signal.SIGKILL
        self._told = environ.get("CHAOS_TOLD")
        self._trace = environ.get("CHAOS_TRACE")
        self._lock = threading.Lock()

    def passing(self, point: str) -> None:
        """This point is passed now, or is where it ends."""
        with self._lock:
            if self._trace:
                _add(self._trace, point)
            if point not in self._deadly:
                return
            if self._skip > 0:
                self._skip -= 1
                return
            self._deadly.clear()
        if self._told:
            _add(self._told, point)
        os.kill(os.getpid(), self._signal)


class _Watched:
    """A unit of work whose commit is a pair of points."""

    def __init__(self, inner: Any, site: points.Site, hook: Hook) -> None:
        self._inner, self._site, self._hook = inner, site, hook

    def __enter__(self) -> Any:
        return self._inner.__enter__()

    def __exit__(self, *raised: object) -> Any:
        before, after = self._site.points
        if raised[0] is None:
            self._hook.passing(before)
        handled = self._inner.__exit__(*raised)
        if raised[0] is None:
            self._hook.passing(after)
        return handled


def install(environ: dict[str, str]) -> None:
    """Put the hooks in: around each commit, and around each call that writes."""
    hook, table = Hook(environ), points.Table()
    begin = SqliteStore.begin

    def watched_begin(self: SqliteStore) -> Any:
        site = table.of(sys._getframe(1), None)
        return begin(self) if site is None else _Watched(begin(self), site, hook)

    SqliteStore.begin = watched_begin  # type: ignore[method-assign]
    for owner in (StripeCharger, StripeBillingWriter):
        for name in points.CALLS:
            with contextlib.suppress(AttributeError):
                setattr(owner, name, _watched_call(getattr(owner, name), name, table, hook))


def _watched_call(original: Callable[..., Any], name: str, table: points.Table, hook: Hook) -> Callable[..., Any]:
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        site = table.of(sys._getframe(1), name)
        if site is None:
            return original(self, *args, **kwargs)
        hook.passing(site.points[0])
        answer = original(self, *args, **kwargs)
        hook.passing(site.points[1])
        return answer

    return call


def tell_when_following() -> None:
    """Say so on standard error when the first work is done and time may pass: until then nothing waits for us."""
    follow = SimulatorClock.follow
    told: list[bool] = []

    def follow_and_tell(self: SimulatorClock, *args: Any) -> Any:
        if not told:
            told.append(True)
            sys.stderr.write(FOLLOWS + "\n")
            sys.stderr.flush()
        return follow(self, *args)

    SimulatorClock.follow = follow_and_tell  # type: ignore[assignment, method-assign]


class _NoLock:
    """Another machine's lock, which says nothing about this file."""

    def acquire(self) -> None:
        """Always free."""

    def release(self) -> None:
        """Nothing to give back."""


def elsewhere(host: str) -> None:
    """Be a daemon of another machine on the same database: another name in the lease, and no common process lock."""
    socket.gethostname = lambda: host
    bootstrap.process_lock = lambda _: _NoLock()  # type: ignore[assignment, return-value]


def _add(path: str, line: str) -> None:
    with Path(path).open("a", encoding="utf-8") as file:
        file.write(line + "\n")


if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)
    given = {name: value for name, value in os.environ.items() if name.startswith("CHAOS_")}
    install(given)
    tell_when_following()
    if "CHAOS_HOST" in given:
        elsewhere(given["CHAOS_HOST"])
    if "CHAOS_BUG" in given:
        planted.BUGS[given["CHAOS_BUG"]]()
    sys.argv = ["flexpay", "daemon", *sys.argv[1:]]
    sys.exit(entry())
