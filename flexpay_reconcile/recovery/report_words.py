"""The sentences of a report, in the words of the field, for a reader who has never seen the engine. Decides nothing."""

from __future__ import annotations

from flexpay_reconcile.config.integration import DelayFrom, InvoiceAction, SubscriptionAction, WhenRecoveryFails
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState
from flexpay_reconcile.recovery.case import CaseState, EndedBy, RecoveryCase
from flexpay_reconcile.recovery.decide import allowed_attempts
from flexpay_reconcile.recovery.final_action import ActionKind
from flexpay_reconcile.values.instant import Instant

STATES: dict[CaseState, str] = {
    CaseState.OPENED: "a decision is due",
    CaseState.SCHEDULED: "an attempt is planned",
    CaseState.ATTEMPTING: "an attempt is under way; nothing else may charge this invoice",
    CaseState.WAITING_FOR_CUSTOMER: "only the customer can move it: authenticate, or give a new card",
    CaseState.NEEDS_REVIEW: "a person has to look at it",
    CaseState.PARKED: "stopped until its cause is gone",
    CaseState.FINISHING: "no further attempt; the final actions are due or awaited",
    CaseState.RECOVERED: "paid, by an attempt of ours",
    CaseState.RECOVERED_ELSEWHERE: "paid, but not by an attempt of ours",
    CaseState.EXHAUSTED: "ended unpaid; the final actions are done",
    CaseState.HARD_DECLINED: "ended by a hard decline; the final actions are done",
    CaseState.CLOSED: "nothing is left to recover; subscription and invoice were left as they are",
    CaseState.RELEASED: "let go of by the operator",
}
ENDED_BY: dict[EndedBy, str] = {
    EndedBy.HARD_DECLINE: "a hard decline forbids another attempt on this card",
    EndedBy.ATTEMPTS_USED: "all attempts of the policy were made",
    EndedBy.WINDOW_OVER: "the window of the policy has passed",
    EndedBy.NO_LEGAL_MOMENT: "ceilings, waits and spacing left no moment inside the window",
    EndedBy.UNRESOLVABLE: "an attempt could not be settled",
}
ACTIONS: dict[ActionKind, str] = {
    ActionKind.CANCEL_SUBSCRIPTION: "cancel the subscription",
    ActionKind.SCHEDULE_CANCEL: "schedule the subscription's cancellation at the end of its paid period",
    ActionKind.AWAIT_END: "wait for the end of the subscription",
    ActionKind.MARK_UNCOLLECTIBLE: "mark the invoice uncollectible",
    ActionKind.TAG_INVOICE: "tag the invoice fp-uncollectible",
    ActionKind.TAG_SUBSCRIPTION: "tag the subscription fp-uncollectible",
    ActionKind.TAKE_BACK: "take back the cancellation that was scheduled",
}
TAKEN_BACK = "The cancellation scheduled at the period's end is taken back: recovery ended otherwise"
_UNDER_WAY: dict[AttemptState, str] = {
    AttemptState.SUBMITTING: "Attempt {number} has been written down and sent, or is about to be",
    AttemptState.UNRESOLVED: "Attempt {number} got no clear answer ({note}); Stripe is asked first",
    AttemptState.PENDING: "Stripe accepted attempt {number}; this payment method answers later",
}


def attempt_planned(count: str, attempt: Attempt) -> str:
    """The sentence of a planned attempt; `count` is like `2 of 8`."""
    network = f" ({attempt.network})" if attempt.network else ""
    return f"Attempt {count} collects {attempt.amount.text()} on the payment method {attempt.payment_method}{network}"


def under_way(attempt: Attempt) -> str:
    """The sentence of an attempt whose end is not known."""
    form = _UNDER_WAY.get(attempt.state, "Attempt {number} is planned")
    return form.format(number=attempt.number, note=attempt.note or "no reason given")


def finishing(case: RecoveryCase, kinds: tuple[ActionKind, ...]) -> str:
    """The sentence of a case whose attempts have ended."""
    why = ENDED_BY[case.ended_by] if case.ended_by else "recovery has ended"
    what = ", ".join(ACTIONS[each] for each in kinds) or "nothing is left to do but to close the case"
    return f"No further attempt: {why}. What follows: {what}. It is taken back if the money arrives first"


def waiting(case: RecoveryCase) -> tuple[str, str]:
    """A word for machines and a sentence, for every state without an attempt or an action to come."""
    match case.state:
        case CaseState.OPENED if not case.stripe_retries_stopped:
            return "stop_stripe", "Stripe's own retries of this invoice are switched off first; then a moment is chosen"
        case CaseState.OPENED:
            return "decision", "The next step is decided"
        case CaseState.WAITING_FOR_CUSTOMER:
            return (
                "customer",
                "Nothing is tried until the customer acts or the card changes; if nobody does, recovery ends",
            )
        case CaseState.NEEDS_REVIEW:
            return "review", "Nothing is tried until a person has looked; then the case is closed with nothing done"
        case CaseState.PARKED:
            return "parked", f"Stopped ({case.closed_because or 'no cause noted'}); it is looked at again"
        case _:
            return "nothing", "Nothing: " + STATES[case.state]


def if_unpaid(case: RecoveryCase, policy: RetryPolicy, agreed: WhenRecoveryFails) -> tuple[str, ...]:
    """When recovery ends without money, and what then happens to subscription and invoice."""
    end = f"after {allowed_attempts(policy)} attempts, or when the window ends on {case.window_until.short_text()}"
    return (
        f"Recovery ends {end}; at once on a hard decline.",
        f"Then {_subscription(agreed)}, and {_invoice(agreed)}.",
    )


def _subscription(agreed: WhenRecoveryFails) -> str:
    match agreed.subscription:
        case SubscriptionAction.LEAVE_AS_IS:
            return "the subscription is left as it is"
        case SubscriptionAction.CANCEL_AT_PERIOD_END:
            return "the subscription is cancelled at the end of its paid period"
        case SubscriptionAction.CANCEL_WITH_DELAY:
            how = "with proration"
        case SubscriptionAction.CANCEL_WITH_DELAY_NO_PRORATION:
            how = "without proration"
    start = {
        DelayFrom.HARD_DECLINE: "the decline that ended recovery",
        DelayFrom.INVOICE_CREATION: "the creation of the invoice",
    }[agreed.delay_from]
    when = f"{agreed.delay.text()} after {start}" if agreed.delay.ms else "at once"
    return f"the subscription is cancelled {when}, {how}"


def _invoice(agreed: WhenRecoveryFails) -> str:
    if agreed.invoice is InvoiceAction.LEAVE_AS_IS:
        return "the invoice is left open"
    if agreed.subscription is SubscriptionAction.LEAVE_AS_IS:
        return "the invoice is marked uncollectible only if somebody else cancels the subscription"
    return "the invoice is marked uncollectible"


def both_zones(at: Instant, zone: str) -> str:
    """`2026-02-02 21:53 UTC (2026-02-02 16:53 America/New_York)`; the second only where it says more."""
    return at.short_text() if zone == "UTC" else f"{at.short_text()} ({at.short_text(zone)})"
