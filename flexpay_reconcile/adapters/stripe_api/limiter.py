"""One token bucket per account and mode, shared by both keys: Stripe's limits count per account, not per key.

Pure but for the wait it is given. It never lets more through in any second than Stripe allows; it keeps no time.
Source: Stripe's rate-limits page: live 100 requests/s, sandbox 25/s, 25/s per endpoint.
"""

from __future__ import annotations

import threading
from collections.abc import Callable

from flexpay_reconcile.ports.clock import Clock
from flexpay_reconcile.values.instant import Instant, Span

LIVE_PER_SECOND = 100
SANDBOX_PER_SECOND = 25
ENDPOINT_PER_SECOND = 25
_TOKEN = 1000


class Bucket:
    """Thousandths of tokens. A fifth of the rate may come at once, the rest over the second: never above the rate."""

    __slots__ = ("_capacity", "_level", "_per_ms")

    def __init__(self, per_second: int) -> None:
        """Full at the start."""
        self._capacity = max(per_second * _TOKEN // 5, _TOKEN)
        self._per_ms = max(per_second * 4 // 5, 1)
        self._level = self._capacity

    def refill(self, elapsed: Span) -> None:
        """Time has passed; a clock that went back gives nothing."""
        self._level = min(self._capacity, self._level + max(elapsed.ms, 0) * self._per_ms)

    def wait(self) -> Span:
        """How long until a token is there; zero when one is."""
        lacking = _TOKEN - self._level
        return Span(-(-lacking // self._per_ms)) if lacking > 0 else Span(0)

    def take(self) -> None:
        """Use up one token."""
        self._level -= _TOKEN


class Limiter:
    """The buckets of one account and mode: a global one and one per endpoint."""

    def __init__(self, *, livemode: bool, clock: Clock, wait: Callable[[Span], None]) -> None:
        """`wait` lets real time pass; with a virtual clock it may do nothing, and the wait counts as passed."""
        self._all = Bucket(LIVE_PER_SECOND if livemode else SANDBOX_PER_SECOND)
        self._endpoints: dict[str, Bucket] = {}
        self._clock = clock
        self._wait = wait
        self._seen: Instant | None = None
        self._lock = threading.Lock()

    def take(self, endpoint: str) -> Span:
        """Let one request of this endpoint through, after a wait if need be; says how long it was."""
        with self._lock:
            bucket = self._endpoints.setdefault(endpoint, Bucket(ENDPOINT_PER_SECOND))
            self._refill(Span(0))
            span = max(self._all.wait(), bucket.wait())
            if span.ms:
                self._wait(span)
                self._refill(span)
            self._all.take()
            bucket.take()
            return span

    def _refill(self, at_least: Span) -> None:
        """Credit what has passed since the last look; a clock that stands still has at least passed our own wait."""
        now = self._clock.now()
        elapsed = max(now.since(self._seen) if self._seen is not None else Span(0), at_least)
        self._seen = now
        self._all.refill(elapsed)
        for bucket in self._endpoints.values():
            bucket.refill(elapsed)
