"""Inside one unit of work: begin FINISHING, plan the final actions once, take them back. Calls nothing outside."""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import DelayFrom, InvoiceAction, SubscriptionAction
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.case import CaseState, EndedBy, RecoveryCase
from flexpay_reconcile.recovery.decide import Stop
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Instant

_CANCELS = {
    SubscriptionAction.CANCEL_WITH_DELAY: True,
    SubscriptionAction.CANCEL_WITH_DELAY_NO_PRORATION: False,
}
"""Subscription actions built so far, with whether they prorate. The manifest refuses the others."""


def begin(unit: UnitOfWork, case: RecoveryCase, stop: Stop, pinned: Configuration, now: Instant) -> RecoveryCase:
    """No further attempt: write the final actions down, each once per case, with their due time."""
    if case.decline_kind in (DeclineKind.OPERATOR, DeclineKind.UNKNOWN, None):
        raise BrokenInvariant(f"case {case.id}: an operator or unknown decline never leads to a final action (A21)")
    for action in _actions(case, stop, pinned, now):
        if not unit.actions.add(action):
            _plan_again(unit, action)
    text = f"Recovery is over: {stop.because[0]}"
    facts = {"ended_by": stop.ended_by.value, "reasons": "; ".join(stop.because)}
    unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.FINISHING, text=text, facts=facts))
    finishing = move(
        case,
        CaseState.FINISHING,
        ended_by=stop.ended_by,
        ended_at=now,
        due_at=now,
        next_attempt_at=None,
        next_attempt_number=None,
    )
    return unit.cases.save(finishing)


def _actions(case: RecoveryCase, stop: Stop, pinned: Configuration, now: Instant) -> list[FinalAction]:
    """The actions of the pinned policy, in the order in which they are carried out."""
    agreed = pinned.integration(case.integration_id).when_recovery_fails
    ended = case.last_declined_at if stop.ended_by is not EndedBy.WINDOW_OVER else None
    start = case.invoice_created_at if agreed.delay_from is DelayFrom.INVOICE_CREATION else ended or now
    if case.window_from > case.first_declined_at:  # taken over, or found late: the delay begins when we came
        start = max(start, case.window_from)
    due_at = max(now, start.plus(agreed.delay))
    kinds: list[ActionKind] = []
    if agreed.subscription is not SubscriptionAction.LEAVE_AS_IS:
        if agreed.subscription not in _CANCELS:
            raise BrokenInvariant(f"{agreed.subscription.value} is not built and must not have been applied")
        kinds.append(ActionKind.CANCEL_SUBSCRIPTION)
    if agreed.invoice is InvoiceAction.MARK_UNCOLLECTIBLE_WHEN_SUBSCRIPTION_CANCELS:
        kinds += [ActionKind.MARK_UNCOLLECTIBLE, ActionKind.TAG_INVOICE, ActionKind.TAG_SUBSCRIPTION]
    return [
        FinalAction(
            case_id=case.id,
            integration_id=case.integration_id,
            kind=kind,
            order=order,
            state=ActionState.PLANNED,
            invoice=case.invoice,
            subscription=case.subscription,
            prorate=_CANCELS.get(agreed.subscription, False),
            revision=case.revision,
            due_at=due_at,
            decided_at=now,
        )
        for order, kind in enumerate(kinds)
    ]


def _plan_again(unit: UnitOfWork, action: FinalAction) -> None:
    """An action that was taken back (a new card came) is due again; one that was called stays as it is (C2)."""
    for stored in unit.actions.of_case(action.case_id):
        if stored.kind is action.kind and stored.state is ActionState.SKIPPED and stored.called_at is None:
            unit.actions.save(action)


def take_back(unit: UnitOfWork, case: RecoveryCase, because: str, now: Instant, *, called_too: bool = False) -> None:
    """Skip every final action that has not been called; with `called_too`, also one that a read shows was not done."""
    for action in unit.actions.of_case(case.id):
        if action.state is ActionState.PLANNED or (called_too and action.state is ActionState.CALLING):
            unit.actions.save(replace(action, state=ActionState.SKIPPED, called_at=None, finished_at=now, note=because))
