"""Even spacing: the baseline and the fallback. Covering the window evenly beats most cleverness (docs/WHY.md)."""

from __future__ import annotations

from flexpay_reconcile.values import digest
from flexpay_reconcile.values.instant import Instant, Span

VERSION = "even/1"
LAST_BEFORE_END = Span.of(hours=1)
JITTER_MINUTES = 30


def aim(*, window_from: Instant, window_until: Instant, number: int, total: int, seed: str) -> Instant:
    """Where attempt `number` of `total` aims: t0 + k·window/n, the last one an hour before the end.

    Moved by up to ± 30 minutes that depend on `seed` (the invoice) alone, so that a book that failed together
    does not come back together.
    """
    if number >= total:
        target = window_until.minus(LAST_BEFORE_END)
    else:
        target = window_from.plus(window_until.since(window_from).times(number, total))
    jitter = digest.fraction_of(seed, 2 * JITTER_MINUTES * 60 + 1) - JITTER_MINUTES * 60
    return target.plus(Span.of(seconds=jitter))
