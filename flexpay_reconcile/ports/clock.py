"""The clock port: what time it is. Nobody below this floor may ask anything else for the time."""

from __future__ import annotations

from typing import Protocol

from flexpay_reconcile.values.instant import Instant


class Clock(Protocol):
    """A source of the present."""

    def now(self) -> Instant:
        """The present, in UTC."""
        ...
