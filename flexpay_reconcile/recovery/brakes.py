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
    return sent_again or attempt.state in (AttemptState.UNRESOLVED, AttemptState.NOT_SUBMITTED)


def ask_breaker(brakes: Brakes, recent: Sequence[Attempt], now: Instant) -> Braked | None:
    """Open when more than the given percentage of the calls in the window went wrong; half-open after a while.

    `recent` are the attempts that ended inside the breaker's window or its half-open time, oldest first.
    Half-open means: once `half_open_after` has passed since the last error, one probe goes; its own end is then the
    newest row, so that a failing probe opens the breaker again and a good one shrinks the share of errors.
    """
    breaker = brakes.breaker
    horizon = now.minus(max(breaker.window, breaker.half_open_after))
    seen = [each for each in recent if _last_known(each) >= horizon]
    errors = [each for each in seen if is_error(each)]
    if len(seen) < breaker.min_attempts or len(errors) * 100 <= len(seen) * breaker.open_when_errors_above_percent:
        return None
    last = max(_last_known(each) for each in errors)
    half_open = last.plus(breaker.half_open_after)
    if now >= half_open:
        return None
    words = f"circuit breaker open: {len(errors)} of {len(seen)} calls went wrong"
    return Braked(until=half_open, because=words)


def _last_known(attempt: Attempt) -> Instant:
    """When its answer, or the lack of one, was known: an unresolved call sent again is as new as its last sending."""
    known = [each for each in (attempt.finished_at, attempt.last_sent_at) if each is not None]
    return max(known, default=attempt.decided_at)
