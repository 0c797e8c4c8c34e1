"""Which final actions a policy asks for when recovery ended unpaid, and when they are due. Pure; carries out nothing.

The engine plans them with this function and the forecast tells them with it: there is no second one.
"""

from __future__ import annotations

from flexpay_reconcile.config.integration import DelayFrom, InvoiceAction, SubscriptionAction, WhenRecoveryFails
from flexpay_reconcile.recovery.case import EndedBy, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.values.instant import Instant

_KINDS: dict[SubscriptionAction, tuple[ActionKind, ...]] = {
    SubscriptionAction.CANCEL_AT_PERIOD_END: (ActionKind.SCHEDULE_CANCEL, ActionKind.AWAIT_END),
    SubscriptionAction.CANCEL_WITH_DELAY: (ActionKind.CANCEL_SUBSCRIPTION,),
    SubscriptionAction.CANCEL_WITH_DELAY_NO_PRORATION: (ActionKind.CANCEL_SUBSCRIPTION,),
    SubscriptionAction.LEAVE_AS_IS: (),
}
"""What each choice does to the subscription, in order."""
_MARKS = (ActionKind.MARK_UNCOLLECTIBLE, ActionKind.TAG_INVOICE, ActionKind.TAG_SUBSCRIPTION)


def actions_of(
    case: RecoveryCase, ended_by: EndedBy, agreed: WhenRecoveryFails, now: Instant
) -> tuple[FinalAction, ...]:
    """The actions, in the order in which they are carried out, each PLANNED; `now` is when recovery ended."""
    ended = case.last_declined_at if ended_by is not EndedBy.WINDOW_OVER else None
    start = case.invoice_created_at if agreed.delay_from is DelayFrom.INVOICE_CREATION else ended or now
    if case.window_from > case.first_declined_at:  # taken over, or found late: the delay begins when we came
        start = max(start, case.window_from)
    due_at = max(now, start.plus(agreed.delay))
    marks = agreed.invoice is InvoiceAction.MARK_UNCOLLECTIBLE_WHEN_SUBSCRIPTION_CANCELS
    kinds = _KINDS[agreed.subscription] + (_MARKS if marks else ())
    return tuple(
        FinalAction(
            case_id=case.id,
            integration_id=case.integration_id,
            kind=kind,
            order=order,
            state=ActionState.PLANNED,
            invoice=case.invoice,
            subscription=case.subscription,
            prorate=agreed.subscription is SubscriptionAction.CANCEL_WITH_DELAY,
            revision=case.revision,
            due_at=due_at,
            decided_at=now,
        )
        for order, kind in enumerate(kinds)
    )
