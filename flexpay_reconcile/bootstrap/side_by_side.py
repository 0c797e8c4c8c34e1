"""Independent looks side by side in a bounded pool of threads, above the ports. Knows nothing of what they look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from typing import Any, Final

WORKERS: Final = 32
"""At 50 ms a call this allows 640 calls a second; each account and mode keeps to its own limit below the ports."""


class SideBySide:
    """Does what it is given in at most `workers` threads. `progress` hears of each that is done: (done, all)."""

    def __init__(self, progress: Callable[[int, int], None] | None = None, *, workers: int = WORKERS) -> None:
        """`progress` is called in the thread that waits."""
        self._progress = progress
        self._workers = workers

    def __call__(self, looks: Sequence[Callable[[], Any]]) -> list[Any]:
        """The results in the order given; the first exception of any, once those under way have ended."""
        if len(looks) < 2:
            return [look() for look in looks]
        with ThreadPoolExecutor(max_workers=min(self._workers, len(looks)), thread_name_prefix="look") as pool:
            waiting = [pool.submit(look) for look in looks]
            try:
                for done, each in enumerate(as_completed(waiting), 1):
                    each.result()
                    if self._progress is not None:
                        self._progress(done, len(waiting))
            except BaseException:
                for each in waiting:
                    each.cancel()
                raise
        return [each.result() for each in waiting]
