"""The machine's clock: the only place that asks what time it is. Keeps no time of its own and never waits."""

from __future__ import annotations

import time

from flexpay_reconcile.values.instant import Instant

_NS_PER_MS = 1_000_000


class SystemClock:
    """The clock port, answered by the machine."""

    def now(self) -> Instant:
        """The present, in UTC."""
        return Instant(time.time_ns() // _NS_PER_MS)
