"""Carry out final actions: persist, read, call, read, persist; each once. Holds the billing writer.

Before a cancellation subscription and invoice are read, and so is whether a later invoice was paid (C4).
Deleting a subscription takes no idempotency key, so it is made safe by reading before and after.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexpay_reconcile.billing.invoice import Invoice, InvoiceStatus, Subscription, SubscriptionStatus
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import FlexpayError, OperatorError, TryLater
from flexpay_reconcile.operations import brake_check, endings, record_outcome
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.billing_writer import BillingWriter, BillingWriterFor, WriteResult
from flexpay_reconcile.recovery.case import CaseState, EndedBy, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Span

TAG = {"fp-uncollectible": "true"}
_OPEN_ACTIONS = (ActionState.PLANNED, ActionState.CALLING)
_OVER = frozenset({SubscriptionStatus.CANCELED, SubscriptionStatus.INCOMPLETE_EXPIRED})
_AGAIN = Span.of(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What was read before an action."""

    invoice: Invoice | None
    subscription: Subscription | None
    paid_later: bool


def finish_due(context: Context, writers: BillingWriterFor, *, limit: int = 50) -> int:
    """One bounded turn over finishing cases; returns how many reached their end."""
    with context.store.reading() as view:
        due = view.cases.due([CaseState.FINISHING], context.clock.now(), limit)
    ended = 0
    for case in due:
        if not context.hold_lease():
            return ended
        integration = context.integration_of(case)
        try:
            if integration is None:
                raise OperatorError("its integration is no longer configured", code="E-integration-removed")
            ended += _finish(context, writers, integration, case)
        except FlexpayError as problem:
            if not isinstance(problem, (TryLater, OperatorError)):
                raise
            LOG.warning("final action must wait", extra={"case": case.id, "because": problem.message})
            _later(context, case, _AGAIN)
    return ended


def _finish(context: Context, writers: BillingWriterFor, integration: Integration, case: RecoveryCase) -> int:
    """The actions of one case in their order; stops at the first that has to wait."""
    reader, writer = context.readers(integration), writers(integration)
    while True:
        with context.store.reading() as view:
            actions = view.actions.of_case(case.id)
        action = next((each for each in actions if each.state in _OPEN_ACTIONS), None)
        if action is None:
            return _end(context, case)
        now = context.clock.now()
        if action.due_at > now:
            _later(context, case, action.due_at.since(now))
            return 0
        seen = _read(reader, case, action)
        verdict = _judge(case, action, seen)
        if isinstance(verdict, _CaseEnds):
            _case_ends(context, case, verdict)
            return 1
        if isinstance(verdict, str):
            _write_state(context, action, ActionState.SKIPPED, verdict)
            continue
        if verdict is True:
            _write_state(context, action, ActionState.DONE, "Stripe reads so already")
            continue
        if not _call(context, integration, reader, writer, case, action):
            return 0


@dataclass(frozen=True, slots=True, kw_only=True)
class _CaseEnds:
    """A read that ends the case instead of carrying out its actions."""

    paid: bool
    word: str
    because: str


def _read(reader: BillingReader, case: RecoveryCase, action: FinalAction) -> Seen:
    cancelling = action.kind is ActionKind.CANCEL_SUBSCRIPTION
    paid_later = bool(reader.paid_after(case.subscription, case.invoice_created_at)) if cancelling else False
    return Seen(
        subscription=reader.subscription(case.subscription), invoice=reader.invoice(case.invoice), paid_later=paid_later
    )


def _judge(case: RecoveryCase, action: FinalAction, seen: Seen) -> _CaseEnds | str | bool:
    """What the reads say: the case ends otherwise, the action is skipped (a reason), done (True), or due (False)."""
    invoice, subscription = seen.invoice, seen.subscription
    if invoice is not None and (invoice.livemode != case.livemode or invoice.account != case.account):
        return "the invoice belongs to another account or mode"
    if invoice is not None and invoice.status is InvoiceStatus.PAID:
        return _CaseEnds(paid=True, word="paid", because="the invoice reads paid")
    over = subscription is None or subscription.status in _OVER
    match action.kind:
        case ActionKind.CANCEL_SUBSCRIPTION:
            if over:
                return True if action.state is ActionState.CALLING else "the subscription is already over"
            if subscription is not None and subscription.status is SubscriptionStatus.UNKNOWN:
                return "the subscription reads a status we do not know"
            if invoice is None or invoice.status is not InvoiceStatus.OPEN:
                return _CaseEnds(paid=False, word="invoice_not_open", because="the invoice is no longer open")
            if seen.paid_later:
                because = "the customer paid a later invoice of this subscription"
                return _CaseEnds(paid=False, word="kept_paying_customer", because=because)
            return False
        case ActionKind.MARK_UNCOLLECTIBLE:
            if not over:
                return "the subscription is not canceled"
            if invoice is None:
                return "the invoice is gone"
            if invoice.status is InvoiceStatus.UNCOLLECTIBLE:
                return True
            return False if invoice.status is InvoiceStatus.OPEN else f"the invoice reads {invoice.status.value}"
        case ActionKind.TAG_INVOICE:
            if invoice is None or invoice.status is not InvoiceStatus.UNCOLLECTIBLE:
                return "the invoice is not uncollectible"
            return _tagged(invoice.metadata)
        case ActionKind.TAG_SUBSCRIPTION:
            if subscription is None or not over or invoice is None or invoice.status is not InvoiceStatus.UNCOLLECTIBLE:
                return "the invoice is not uncollectible, or the subscription is gone"
            return _tagged(subscription.metadata)


def _tagged(metadata: dict[str, str]) -> bool:
    return all(metadata.get(key) == value for key, value in TAG.items())


def _call(
    context: Context,
    integration: Integration,
    reader: BillingReader,
    writer: BillingWriter,
    case: RecoveryCase,
    action: FinalAction,
) -> bool:
    """Intent, call, then the state is taken from a read at the next look. False: come back later."""
    now = context.clock.now()
    running = context.running()
    with context.store.begin() as unit:
        if not context.may_charge(unit):
            return False
        brakes = (running.configuration if running else context.pinned(case.revision)).brakes
        braked = (
            None
            if action.state is ActionState.CALLING
            else brake_check.final_actions(unit, brakes, integration.id, now)
        )
        if braked is not None:
            LOG.warning("final actions wait for their budget", extra={"because": braked.because})
            fresh = unit.cases.get(case.id)
            if fresh is not None and fresh.state is CaseState.FINISHING:
                unit.cases.save(replace(fresh, due_at=braked.until))
            return False
        called = replace(action, state=ActionState.CALLING, called_at=action.called_at or now)
        unit.actions.save(called)
    result = _send(writer, case, called)
    if result in (WriteResult.NOT_DONE, WriteResult.UNKNOWN):
        _later(context, case, _AGAIN)
        return False
    return _confirm(context, reader, case, called, result)


def _send(writer: BillingWriter, case: RecoveryCase, action: FinalAction) -> WriteResult:
    key = action.idempotency_key
    match action.kind:
        case ActionKind.CANCEL_SUBSCRIPTION:
            comment = f"recovery ended without payment ({case.id})"
            return writer.cancel_now(case.subscription, prorate=action.prorate, comment=comment)
        case ActionKind.MARK_UNCOLLECTIBLE:
            return writer.mark_uncollectible(case.invoice, idempotency_key=key)
        case ActionKind.TAG_INVOICE:
            return writer.tag_invoice(case.invoice, TAG, idempotency_key=key)
        case ActionKind.TAG_SUBSCRIPTION:
            return writer.tag_subscription(case.subscription, TAG, idempotency_key=key)


def _confirm(
    context: Context, reader: BillingReader, case: RecoveryCase, action: FinalAction, result: WriteResult
) -> bool:
    """Read back; only what reads so is done."""
    verdict = _judge(case, action, _read(reader, case, action))
    if isinstance(verdict, _CaseEnds):
        _case_ends(context, case, verdict)
        return False
    if verdict is False:
        LOG.warning("a final action does not read as done", extra={"case": case.id, "action": action.kind.value})
        _later(context, case, _AGAIN)
        return False
    _write_state(context, action, ActionState.DONE, f"{result.value}, read back")
    return True


def _write_state(context: Context, action: FinalAction, state: ActionState, note: str) -> None:
    now = context.clock.now()
    with context.store.begin() as unit:
        unit.actions.save(replace(action, state=state, finished_at=now, note=note))
        case = unit.cases.get(action.case_id)
        if case is not None:
            words = {"done": "done", "skipped": "not done"}[state.value]
            text = f"Final action {action.kind.value.replace('_', ' ')}: {words} ({note})"
            record_outcome.journal(unit, case, EntryKind.FINAL_ACTION, text, now, action=action.kind.value)


def _case_ends(context: Context, seen: RecoveryCase, verdict: _CaseEnds) -> None:
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
        unit.cases.save(move(case, CaseState.HARD_DECLINED if hard else CaseState.EXHAUSTED))
        text = "Ended without payment after a hard decline" if hard else "Ended without payment: recovery is exhausted"
        record_outcome.journal(
            unit, case, EntryKind.ENDED, text, now, ended_by=case.ended_by.value if case.ended_by else ""
        )
    return 1


def _later(context: Context, seen: RecoveryCase, pause: Span) -> None:
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is not None and case.state is CaseState.FINISHING:
            unit.cases.save(replace(case, due_at=context.clock.now().plus(pause)))
