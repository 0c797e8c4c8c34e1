"""Inside one unit of work: what follows when a gate is closed after the intent and before the call. Sends nothing."""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.billing.invoice import InvoiceStatus, payment_method_for
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.operations import endings, follow_subscription, move_cases, record_outcome
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.decide import NEW_CARD
from flexpay_reconcile.recovery.gates import Closed, Facts, Then
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.recovery.outcome import Unresolved
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Instant


def follow(context: Context, unit: UnitOfWork, facts: Facts, closed: Closed, unsent: Attempt) -> None:
    """The attempt as it was before the intent (`unsent`), and its case, after a gate said no."""
    now = facts.now
    case = unit.cases.get(unsent.case_id)
    if case is None or case.state is not CaseState.ATTEMPTING:
        return
    text = f"Not tried: {closed.because}"
    record_outcome.journal(unit, case, EntryKind.GATE_REFUSED, text, now, gate=closed.gate, then=closed.then.value)
    if closed.then is Then.WAIT:
        record_outcome.postpone(unit, case, unsent, max(closed.until or now, now))
        return
    ended = AttemptState.NOT_SUBMITTED if unsent.sends else AttemptState.SUPERSEDED
    unit.attempts.save(replace(unsent, state=ended, finished_at=now, check_at=None, note=closed.because))
    match closed.then:
        case Then.PAID_ELSEWHERE:
            endings.recovered_elsewhere(unit, case, closed.because, now)
        case Then.CLOSE if closed.gate == "subscription" and follow_subscription.cancelled_by_us(
            unit, case.subscription
        ):
            follow_subscription.end_with_sibling(unit, context, case, now)
        case Then.CLOSE:
            endings.closed(unit, case, closed.word, closed.because, now)
        case Then.PARK:
            endings.parked(unit, case, "gate", closed.because, now)
        case Then.STOP_STRIPE:
            unit.cases.save(_opened(case, now, stripe_retries_stopped=False))
        case Then.ASK_CUSTOMER:
            waiting = move(case, CaseState.WAITING_FOR_CUSTOMER, due_at=case.window_until, next_attempt_number=None)
            unit.cases.save(replace(waiting, decline_kind=DeclineKind.CUSTOMER, decline_reason="no_payment_method"))
        case _:
            _decide_again(context, unit, facts, case, now)


def _decide_again(context: Context, unit: UnitOfWork, facts: Facts, case: RecoveryCase, now: Instant) -> None:
    """The facts have changed: take over the new amount and card, then decide in the same unit of work."""
    opened = _opened(case, now)
    if facts.invoice is not None:
        opened = replace(opened, amount=facts.invoice.amount_remaining)
        chosen = payment_method_for(facts.invoice, facts.subscription, facts.customer)
        if chosen is not None and chosen != case.payment_method:
            opened = follow_subscription.bind_card(unit, opened, case.account, chosen, NEW_CARD, now)
    move_cases.decide(context, unit, opened, now)


def _opened(case: RecoveryCase, now: Instant, *, stripe_retries_stopped: bool = True) -> RecoveryCase:
    return move(
        case,
        CaseState.OPENED,
        due_at=now,
        next_attempt_at=None,
        next_attempt_number=None,
        stripe_retries_stopped=stripe_retries_stopped and case.stripe_retries_stopped,
    )


def nothing_to_pay(
    unit: UnitOfWork, case: RecoveryCase, attempt: Attempt, status: InvoiceStatus | None, because: str, now: Instant
) -> None:
    """Stripe refused the call because there is nothing to pay; the invoice, read again, says why."""
    if status not in (InvoiceStatus.PAID, InvoiceStatus.VOID):
        record_outcome.unresolved(unit, case, attempt, Unresolved(because=f"nothing to pay, it says: {because}"), now)
        return
    note = f"not executed: {because}"
    unit.attempts.save(replace(attempt, state=AttemptState.NOT_SUBMITTED, finished_at=now, check_at=None, note=note))
    if status is InvoiceStatus.PAID:
        endings.recovered_elsewhere(unit, case, "somebody else paid it just before our call", now)
    else:
        endings.closed(unit, case, "voided", "the invoice was voided just before our call", now)
