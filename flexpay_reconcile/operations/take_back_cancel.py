"""Take back the `cancel_at_period_end` that an ended case has set: persist, read, call, read, persist; once.

Owed from the unit of work that ended the case, whatever its final state; neither brakes nor other actions hold it up.
Only our own is taken back: flag and tag were set by one request, and the tag must still read this case.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.billing.invoice import Subscription, SubscriptionStatus
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.operations import record_outcome
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.billing_writer import BillingWriter, BillingWriterFor, WriteResult
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.case import FINAL_STATES, RecoveryCase
from flexpay_reconcile.recovery.final_action import CANCEL_TAG, OPEN_STATES, ActionKind, ActionState, FinalAction
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.values.instant import Span

AGAIN = Span.of(minutes=5)
NOTHING_SEEN = Span.of(hours=6)
_OVER = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED})


def take_back_due(context: Context, writers: BillingWriterFor, *, limit: int = 50) -> int:
    """One bounded turn over ended cases that still owe it; returns how many are settled."""
    with context.store.reading() as view:
        due = view.cases.due(FINAL_STATES, context.clock.now(), limit)
    settled = 0
    for case in due:
        if not context.hold_lease():
            return settled
        try:
            settled += _take_back(context, writers, case)
        except (TryLater, OperatorError) as problem:
            facts = {"case": case.id, "subscription": case.subscription, "because": problem.message}
            LOG.warning("a scheduled cancellation cannot be taken back yet", extra=facts)
            _later(context, case, AGAIN)
    return settled


def _take_back(context: Context, writers: BillingWriterFor, case: RecoveryCase) -> int:
    """One case: read, and where the flag is still ours, clear it and read again."""
    integration = context.integration_of(case)
    if integration is None:
        raise OperatorError("its integration is no longer configured", code="E-integration-removed")
    with context.store.reading() as view:
        action = _owed(view, case)
    if action is None:  # another daemon has settled it since it was read
        return 0
    reader = context.readers(integration, case.account)
    subscription = reader.subscription(case.subscription)
    if subscription is None and reader.customer(case.customer) is None:
        LOG.warning("this key can see nothing of a subscription whose cancellation is ours", extra={"case": case.id})
        _later(context, case, NOTHING_SEEN)
        return 0
    if _ours(case, subscription) and not _too_late(subscription):
        # Only now: whether we may write is judged by what the read just showed of the clock (F3).
        writer = writers(integration, case.account)
        if not _commit_intent(context, case):
            return 0
        result = _send(writer, case, action, flag=subscription is not None and subscription.cancel_at_period_end)
        if result in (WriteResult.NOT_DONE, WriteResult.UNKNOWN):
            _later(context, case, AGAIN)
            return 0
        subscription = reader.subscription(case.subscription)
    return _judge_read(context, case, subscription)


def _judge_read(context: Context, case: RecoveryCase, subscription: Subscription | None) -> int:
    """Only what reads so is done."""
    if _too_late(subscription) and (subscription is None or _ours(case, subscription)):
        because = "the subscription had ended by it before it could be taken back"
        LOG.error(
            "a subscription ended by our scheduled cancellation though recovery had ended otherwise",
            extra={"case": case.id, "subscription": case.subscription, "customer": case.customer},
        )
        return _settle(context, case, ActionState.SKIPPED, because)
    if not _ours(case, subscription):
        return _settle(context, case, ActionState.DONE, "no cancellation of this case is scheduled, it reads")
    LOG.warning("a scheduled cancellation does not read as taken back", extra={"case": case.id})
    _later(context, case, AGAIN)
    return 0


def _ours(case: RecoveryCase, subscription: Subscription | None) -> bool:
    return subscription is not None and subscription.metadata.get(CANCEL_TAG) == case.id


def _too_late(subscription: Subscription | None) -> bool:
    return subscription is None or subscription.status in _OVER


def _owed(view: UnitOfWork, case: RecoveryCase) -> FinalAction | None:
    """The open action of the case."""
    actions = view.actions.of_case(case.id)
    return next((each for each in actions if each.kind is ActionKind.TAKE_BACK and each.state in OPEN_STATES), None)


def _commit_intent(context: Context, case: RecoveryCase) -> bool:
    """The intent is on disk before the call; False when another daemon holds the lease now."""
    now = context.clock.now()
    with context.store.begin() as unit:
        action = _owed(unit, case)
        if action is None or not context.may_charge(unit):
            return False
        unit.actions.save(replace(action, state=ActionState.CALLING, called_at=action.called_at or now))
    return True


def _send(writer: BillingWriter, case: RecoveryCase, action: FinalAction, *, flag: bool) -> WriteResult:
    """Flag and tag together; where somebody took the flag away before us, the tag alone, under a key of its own.

    Each look has a key of its own: Stripe repeats a saved 500 for a day, and the period may end before.
    """
    gone, key = {CANCEL_TAG: ""}, f"{action.idempotency_key}:{case.version}"
    if flag:
        return writer.unschedule_cancel(case.subscription, gone, idempotency_key=key)
    return writer.tag_subscription(case.subscription, gone, idempotency_key=f"{key}:tag")


def _settle(context: Context, seen: RecoveryCase, state: ActionState, note: str) -> int:
    """The case owes nothing any more; what was called and never answered is settled with it. Once: 0 where it was."""
    now = context.clock.now()
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is None or _owed(unit, case) is None:
            return 0
        unit.cases.save(replace(case, due_at=None))
        for each in unit.actions.of_case(case.id):
            if each.kind is ActionKind.TAKE_BACK:
                unit.actions.save(replace(each, state=state, finished_at=now, note=note))
            elif each.kind is ActionKind.SCHEDULE_CANCEL and each.state is ActionState.CALLING:
                unit.actions.save(replace(each, state=ActionState.SKIPPED, finished_at=now, note="taken back"))
        words = "taken back" if state is ActionState.DONE else "not taken back"
        text = f"The scheduled cancellation is {words}: {note}"
        record_outcome.journal(unit, case, EntryKind.FINAL_ACTION, text, now, action=ActionKind.TAKE_BACK.value)
    return 1


def _later(context: Context, seen: RecoveryCase, pause: Span) -> None:
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is not None and _owed(unit, case) is not None:
            unit.cases.save(replace(case, due_at=context.clock.now().plus(pause)))
