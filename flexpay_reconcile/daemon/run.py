"""Start, serve, stop gently. Runs an app and loops it did not build; loses nothing when killed instead."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

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
class Parts:
    """Everything a daemon needs, finished."""

    app: Any
    """An ASGI application."""
    loops: Loops
    release: Callable[[], None]
    follow: Follow | None = None


def serve(parts: Parts, *, host: str, port: int, tick_seconds: float = 1.0, on_ready: Callable[[], None] | None = None) -> None:
    """Serve until SIGTERM or SIGINT; then finish the present turn and give the lease back."""
    config = uvicorn.Config(
        parts.app, host=host, port=port, log_config=None, access_log=False, timeout_graceful_shutdown=_MAX_SHUTDOWN_SECONDS
    )
    server = _Server(config, on_ready)
    stopping = threading.Event()
    if parts.follow is not None:
        worker = threading.Thread(target=_follow_clock, args=(parts, parts.follow, stopping), name="loops", daemon=True)
        worker.start()
        server.run()
        stopping.set()
        worker.join(timeout=_MAX_SHUTDOWN_SECONDS)
    else:
        ticker = Ticker(parts.loops.turn, seconds=tick_seconds)
        ticker.start()
        server.run()
        ticker.stop()
    parts.release()


class _Server(uvicorn.Server):
    """uvicorn that tells when it listens."""

    def __init__(self, config: uvicorn.Config, on_ready: Callable[[], None] | None) -> None:
        super().__init__(config)
        self._on_ready = on_ready

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        """Listen, then say so."""
        await super().startup(sockets)  # type: ignore[arg-type]
        if self.started and self._on_ready is not None:
            self._on_ready()


def _follow_clock(parts: Parts, follow: Follow, stopping: threading.Event) -> None:
    """With a virtual clock: do all there is to do at an instant, then wait to be woken at the next."""
    while not stopping.is_set():
        try:
            parts.loops.until_quiet()
            now = parts.loops.now()
            due = parts.loops.next_due()
            follow(now, due if due is None or due > now else None)
        except FlexpayError as problem:
            LOG.error("the virtual clock cannot be followed", extra={"because": problem.message})
            stopping.wait(1.0)
