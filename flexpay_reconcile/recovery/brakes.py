"""The brakes: budgets and the circuit breaker, computed from stored rows so that no restart resets them (A13)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from flexpay_reconcile.config.configuration import Brakes
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState
from flexpay_reconcile.values.instant import Instant, Span

MINUTE = Span.of(minutes=1)
HOUR = Span.of(hours=1)
DAY = Span.of(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Braked:
    """No call before `until`."""

    until: Instant
    because: str


def ask_attempts(brakes: Brakes, *, last_minute: int, last_day: int, now: Instant) -> Braked | None:
    """The budget of attempts of one integration."""
    if last_day >= brakes.attempts_per_day:
        return Braked(
            until=now.plus(HOUR), because=f"{last_day} attempts in 24 h; the budget is {brakes.attempts_per_day}"
        )
    if last_minute >= brakes.attempts_per_minute:
        words = f"{last_minute} attempts in a minute; the budget is {brakes.attempts_per_minute}"
        return Braked(until=now.plus(MINUTE), because=words)
    return None


def ask_final_actions(brakes: Brakes, *, last_hour: int, last_day: int, now: Instant) -> Braked | None:
    """The budget of final actions of one integration; above it they wait, never drop."""
    if last_day >= brakes.final_actions_per_day:
        words = f"{last_day} final actions in 24 h; the budget is {brakes.final_actions_per_day}"
        return Braked(until=now.plus(HOUR), because=words)
    if last_hour >= brakes.final_actions_per_hour:
        words = f"{last_hour} final actions in an hour; the budget is {brakes.final_actions_per_hour}"
        return Braked(until=now.plus(Span.of(minutes=10)), because=words)
    return None


def is_error(attempt: Attempt) -> bool:
    """Whether a call went wrong for a reason that is nobody's decline: what the breaker counts."""
    sent_again = attempt.state is AttemptState.PLANNED and attempt.finished_at is not None
    return sent_again or attempt.state is AttemptState.UNRESOLVED


_ANSWERED = frozenset({AttemptState.APPROVED, AttemptState.DECLINED, AttemptState.PENDING})


def _counts(attempt: Attempt) -> bool:
    """Whether it says anything of the way to Stripe: what was taken back or never executed says nothing of it."""
    return attempt.state in _ANSWERED or is_error(attempt)


@dataclass(frozen=True, slots=True, kw_only=True)
class BreakerState:
    """What is stored of a breaker. Open while `open_until` is set; calls before `counted_from` no longer count."""

    open_until: Instant | None = None
    counted_from: Instant | None = None


def turn_breaker(brakes: Brakes, state: BreakerState, recent: Sequence[Attempt], now: Instant) -> BreakerState:
    """The breaker after the calls that ended so far; `recent` covers its window and the time since it opened.

    Closed: opens when more than the given share of the calls in the window went wrong. Open: nothing goes until
    `open_until`; then one probe at a time, and only a probe that went well closes it.
    """
    breaker = brakes.breaker
    calls = [each for each in recent if _counts(each)]
    if state.open_until is not None:
        probes = sorted((each for each in calls if last_known(each) >= state.open_until), key=last_known)
        if not probes:
            return state
        newest = probes[-1]
        if is_error(newest):
            return BreakerState(open_until=last_known(newest).plus(breaker.half_open_after))
        return BreakerState(counted_from=last_known(newest))
    since = now.minus(breaker.window)
    if state.counted_from is not None:
        since = max(since, state.counted_from)
    seen = [each for each in calls if last_known(each) >= since]
    errors = [each for each in seen if is_error(each)]
    if len(seen) < breaker.min_attempts or len(errors) * 100 <= len(seen) * breaker.open_when_errors_above_percent:
        return state
    return BreakerState(open_until=max(last_known(each) for each in errors).plus(breaker.half_open_after))


def ask_breaker(state: BreakerState, now: Instant) -> Braked | None:
    """Closed, or half-open, lets a call pass."""
    if state.open_until is None or now >= state.open_until:
        return None
    return Braked(until=state.open_until, because="the circuit breaker is open: too many calls went wrong")


def last_known(attempt: Attempt) -> Instant:
    """When its answer, or the lack of one, was known: an unresolved call sent again is as new as its last sending."""
    known = [each for each in (attempt.finished_at, attempt.last_sent_at) if each is not None]
    return max(known, default=attempt.decided_at)
