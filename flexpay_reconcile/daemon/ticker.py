"""When the loops turn. APScheduler only wakes them; due times are rows of ours, so nothing is lost with a process."""

from __future__ import annotations

from collections.abc import Callable

from apscheduler.schedulers.background import BackgroundScheduler


class Ticker:
    """Calls `wake` every `seconds`, never twice at once, until stopped."""

    def __init__(self, wake: Callable[[], object], *, seconds: float) -> None:
        """Prepare; nothing runs before `start`."""
        self._scheduler = BackgroundScheduler(timezone="UTC")
        self._scheduler.add_job(
            wake, "interval", seconds=seconds, max_instances=1, coalesce=True, misfire_grace_time=None
        )

    def start(self) -> None:
        """Begin to wake."""
        self._scheduler.start()

    def stop(self) -> None:
        """No further wake; waits for the present turn to end."""
        self._scheduler.shutdown(wait=True)
