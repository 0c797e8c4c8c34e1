"""Headroom under the ceilings of a card and its network, counted over all charges that reached the network.

Windows are half-open: a charge exactly one window old no longer counts (invariant A10).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.declines import networks
from flexpay_reconcile.values.instant import Instant, Span

_DAY = Span.of(hours=24)
_MONTH = Span.of(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHistory:
    """What is known of one card: when charges reached the network, and any refusal that stands for ever."""

    reached_at: tuple[Instant, ...] = ()
    never_because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """At most `count` charges in any `window`."""

    count: int
    window: Span
    because: str


def ceilings_for(network: str | None, policy: RetryPolicy) -> tuple[Ceiling, ...]:
    """The ceilings of a network: shipped defaults, changed by the policy, never above the network's own figure."""
    override = policy.ceiling_override(network or "other")
    chosen: dict[Span, Ceiling] = {}
    for cap in networks.default_ceiling(network):
        chosen[cap.window] = Ceiling(count=cap.count, window=cap.window, because=_words(network, cap.count, cap.window))
    if override is not None:
        for window, count in ((_DAY, override.per_24_hours), (_MONTH, override.per_30_days)):
            if count is not None:
                chosen[window] = Ceiling(count=count, window=window, because=_words(network, count, window))
    for cap in networks.network_limit(network):
        present = chosen.get(cap.window)
        if present is None or present.count > cap.count:
            chosen[cap.window] = Ceiling(count=cap.count, window=cap.window, because=_words(network, cap.count, cap.window))
    return tuple(chosen[window] for window in sorted(chosen))


def free_from(ceiling: Ceiling, reached_at: Sequence[Instant]) -> Instant | None:
    """The first instant at which one more charge stays under the ceiling; None when it does from the start."""
    if ceiling.count <= 0:
        return None if not reached_at else max(reached_at).plus(ceiling.window)
    if len(reached_at) < ceiling.count:
        return None
    newest_first = sorted(reached_at, reverse=True)
    return newest_first[ceiling.count - 1].plus(ceiling.window)


def _words(network: str | None, count: int, window: Span) -> str:
    return f"at most {count} charges per {window.text()} on a {network or 'card of an unknown'} network card"
