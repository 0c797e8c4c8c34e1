"""Where the timing of a policy would put the next attempt of a case. Joins recovery and timing; asks no rule."""

from __future__ import annotations

from flexpay_reconcile.config.policy import RetryPolicy, Timing
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.decide import FRESH_CARD, Aim, allowed_attempts
from flexpay_reconcile.timing import even, fixed
from flexpay_reconcile.values.instant import Instant


def aim_for(case: RecoveryCase, policy: RetryPolicy, now: Instant) -> Aim | None:
    """The aim, or None when the timing has no further step."""
    number, total = case.attempts_used + 1, allowed_attempts(policy)
    if case.decline_reason in FRESH_CARD:
        return Aim(at=now, model="fresh-card/1", words="the card has changed: try it at the first legal moment")
    if policy.timing is Timing.FIXED:
        previous = case.last_attempt_at or case.window_from
        at = fixed.aim(previous=previous, number=number, schedule=policy.fixed_schedule)
        words = f"step {number} of {total} of the fixed schedule"
        return None if at is None else Aim(at=at, model=fixed.VERSION, words=words)
    at = even.aim(
        window_from=case.window_from, window_until=case.window_until, number=number, total=total, seed=case.invoice
    )
    return Aim(at=at, model=even.VERSION, words=f"attempt {number} of {total}, spread evenly over the window")
