"""Carry out final actions: persist, read, call, read, persist; each once. Holds the billing writer.

Before a cancellation subscription and invoice are read, and so is whether a later invoice was paid (C4).
Deleting a subscription takes no idempotency key, so it is made safe by reading before and after. A cancellation at the
period's end is scheduled and then waited for: the case stays here until the subscription reads over.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import BrokenInvariant, OperatorError, TryLater
from flexpay_reconcile.operations import (
    endings,
    final_budget,
    finishing,
    follow_subscription,
    judge_action,
    move_cases,
    record_outcome,
    take_back_cancel,
)
from flexpay_reconcile.operations.attribution import SURELY_OVER
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.billing_writer import BillingWriter, BillingWriterFor, WriteResult
from flexpay_reconcile.recovery import windows
from flexpay_reconcile.recovery.case import CaseState, EndedBy, RecoveryCase
from flexpay_reconcile.recovery.decide import NEW_CARD
from flexpay_reconcile.recovery.final_action import CANCEL_TAG, OPEN_STATES, ActionKind, ActionState, FinalAction
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.ids import PaymentMethodId
from flexpay_reconcile.values.instant import Span

_SELDOM = Span.of(hours=1)


def finish_due(context: Context, writers: BillingWriterFor, *, limit: int = 50) -> int:
    """One bounded turn: what ended cases owe first, then finishing cases; returns how many reached their end."""
    ended = take_back_cancel.take_back_due(context, writers, limit=limit)
    with context.store.reading() as view:
        due = view.cases.due([CaseState.FINISHING], context.clock.now(), limit)
    for case in due:
        if not context.hold_lease():
            return ended
        integration = context.integration_of(case)
        try:
            if integration is None:
                raise OperatorError("its integration is no longer configured", code="E-integration-removed")
            ended += _finish(context, writers, integration, case)
        except (TryLater, OperatorError) as problem:
            LOG.warning("final action must wait", extra={"case": case.id, "because": problem.message})
            _later(context, case, _pause(context, case, problem))
    return ended


def _finish(context: Context, writers: BillingWriterFor, integration: Integration, case: RecoveryCase) -> int:
    """The actions of one case in their order; stops at the first that has to wait."""
    reader = context.readers(integration, case.account)
    while True:
        with context.store.reading() as view:
            actions = view.actions.of_case(case.id)
        action = next((each for each in actions if each.state in OPEN_STATES), None)
        if action is None:
            return _end(context, case)
        now = context.clock.now()
        if action.due_at > now:
            _later(context, case, action.due_at.since(now))
            return 0
        if action.kind is ActionKind.SCHEDULE_CANCEL and _sibling_calls(context, case):
            _later(context, case, judge_action.SOON)
            return 0
        if final_budget.must_wait(context, case, action):
            return 0
        match judge_action.judge(reader, case, action):
            case judge_action.Due():
                # Only now: whether we may write is judged by what the reads just showed of the clock (F3).
                writer = writers(integration, case.account)
                if not _call(context, reader, writer, case, action):
                    return 0
            case judge_action.Already():
                _write_state(context, action, ActionState.DONE, "Stripe reads so already")
            case judge_action.Skip() as skip:
                _write_state(context, action, ActionState.SKIPPED, skip.because)
            case judge_action.Wait() as wait:
                if not wait.expected:
                    LOG.warning("final action must wait", extra={"case": case.id, "because": wait.because})
                _later(context, case, wait.pause)
                return 0
            case judge_action.Unscheduled():
                _unscheduled(context, action)
            case judge_action.CardChanged() as changed:
                return _try_card_first(context, case, action, changed.payment_method)
            case judge_action.CaseEnds() as ends:
                _case_ends(context, case, ends)
                return 1


def _sibling_calls(context: Context, case: RecoveryCase) -> bool:
    """Whether another case's flag on this subscription is just being set or taken back: one at a time."""
    with context.store.reading() as view:
        others = [each for each in view.actions.of_subscription(case.subscription) if each.case_id != case.id]
    setting = any(each.kind is ActionKind.SCHEDULE_CANCEL and each.state is ActionState.CALLING for each in others)
    return setting or any(each.kind is ActionKind.TAKE_BACK and each.state in OPEN_STATES for each in others)


def _unscheduled(context: Context, awaited: FinalAction) -> None:
    """None is scheduled any more: who took ours back has decided; where it was somebody else's, ours is due now."""
    now = context.clock.now()
    with context.store.begin() as unit:
        case, actions = unit.cases.get(awaited.case_id), unit.actions.of_case(awaited.case_id)
        own = next((each for each in actions if each.kind is ActionKind.SCHEDULE_CANCEL), None)
        if case is not None and own is not None and own.state is ActionState.SKIPPED and own.called_at is None:
            unit.actions.save(replace(own, state=ActionState.PLANNED, due_at=now, finished_at=None, note=""))
            text = "The cancellation that somebody else had scheduled is gone: ours is due"
            record_outcome.journal(unit, case, EntryKind.FINAL_ACTION, text, now, action=own.kind.value)
            return
    _write_state(context, awaited, ActionState.SKIPPED, "somebody has taken the scheduled cancellation back")


def _try_card_first(context: Context, seen: RecoveryCase, action: FinalAction, chosen: PaymentMethodId) -> int:
    """Another card is there: take the actions back and try it. A call made just now may still arrive: wait for it."""
    now = context.clock.now()
    if action.called_at is not None and now.since(action.called_at) < SURELY_OVER:
        _later(context, seen, judge_action.SOON)
        return 0
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is not None and case.state is CaseState.FINISHING:
            finishing.take_back(unit, case, "the customer's card has changed", now, called_too=True)
            follow_subscription.bind_card(unit, case, case.account, chosen, NEW_CARD, now)
    return 1


def _call(
    context: Context,
    reader: BillingReader,
    writer: BillingWriter,
    case: RecoveryCase,
    action: FinalAction,
) -> bool:
    """Intent, call, then the state is taken from a read at the next look. False: come back later."""
    now = context.clock.now()
    with context.store.begin() as unit:
        if not context.may_charge(unit) or action not in unit.actions.of_case(case.id):
            return False  # the lease is another's, or the action was taken back or planned anew since it was read
        stored = unit.cases.get(case.id)
        if stored is None or move_cases.move_first(context, unit, stored, now):
            return False
        braked = final_budget.braked(context, unit, case, action)
        if braked is not None:
            final_budget.wait_turn(unit, case, action, braked, now)
            return False
        called = replace(action, state=ActionState.CALLING, called_at=action.called_at or now)
        unit.actions.save(called)
    if not context.may_still_call(now):
        return False
    result = _send(writer, case, called)
    if result in (WriteResult.NOT_DONE, WriteResult.UNKNOWN):
        _later(context, case, judge_action.SOON)
        return False
    first = action.kind is ActionKind.CANCEL_SUBSCRIPTION and action.called_at is None
    late = first and result in (WriteResult.MISSING, WriteResult.ALREADY)
    return _confirm(context, reader, case, called, None if late else result)


def _send(writer: BillingWriter, case: RecoveryCase, action: FinalAction) -> WriteResult:
    key = action.idempotency_key
    match action.kind:
        case ActionKind.CANCEL_SUBSCRIPTION:
            comment = f"recovery ended without payment ({case.id})"
            return writer.cancel_now(case.subscription, prorate=action.prorate, comment=comment)
        case ActionKind.SCHEDULE_CANCEL:
            return writer.schedule_cancel(case.subscription, {CANCEL_TAG: case.id}, idempotency_key=key)
        case ActionKind.MARK_UNCOLLECTIBLE:
            return writer.mark_uncollectible(case.invoice, idempotency_key=key)
        case ActionKind.TAG_INVOICE:
            return writer.tag_invoice(case.invoice, judge_action.TAG, idempotency_key=key)
        case ActionKind.TAG_SUBSCRIPTION:
            return writer.tag_subscription(case.subscription, judge_action.TAG, idempotency_key=key)
        case ActionKind.AWAIT_END | ActionKind.TAKE_BACK:
            raise BrokenInvariant(f"{case.id}: {action.kind.value} is nothing to send here")


def _confirm(
    context: Context, reader: BillingReader, case: RecoveryCase, action: FinalAction, result: WriteResult | None
) -> bool:
    """Read back; only what reads so is done. No result: a first cancellation found nothing to cancel."""
    match judge_action.judge(reader, case, action):
        case judge_action.Already() if result is None:  # somebody else did it between our read and our call
            _write_state(context, action, ActionState.SKIPPED, "somebody else has canceled the subscription meanwhile")
            return True
        case judge_action.Already() if result is not None:
            _write_state(context, action, ActionState.DONE, f"{result.value}, read back")
            return True
        case judge_action.Skip() as skip:
            _write_state(context, action, ActionState.SKIPPED, skip.because)
            return True
        case judge_action.CaseEnds() as ends:
            _case_ends(context, case, ends)
        case _:
            LOG.warning("a final action does not read as done", extra={"case": case.id, "action": action.kind.value})
            _later(context, case, judge_action.SOON)
    return False


def _write_state(context: Context, action: FinalAction, state: ActionState, note: str) -> None:
    now = context.clock.now()
    with context.store.begin() as unit:
        unit.actions.save(replace(action, state=state, finished_at=now, note=note))
        case = unit.cases.get(action.case_id)
        if case is not None:
            words = {"done": "done", "skipped": "not done"}[state.value]
            text = f"Final action {action.kind.value.replace('_', ' ')}: {words} ({note})"
            record_outcome.journal(unit, case, EntryKind.FINAL_ACTION, text, now, action=action.kind.value)


def _case_ends(context: Context, seen: RecoveryCase, verdict: judge_action.CaseEnds) -> None:
    now = context.clock.now()
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is None or case.state is not CaseState.FINISHING:
            return
        if verdict.paid:
            endings.recovered_elsewhere(unit, case, verdict.because, now)
        else:
            endings.closed(unit, case, verdict.word, verdict.because, now)


def _end(context: Context, seen: RecoveryCase) -> int:
    """Every action has ended: the case reaches its final state."""
    now = context.clock.now()
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is None or case.state is not CaseState.FINISHING:
            return 0
        hard = case.ended_by is EndedBy.HARD_DECLINE
        owed = finishing.owe_take_back(unit, case, now)
        unit.cases.save(move(case, CaseState.HARD_DECLINED if hard else CaseState.EXHAUSTED, due_at=owed))
        text = "Ended without payment after a hard decline" if hard else "Ended without payment: recovery is exhausted"
        record_outcome.journal(
            unit, case, EntryKind.ENDED, text, now, ended_by=case.ended_by.value if case.ended_by else ""
        )
    return 1


def _pause(context: Context, case: RecoveryCase, problem: TryLater | OperatorError) -> Span:
    """Soon where Stripe is only slow; the rarer, up to an hour, the longer a permission is missing (E8, E9)."""
    if isinstance(problem, TryLater):
        return judge_action.SOON
    with context.store.reading() as view:
        waiting = [each for each in view.actions.of_case(case.id) if each.state in OPEN_STATES]
    now = context.clock.now()
    since = waiting[0].called_at or waiting[0].due_at if waiting else now
    return windows.patience(now.since(since), judge_action.SOON, _SELDOM)


def _later(context: Context, seen: RecoveryCase, pause: Span) -> None:
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is not None and case.state is CaseState.FINISHING:
            unit.cases.save(replace(case, due_at=context.clock.now().plus(pause)))
