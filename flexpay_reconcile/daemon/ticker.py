"""When the loops turn. APScheduler only wakes them; due times are rows of ours, so nothing is lost with a process.

APScheduler reckons by the wall clock: set back by a day, it would sleep for a day. A watch that knows only how much
time has passed brings its next wake forward again.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime

from apscheduler.schedulers.background import BackgroundScheduler

_JOB = "wake"
_PATIENCE = 5
"""So many intervals without a wake, while no turn is under way, and the scheduler is told to wake now."""


class Ticker:
    """Calls `wake` every `seconds`, never twice at once, until stopped."""

    def __init__(
        self, wake: Callable[[], object], *, seconds: float, passed: Callable[[], float] = time.monotonic
    ) -> None:
        """Prepare; nothing runs before `start`. `passed` counts seconds that no clock setting changes."""
        self._wake = wake
        self._seconds = seconds
        self._passed = passed
        self._busy = False
        self._ended = passed()
        self._stopping = threading.Event()
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._scheduler.add_job(
            self._turn, "interval", seconds=seconds, id=_JOB, max_instances=1, coalesce=True, misfire_grace_time=None
        )
        self._watch = threading.Thread(target=self._watching, name="ticker-watch", daemon=True)

    def start(self) -> None:
        """Begin to wake."""
        self._scheduler.start()
        self._watch.start()

    def stop(self) -> None:
        """No further wake; waits for the present turn to end."""
        self._stopping.set()
        self._scheduler.shutdown(wait=True)
        self._watch.join()

    def look(self) -> bool:
        """Whether the wakes have stopped though no turn is under way; then the next one comes now."""
        overdue = not self._busy and self._passed() - self._ended > _PATIENCE * self._seconds
        if overdue:
            self._ended = self._passed()
            self._scheduler.modify_job(_JOB, next_run_time=datetime.now(UTC))
        return overdue

    def _turn(self) -> None:
        self._busy = True
        try:
            self._wake()
        finally:
            self._ended = self._passed()
            self._busy = False

    def _watching(self) -> None:
        while not self._stopping.wait(self._seconds):
            self.look()
