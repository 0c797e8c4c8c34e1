"""Read one invoice again and bring its case into line with it. The answer of Stripe counts, never the event's copy."""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.billing.charge import Charge, ChargeStatus
from flexpay_reconcile.billing.invoice import Invoice, InvoicePayment, InvoiceStatus
from flexpay_reconcile.billing.signal import EventFacts
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.operations import endings, open_case, plan_next, record_money
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import opening
from flexpay_reconcile.recovery.attempt import BLOCKING_STATES
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.ids import AccountId, InvoiceId
from flexpay_reconcile.values.instant import Instant

_MAY_BE_DECIDED_AGAIN = frozenset({CaseState.SCHEDULED, CaseState.WAITING_FOR_CUSTOMER, CaseState.NEEDS_REVIEW})


def follow_invoice(
    context: Context,
    running: AppliedConfiguration,
    integration: Integration,
    account: AccountId,
    invoice_id: InvoiceId,
    event: EventFacts | None = None,
) -> str:
    """Read and follow; returns a word for the log. Raises TryLater and OperatorError from the reader."""
    reader = context.readers(integration, account)
    invoice = reader.invoice(invoice_id)
    with context.store.reading() as view:
        case = view.cases.live_for_invoice(account, invoice_id)
        ended = view.cases.lives_of(account, invoice_id)
    if case is None:
        if invoice is None:
            return "gone"
        if ended and not (invoice.status is InvoiceStatus.OPEN and opening.may_open(ended)):
            return _for_the_books(context, ended[-1], invoice)
        why_not = open_case.open_case(context, running, integration, invoice)
        return why_not or "opened"
    if invoice is None:
        return _missing(context, account, case, seen_otherwise=reader.customer(case.customer) is not None)
    if invoice.status is InvoiceStatus.OPEN:
        return _follow_open(context, integration, invoice, _failures(reader.payments_of(invoice_id)), event)
    return _follow_ended(context, invoice)


def _for_the_books(context: Context, last: RecoveryCase, invoice: Invoice) -> str:
    """An ended case whose invoice is paid later is counted as recovered elsewhere, and nothing else (C7)."""
    if invoice.status is not InvoiceStatus.PAID or last.state in (CaseState.RECOVERED, CaseState.RECOVERED_ELSEWHERE):
        return "ended_before"
    with context.store.begin() as unit:
        fresh = unit.cases.get(last.id)
        if fresh is not None:
            endings.recovered_elsewhere(unit, fresh, "paid after recovery had ended", context.clock.now())
    return "recovered_elsewhere"


def _missing(context: Context, account: AccountId, seen: RecoveryCase, *, seen_otherwise: bool) -> str:
    """A 404 is proof only while this key sees something else of the case; else it may be another account's key."""
    now = context.clock.now()
    with context.store.begin() as unit:
        case = unit.cases.live_for_invoice(account, seen.invoice)
        if case is None or _wake_blocking(unit, case, now):
            return "attempt_under_way"
        if seen_otherwise:
            endings.closed(unit, case, "gone", "the invoice is gone", now)
            return "gone"
        if case.state not in (CaseState.PARKED, CaseState.FINISHING):
            endings.parked(unit, case, "gate", "this key can see nothing of the case any more", now)
    return "not_seen"


def _wake_blocking(unit: UnitOfWork, case: RecoveryCase, now: Instant) -> bool:
    """Whether an attempt is under way: then the resolver, woken here, settles attempt and case together."""
    blocking = [a for a in unit.attempts.of_invoice(case.account, case.invoice) if a.state in BLOCKING_STATES]
    for attempt in blocking:
        if attempt.check_at is None or attempt.check_at > now:
            unit.attempts.save(replace(attempt, check_at=now))
    return bool(blocking)


def _follow_ended(context: Context, invoice: Invoice) -> str:
    """The invoice is paid, void, written off, or in a state we do not know."""
    now = context.clock.now()
    with context.store.begin() as unit:
        case = unit.cases.live_for_invoice(invoice.account, invoice.id)
        if case is None or _wake_blocking(unit, case, now):
            return "attempt_under_way"
        match invoice.status:
            case InvoiceStatus.PAID:
                endings.recovered_elsewhere(unit, case, "the invoice reads paid", now)
            case InvoiceStatus.VOID:
                endings.closed(unit, case, "voided", "the invoice was voided", now)
            case InvoiceStatus.UNCOLLECTIBLE:
                if _ours(unit, case, ActionKind.MARK_UNCOLLECTIBLE):
                    return "our_own_mark"
                endings.closed(unit, case, "uncollectible_by_other", "somebody else wrote the invoice off", now)
            case _:
                LOG.warning("invoice reads a state we do not act on", extra={"invoice": invoice.id})
    return invoice.status.value


def _ours(unit: UnitOfWork, case: RecoveryCase, kind: ActionKind) -> bool:
    called = (ActionState.CALLING, ActionState.DONE)
    return any(each.kind is kind and each.state in called for each in unit.actions.of_case(case.id))


def _failures(payments: tuple[InvoicePayment, ...]) -> list[Charge]:
    """The failed ones among the last charges of the invoice's payments, oldest first."""
    failed = [each.latest_charge for each in payments if each.latest_charge is not None]
    return sorted((each for each in failed if each.status is ChargeStatus.FAILED), key=lambda each: each.created)


def _follow_open(
    context: Context, integration: Integration, invoice: Invoice, failures: list[Charge], event: EventFacts | None
) -> str:
    """The invoice is still open: note failures that were not ours, and decide again where they change something."""
    now = context.clock.now()
    with context.store.begin() as unit:
        case = unit.cases.live_for_invoice(invoice.account, invoice.id)
        if case is None:
            return "ended_meanwhile"
        if _wake_blocking(unit, case, now):
            return "attempt_under_way"
        record_money.record_charges(unit, integration.id, failures, invoice=invoice.id)
        ours = {each.charge for each in unit.attempts.of_invoice(case.account, case.invoice)}
        seen = case.last_declined_at or case.first_declined_at
        news = [each for each in failures if each.id not in ours and each.created > seen]
        if not news:
            return "unchanged"
        _note_foreign(unit, case, news[-1], event, now)
    return "foreign_attempt"


def _note_foreign(unit: UnitOfWork, case: RecoveryCase, charge: Charge, event: EventFacts | None, now: Instant) -> None:
    """Somebody else tried it and was refused: that counts against ceilings and spacing; Stripe itself parks us."""
    decline = record_money.decline_of(charge)
    by_stripe = event is not None and event.request_id is None and event.idempotency_key is None
    who = "Stripe's own retry" if by_stripe else "an attempt that was not ours"
    text = f"{who} was declined on {charge.created.short_text()}: {decline.reason if decline else 'no reason'}"
    unit.journal.append(
        Entry(case_id=case.id, at=now, kind=EntryKind.DECLINE_SEEN, text=text, facts={"charge": charge.id})
    )
    parked = case.state is CaseState.PARKED
    if decline is None or case.is_final() or not (parked or case.state in _MAY_BE_DECIDED_AGAIN):
        return
    wait = decline.advice.wait_at_least
    asked = charge.created.plus(wait) if wait else None
    longer = asked is not None and (case.wait_until is None or asked > case.wait_until)
    case = replace(
        case,
        last_declined_at=charge.created,
        decline_kind=decline.kind,
        decline_reason=decline.reason,
        wait_until=asked if longer else case.wait_until,
        wait_because=decline.reason if longer else case.wait_because,
    )
    if parked:  # it stays so, and knows what the last refusal was when it goes on (A21)
        unit.cases.save(case)
        return
    if by_stripe:
        endings.parked(unit, case, "foreign_retries", f"{who}: two engines must never both charge", now)
        return
    plan_next.supersede_planned(unit, case, "somebody else tried meanwhile", now)
    again = move(case, CaseState.OPENED, due_at=now, next_attempt_at=None, next_attempt_number=None)
    unit.cases.save(again)
