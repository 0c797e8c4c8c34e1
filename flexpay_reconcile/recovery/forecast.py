"""What follows for a case without another attempt, and what may follow with one. Pure; the engine's own rules asked.

CERTAIN means: nothing but time, or somebody at Stripe (a payment, a new card), stands between now and these actions.
The decision and the actions come from the functions that the engine decides and plans with (`decide`, `final_plan`),
so that a forecast cannot think otherwise than the daemon.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from flexpay_reconcile.billing.forecast import Fate
from flexpay_reconcile.billing.invoice import Subscription
from flexpay_reconcile.config.integration import WhenRecoveryFails
from flexpay_reconcile.recovery import decide as decisions
from flexpay_reconcile.recovery import final_plan
from flexpay_reconcile.recovery.case import CaseState, EndedBy, RecoveryCase
from flexpay_reconcile.recovery.decide import Decision
from flexpay_reconcile.recovery.final_action import OPEN_STATES, ActionKind, FinalAction
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money

Decide = Callable[[RecoveryCase, Instant], Decision]
"""The case decided at an instant, with the card's history and the timing's aim already known."""
CANCELLING = frozenset({ActionKind.CANCEL_SUBSCRIPTION, ActionKind.SCHEDULE_CANCEL})


@dataclass(frozen=True, slots=True, kw_only=True)
class Prospect:
    """What one invoice is to expect. `actions` in their order with due times; `credit` is what Stripe would give back.

    `credit` is our reckoning of Stripe's proration, and None where none is given or the period is not known.
    """

    case: RecoveryCase
    fate: Fate
    because: str
    actions: tuple[FinalAction, ...] = ()
    next_attempt_at: Instant | None = None
    credit: Money | None = None

    def cancels_at(self) -> Instant | None:
        """When the subscription is cancelled, or its end is scheduled; None where neither is."""
        return next((each.due_at for each in self.actions if each.kind in CANCELLING), None)


def what_follows(case: RecoveryCase, decide: Decide, agreed: WhenRecoveryFails, now: Instant) -> Prospect:
    """For an OPENED case that is decided at `now`."""
    decision = decide(case, now)
    match decision:
        case decisions.RetryAt():
            if case.payment_method is None or case.card_key is None:
                return _unless_the_customer_acts(case, decide, agreed, case.window_until, "there is no card to charge")
            return Prospect(case=case, fate=Fate.POSSIBLE, because=decision.because[0], next_attempt_at=decision.at)
        case decisions.Hold():
            return Prospect(
                case=case, fate=Fate.POSSIBLE, because=_first(decision.because), next_attempt_at=decision.until
            )
        case decisions.AskCustomer():
            return _unless_the_customer_acts(case, decide, agreed, decision.until, _first(decision.because))
        case decisions.Stop():
            return ended(case, decision.ended_by, agreed, now, decision.because[0])
        case _:
            return Prospect(case=case, fate=Fate.LEFT_ALONE, because=_first(decision.because))


def as_it_stands(
    case: RecoveryCase, actions: tuple[FinalAction, ...], decide: Decide, agreed: WhenRecoveryFails, now: Instant
) -> Prospect:
    """For a live case as the store holds it, under the terms it has."""
    match case.state:
        case CaseState.FINISHING:
            owed = tuple(each for each in actions if each.state in OPEN_STATES)
            why = case.ended_by.value if case.ended_by else "ended"
            return Prospect(case=case, fate=Fate.CERTAIN, because=why, actions=owed)
        case CaseState.SCHEDULED | CaseState.ATTEMPTING:
            return Prospect(
                case=case, fate=Fate.POSSIBLE, because="an attempt is planned", next_attempt_at=case.next_attempt_at
            )
        case CaseState.WAITING_FOR_CUSTOMER:
            until = case.due_at or case.window_until
            return _unless_the_customer_acts(case, decide, agreed, max(until, now), case.decline_reason or "waits")
        case CaseState.OPENED:
            return what_follows(case, decide, agreed, now)
        case _:
            return Prospect(case=case, fate=Fate.LEFT_ALONE, because=case.closed_because or case.state.value)


def _unless_the_customer_acts(
    case: RecoveryCase, decide: Decide, agreed: WhenRecoveryFails, until: Instant, because: str
) -> Prospect:
    """At `until` the waiting case is decided again, and by then only its end is left."""
    decision = decide(case, until)
    if isinstance(decision, decisions.Stop):
        return ended(case, decision.ended_by, agreed, until, because)
    return Prospect(case=case, fate=Fate.LEFT_ALONE, because=because)


def ended(
    case: RecoveryCase, ended_by: EndedBy, agreed: WhenRecoveryFails, ended_at: Instant, because: str
) -> Prospect:
    """Recovery ended at an instant: the final actions follow."""
    actions = final_plan.actions_of(case, ended_by, agreed, ended_at)
    return Prospect(case=case, fate=Fate.CERTAIN, because=because, actions=actions)


def _first(because: tuple[str, ...]) -> str:
    return because[0] if because else "no reason given"


def at_stripe(found: Prospect, subscription: Subscription | None) -> Prospect:
    """The same, with what the subscription's own schedule says: what is scheduled already is not scheduled again."""
    if subscription is None:
        return found
    if subscription.cancel_scheduled():
        left = tuple(each for each in found.actions if each.kind is not ActionKind.SCHEDULE_CANCEL)
        return replace(found, actions=left)
    return replace(found, credit=_credit(found, subscription))


def _credit(found: Prospect, subscription: Subscription) -> Money | None:
    """Stripe's proration of the days that are left of the period, to the second, rounded half up."""
    cancel = next((each for each in found.actions if each.kind is ActionKind.CANCEL_SUBSCRIPTION), None)
    period, price = subscription.period, subscription.price
    if cancel is None or not cancel.prorate or period is None or price is None or not cancel.due_at < period.until:
        return None
    whole = period.until.since(period.since).ms
    left = period.until.since(max(cancel.due_at, period.since)).ms
    return replace(price, amount_minor=(2 * price.amount_minor * left + whole) // (2 * whole))
