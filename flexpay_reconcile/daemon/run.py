"""Start, serve, stop gently. Runs an app and loops it did not build; loses nothing when killed instead."""

from __future__ import annotations

import logging
import socket
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

import uvicorn

from flexpay_reconcile.daemon.loops import Loops
from flexpay_reconcile.daemon.ticker import Ticker
from flexpay_reconcile.errors import FlexpayError
from flexpay_reconcile.values.instant import Instant

LOG = logging.getLogger("flexpay")
Follow = Callable[[Instant, Instant | None], Instant | None]
"""With a virtual clock: 'I have done all I can at this instant; wake me at that one' -> the new present, or None."""
_MAX_SHUTDOWN_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """A second app on a port of its own: the control door. With `certificate` and `key` it speaks TLS."""

    app: Any
    listening: socket.socket
    certificate: str | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Everything a daemon needs, finished."""

    app: Any
    """An ASGI application."""
    loops: Loops
    release: Callable[[], None]
    follow: Follow | None = None
    door: Door | None = None


def serve(
    parts: Parts, *, listening: socket.socket, tick_seconds: float = 1.0, on_ready: Callable[[], None] | None = None
) -> None:
    """Serve on a listening socket until SIGTERM or SIGINT; then finish the present turn and give the lease back.

    The signal is raised once more for the caller when all that is done.
    """
    config = uvicorn.Config(
        parts.app,
        log_config=None,
        access_log=False,
        server_header=False,
        lifespan="off",  # the app has none; with it, a second Ctrl-C logs a traceback
        timeout_graceful_shutdown=_MAX_SHUTDOWN_SECONDS,
    )
    server = _Server(config, on_ready)
    beside = _Beside(parts.door) if parts.door is not None else None
    worker: _Worker = _Ticking(parts, tick_seconds) if parts.follow is None else _Following(parts, parts.follow)
    worker.start()
    if beside is not None:
        beside.start()
    try:
        server.run(sockets=[listening])
    finally:  # uvicorn raises the signal again as it leaves
        if beside is not None:
            beside.stop()
        if worker.stop():
            parts.release()
            LOG.info("stopped; the lease is given back")
        else:
            LOG.error("a turn is still under way; the lease is kept until it expires")


class _Worker(Protocol):
    """What turns the loops."""

    def start(self) -> None:
        """Begin."""

    def stop(self) -> bool:
        """Begin no further turn; whether the present one has ended."""


class _Ticking:
    """Turns the loops by a real clock."""

    def __init__(self, parts: Parts, seconds: float) -> None:
        self._ticker = Ticker(parts.loops.turn, seconds=seconds)

    def start(self) -> None:
        self._ticker.start()

    def stop(self) -> bool:
        self._ticker.stop()
        return True


class _Following:
    """Turns the loops whenever a virtual clock has moved or a delivery has come."""

    def __init__(self, parts: Parts, follow: Follow) -> None:
        self._parts = parts
        self._follow = follow
        self._stopping = threading.Event()
        self._idle = threading.Event()
        self._thread = threading.Thread(target=self._run, name="loops", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> bool:
        """A thread that only waits for the clock to move is left waiting: it will not turn again."""
        self._stopping.set()
        return self._idle.wait(_MAX_SHUTDOWN_SECONDS)

    def _run(self) -> None:
        lost = False
        while not self._stopping.is_set():
            try:
                self._parts.loops.until_quiet()
                now = self._parts.loops.now()
                due = self._parts.loops.next_due()
                self._idle.set()
                self._follow(now, due if due is None or due > now else None)
                lost = False
            except FlexpayError as problem:
                if not lost:
                    because = {"because": problem.message}
                    LOG.error("the virtual clock cannot be followed", extra=because)  # noqa: TRY400 - words are enough
                lost = True
                self._idle.set()
                self._stopping.wait(1.0)
            if not self._stopping.is_set():
                self._idle.clear()
        self._idle.set()


class _Beside:
    """Serves the control door in a thread: a long answer there keeps no webhook waiting."""

    def __init__(self, door: Door) -> None:
        self._listening = door.listening
        self._server = uvicorn.Server(
            uvicorn.Config(
                door.app,
                log_config=None,
                access_log=False,
                server_header=False,
                lifespan="off",
                ssl_certfile=door.certificate,
                ssl_keyfile=door.key,
                timeout_graceful_shutdown=_MAX_SHUTDOWN_SECONDS,
            )
        )
        self._thread = threading.Thread(target=self._run, name="control-door", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def _run(self) -> None:
        self._server.run(sockets=[self._listening])

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(_MAX_SHUTDOWN_SECONDS)


class _Server(uvicorn.Server):
    """uvicorn that tells when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say so."""
        await super().startup(sockets)
        if self.started and self._on_ready is not None:
            self._on_ready()
