"""Headroom under the ceilings of a card and its network, counted over all charges that reached the network.

Windows are half-open: a charge exactly one window old no longer counts (invariant A10).
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.declines import networks
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.declines.networks import CapScope, WindowCap
from flexpay_reconcile.values.instant import Instant, Span

_DAY = Span.of(hours=24)
_MONTH = Span.of(days=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardHistory:
    """What is known of one card: when charges reached the network, and any refusal that stands until it changes.

    `retries_at` are the charges of this invoice after its first one: what a bank debit's own caps count.
    """

    reached_at: tuple[Instant, ...] = ()
    retries_at: tuple[Instant, ...] = ()
    never_because: str | None = None
    never_kind: DeclineKind | None = None
    wait_until: Instant | None = None
    wait_because: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """At most `count` charges in any `window`, counted as `scope` says."""

    count: int
    window: Span
    because: str
    scope: CapScope = CapScope.CREDENTIAL


def ceilings_for(network: str | None, policy: RetryPolicy) -> tuple[Ceiling, ...]:
    """The ceilings of a network: shipped defaults, changed by the policy, never above the network's own figure."""
    override = policy.ceiling_override(networks.ceiling_name(network))
    chosen: dict[Span, Ceiling] = {cap.window: _ceiling(network, cap) for cap in networks.default_ceiling(network)}
    if override is not None:
        for window, count in ((_DAY, override.per_24_hours), (_MONTH, override.per_30_days)):
            if count is not None:
                chosen[window] = Ceiling(count=count, window=window, because=_words(network, count, window))
    for cap in networks.network_limit(network):
        present = chosen.get(cap.window)
        if present is None or present.count > cap.count:
            chosen[cap.window] = _ceiling(network, cap)
    return tuple(chosen[window] for window in sorted(chosen))


def blocked_until(ceiling: Ceiling, history: CardHistory, never_before: Instant) -> Instant | None:
    """The first instant at which one more charge stays under the ceiling; None when it does from the start.

    A ceiling of none at all is free at `never_before`, which the caller puts where nothing may happen any more.
    """
    if ceiling.count <= 0:
        return never_before
    counted = history.retries_at if ceiling.scope is CapScope.INVOICE else history.reached_at
    if len(counted) < ceiling.count:
        return None
    newest_first = sorted(counted, reverse=True)
    return newest_first[ceiling.count - 1].plus(ceiling.window)


def _ceiling(network: str | None, cap: WindowCap) -> Ceiling:
    words = _words(network, cap.count, cap.window)
    return Ceiling(count=cap.count, window=cap.window, because=words, scope=cap.scope)


def _words(network: str | None, count: int, window: Span) -> str:
    return f"at most {count} charges per {window.text()} ({network or 'network not known'})"
