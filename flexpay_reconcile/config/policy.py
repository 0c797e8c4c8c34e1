"""Retry policies: when a failed payment may be tried again. Numbers only; the legal moments are recovery's work."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.values.instant import Span


class Timing(StrEnum):
    """How the moments of the attempts are chosen among the legal ones."""

    EVEN = "even"
    """Spread evenly over the window."""
    FIXED = "fixed"
    """A fixed schedule, each step after the previous attempt."""
    LEARNED = "learned"
    """The learned timing (refused by the manifest until it is built)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class QuietHours:
    """Local wall-clock minutes between which nothing is attempted; may span midnight."""

    from_minute: int
    to_minute: int
    time_zone: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CeilingOverride:
    """A ceiling per card and network that differs from the shipped default. `because` says who agreed and when."""

    per_24_hours: int | None = None
    per_30_days: int | None = None
    because: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryPolicy:
    """One policy. `max_attempts` counts our own attempts; `window` runs from the first decline."""

    id: str
    timing: Timing = Timing.EVEN
    max_attempts: int = 8
    window: Span = Span.of(days=28)
    minimum_spacing: Span = Span.of(hours=24)
    quiet_hours: QuietHours | None = None
    fixed_schedule: tuple[Span, ...] = ()
    migrate: bool = False
    network_ceilings: dict[str, CeilingOverride] | None = None

    def ceiling_override(self, network: str) -> CeilingOverride | None:
        """The override for a network, if the policy has one."""
        return (self.network_ceilings or {}).get(network)
