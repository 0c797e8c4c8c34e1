"""What to do next with a case: a Decision with its reasons. Only rules stop; a model may at most hold.

The order of the rules is the order of safety: what forbids a final action comes first, what forbids a charge next,
and only what is left may choose a moment.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.config.policy import RetryPolicy, Timing
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery import windows
from flexpay_reconcile.recovery.case import EndedBy, RecoveryCase
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.values.instant import Instant, Span

UNKNOWN_CODE_AFTER = Span.of(days=28)
SHORTEST_HOLD = Span.of(hours=1)
RULE_CERTAIN_PPM = 1_000_000
NEW_CARD = "new_card"
CARD_UPDATED = "card_updated"
FRESH_CARD = frozenset({NEW_CARD, CARD_UPDATED})
"""Decline reasons of a case that waits for nothing but a try on its changed card."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What the timing would like best, before any rule is asked: made by an operation from the timing room."""

    at: Instant
    model: str
    words: str
    probability_ppm: int = RULE_CERTAIN_PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryAt:
    """Try again at `at`; `model` chose it with probability `probability_ppm` millionths."""

    at: Instant
    because: tuple[str, ...]
    model: str
    probability_ppm: int = RULE_CERTAIN_PPM


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Do not spend an attempt before `until`; the case stays open."""

    until: Instant
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskCustomer:
    """No attempt until the customer has acted or the card has changed; `until` is the end of the window."""

    until: Instant
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Park:
    """The operator's own settings refused it: no attempt, and never a final action by itself."""

    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Review:
    """Nobody knows this code: no attempt, no final action; a person looks, and at `until` it closes untouched."""

    until: Instant
    because: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Stop:
    """Recovery is over; the final actions of the policy follow."""

    ended_by: EndedBy
    because: tuple[str, ...]


Decision = RetryAt | Hold | AskCustomer | Park | Review | Stop


def decide(
    case: RecoveryCase, history: CardHistory, policy: RetryPolicy, aim: Aim | Hold | None, now: Instant
) -> Decision:
    """The decision for a case with its last decline on it.

    `aim` is a Hold when the timing would rather spend no attempt now, and None when it has no further step.
    """
    reason = case.decline_reason or "no reason given"
    match case.decline_kind:
        case DeclineKind.OPERATOR:
            return Park(because=(f"refused by the account's own settings or rules: {reason}",))
        case DeclineKind.UNKNOWN | None:
            until = max(case.last_declined_at or case.opened_at, case.opened_at).plus(UNKNOWN_CODE_AFTER)
            return Review(until=until, because=(f"not a decline we know: {reason}",))
        case DeclineKind.HARD:
            return Stop(
                ended_by=EndedBy.HARD_DECLINE, because=(f"hard decline: {reason}; the card must not be tried again",)
            )
        case _:
            pass
    if history.never_because is not None:
        words = f"an earlier refusal of this card stands until the card changes: {history.never_because}"
        if history.never_kind is DeclineKind.HARD:
            return Stop(ended_by=EndedBy.HARD_DECLINE, because=(words,))
        if now < case.window_until:  # nobody said that the card is dead: no attempt on it, and no early end either
            return AskCustomer(until=case.window_until, because=(words,))
    if case.decline_reason in FRESH_CARD:
        return _try_fresh_card(case, history, policy, aim, now)
    if now >= case.window_until:
        return Stop(ended_by=EndedBy.WINDOW_OVER, because=(f"the window ended {case.window_until.short_text()}",))
    if case.decline_kind in (DeclineKind.CREDENTIAL, DeclineKind.CUSTOMER):
        words = "a new or updated card" if case.decline_kind is DeclineKind.CREDENTIAL else "the customer to act"
        return AskCustomer(until=case.window_until, because=(f"{reason}: needs {words}",))
    if not may_attempt(case, policy):
        return Stop(ended_by=EndedBy.ATTEMPTS_USED, because=(f"all {case.attempts_used} attempts were made",))
    return _retry(case, history, policy, aim, now)


def _try_fresh_card(
    case: RecoveryCase, history: CardHistory, policy: RetryPolicy, aim: Aim | Hold | None, now: Instant
) -> Decision:
    """A changed card gets one attempt even when all are used; no decline of it is known, so it ends nothing."""
    decision = _retry(case, history, policy, aim, now) if now < case.window_until else None
    if isinstance(decision, RetryAt | Hold):
        return decision
    words = "the changed card could not be tried inside the window"
    return Review(until=now.plus(UNKNOWN_CODE_AFTER), because=(words,))


def may_attempt(case: RecoveryCase, policy: RetryPolicy) -> bool:
    """Whether an attempt is left: by the policy's number, or because the card has changed."""
    return case.attempts_used < allowed_attempts(policy) or case.decline_reason in FRESH_CARD


def allowed_attempts(policy: RetryPolicy) -> int:
    """How many attempts of our own the policy gives a case."""
    if policy.timing is Timing.FIXED:
        return min(policy.max_attempts, len(policy.fixed_schedule))
    return policy.max_attempts


def _retry(
    case: RecoveryCase, history: CardHistory, policy: RetryPolicy, aim: Aim | Hold | None, now: Instant
) -> Decision:
    """The next attempt's moment: the timing's aim, moved to the first legal instant.

    A timing that holds is asked again later, and never beyond the window, whose end is a rule's business (A21).
    """
    if isinstance(aim, Hold):
        return Hold(until=min(max(aim.until, now.plus(SHORTEST_HOLD)), case.window_until), because=aim.because)
    if aim is None:
        return Stop(ended_by=EndedBy.ATTEMPTS_USED, because=("the timing has no further step",))
    bounds = windows.bounds_of(case, history, policy)
    legal = windows.next_legal(max(aim.at, now), bounds, policy.quiet_hours, case.window_until)
    if legal is None:
        names = tuple(bound.because for bound in bounds)
        return Stop(ended_by=EndedBy.NO_LEGAL_MOMENT, because=("no legal moment is left in the window", *names))
    reasons = [f"{case.decline_kind} decline: {case.decline_reason}", aim.words]
    if legal.at != aim.at:
        why = "; ".join(legal.moved_by) or "that moment has passed"
        reasons.append(f"moved from {aim.at.short_text()}: {why}")
    return RetryAt(at=legal.at, because=tuple(reasons), model=aim.model, probability_ppm=aim.probability_ppm)
