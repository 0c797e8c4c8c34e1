"""The legal moments of an attempt: lower bounds by rule, quiet hours, and the end of the window. Ranks nothing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flexpay_reconcile.config.policy import QuietHours, RetryPolicy
from flexpay_reconcile.declines import networks
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery import limits
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.values.instant import Instant, Span

SPACING_FLOOR = Span.of(hours=1)
CLOCKS_DIFFER = Span.of(minutes=5)
"""By so much our clock may be ahead of Stripe's and charging still goes on (F3): what counts from Stripe's instants is
kept that much longer, so that it is kept by Stripe's clock too (A10, A11)."""
_LATEST_TRIES = 4
_MINUTE = Span.of(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Bound:
    """No attempt before `not_before`, by `rule`, said in `because`."""

    rule: str
    not_before: Instant
    because: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalMoment:
    """The first legal instant at or after an aim, and the rules that moved it there."""

    at: Instant
    moved_by: tuple[str, ...]


def bounds_of(case: RecoveryCase, history: CardHistory, policy: RetryPolicy) -> tuple[Bound, ...]:
    """Every lower bound that stands for the next attempt of this case on its card."""
    found: list[Bound] = []
    last = max((each for each in (case.last_attempt_at, case.last_declined_at) if each), default=None)
    if last is not None:
        spacing = max(policy.minimum_spacing, SPACING_FLOOR)
        found.append(
            Bound(
                rule="minimum_spacing", not_before=last.plus(spacing), because=f"{spacing.text()} between two attempts"
            )
        )
    for until, why in ((case.wait_until, case.wait_because), (history.wait_until, history.wait_because)):
        if until is not None:
            words = f"the network asked to wait until {until.short_text()} ({why or 'advice'})"
            found.append(Bound(rule="advice_wait", not_before=until.plus(CLOCKS_DIFFER), because=words))
    scheme = networks.scheme_of(case.network, case.payment_method_type)
    for ceiling in limits.ceilings_for(scheme, policy):
        free = limits.blocked_until(ceiling, history, case.window_until)
        if free is not None:
            found.append(Bound(rule="network_ceiling", not_before=free.plus(CLOCKS_DIFFER), because=ceiling.because))
    return tuple(found)


def next_legal(aim: Instant, bounds: Sequence[Bound], quiet: QuietHours | None, until: Instant) -> LegalMoment | None:
    """The first legal moment at or after `aim` and before `until`, or None when rules leave none."""
    at = aim
    moved: list[str] = []
    for bound in sorted(bounds, key=lambda each: each.not_before):
        if bound.not_before > at:
            at = bound.not_before
            moved.append(bound.because)
    if quiet is not None and is_quiet(at, quiet):
        at = quiet_until(at, quiet)
        moved.append("quiet hours")
    if at >= until:
        return None
    return LegalMoment(at=at, moved_by=tuple(moved))


def quiet_until(at: Instant, quiet: QuietHours) -> Instant:
    """The first instant after `at` that is not quiet; always later than a quiet `at`.

    Where a clock change skips the end of the quiet hours, what follows the gap may be quiet again; then the next day's
    end counts.
    """
    ended = at.next_local(quiet.to_minute, quiet.time_zone)
    for _ in range(_LATEST_TRIES):
        if not is_quiet(ended, quiet):
            return ended
        ended = ended.plus(_MINUTE).next_local(quiet.to_minute, quiet.time_zone)
    raise BrokenInvariant("quiet hours without an end")


def is_quiet(at: Instant, quiet: QuietHours) -> bool:
    """Whether an instant lies in the quiet hours, which may span midnight; their end is not quiet."""
    minute = at.minute_of_day(quiet.time_zone)
    if quiet.from_minute <= quiet.to_minute:
        return quiet.from_minute <= minute < quiet.to_minute
    return minute >= quiet.from_minute or minute < quiet.to_minute


def patience(lasting: Span, least: Span, most: Span) -> Span:
    """How long to wait before asking again about what has lasted so long: an eighth of it, within bounds.

    Whoever asks every few minutes for days is heard by nobody and uses up the reads that Stripe grants.
    """
    return max(least, min(most, lasting.times(1, 8)))
