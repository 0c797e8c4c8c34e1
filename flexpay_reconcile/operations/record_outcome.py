"""The third step of charging: result, counters and what follows from them, in one unit of work (invariant B3).

Called by `submit_attempt` and `resolve_attempt` alone. Sends nothing.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.billing.charge import Charge, RefusalFacts
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.operations import endings, move_cases, record_money
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.evidence import evidence_of
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.outcome import Approved, Declined, NotSubmitted, NotSubmittedReason, Pending, Unresolved
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Instant, Span

PENDING_CHECK = Span.of(hours=6)
UNRESOLVED_CHECK = Span.of(minutes=1)
UNRESOLVED_CAP = Span.of(minutes=15)
_RETRY_CAP = Span.of(hours=1)


def journal(unit: UnitOfWork, case: RecoveryCase, kind: EntryKind, text: str, now: Instant, **facts: str) -> None:
    """One line of the case's story."""
    unit.journal.append(Entry(case_id=case.id, at=now, kind=kind, text=text, facts=facts))


def approved(
    unit: UnitOfWork,
    case: RecoveryCase,
    attempt: Attempt,
    outcome: Approved,
    now: Instant,
    *,
    charge: Charge | None = None,
    how: str = "",
) -> None:
    """The money came by this attempt; its charge counts under the card's ceilings, whether or not its event comes.

    What was taken is what the charge says: a part may have been paid between our read and our call (G1).
    """
    if charge is not None:
        attempt, case = replace(attempt, amount=charge.amount), replace(case, amount=charge.amount)
        record_money.record_charges(unit, case.integration_id, [charge], invoice=case.invoice)
    unit.attempts.save(
        replace(
            attempt,
            state=AttemptState.APPROVED,
            charge=outcome.charge or (charge.id if charge else attempt.charge),
            request_id=outcome.request_id,
            key_alias=outcome.key_alias,
            finished_at=now,
            check_at=None,
        )
    )
    words = how or f"attempt {case.attempts_used + 1} was approved"
    journal(unit, case, EntryKind.OUTCOME, f"Approved: {case.amount.text()}", now, attempt=str(attempt.number))
    endings.recovered(unit, replace(case, attempts_used=case.attempts_used + 1, last_attempt_at=now), words, now)


def declined(
    context: Context,
    unit: UnitOfWork,
    case: RecoveryCase,
    attempt: Attempt,
    outcome: Declined,
    charge: Charge | None,
    now: Instant,
) -> None:
    """Refused: classify on all the evidence, count, and decide what follows, together."""
    opened = move(
        refused(unit, case, attempt, outcome, charge, now),
        CaseState.OPENED,
        due_at=now,
        next_attempt_at=None,
        next_attempt_number=None,
    )
    move_cases.decide(context, unit, opened, now)


def refused(
    unit: UnitOfWork, case: RecoveryCase, attempt: Attempt, outcome: Declined, charge: Charge | None, now: Instant
) -> RecoveryCase:
    """The refusal in the books: attempt, ledger and journal; the case with what it says, for the caller to save."""
    refusal: RefusalFacts = outcome.refusal
    decline = classify(evidence_of(refusal, charge, attempt.network))
    unit.attempts.save(
        replace(
            attempt,
            state=AttemptState.DECLINED,
            charge=outcome.charge or (charge.id if charge else None),
            request_id=outcome.request_id,
            key_alias=outcome.key_alias,
            finished_at=now,
            check_at=None,
            decline_kind=decline.kind,
            decline_reason=decline.reason,
        )
    )
    if charge is not None:
        record_money.record_charges(unit, case.integration_id, [charge], invoice=case.invoice)
    number = case.attempts_used + 1
    text = f"Attempt {number} was declined: {decline.reason} ({decline.kind.value})"
    evidence = "; ".join(decline.because)
    journal(unit, case, EntryKind.OUTCOME, text, now, attempt=str(attempt.number), evidence=evidence)
    declined_at = charge.created if charge is not None else now
    wait = decline.advice.wait_at_least
    return replace(
        case,
        attempts_used=number,
        last_attempt_at=max(declined_at, attempt.intent_at or now),
        last_declined_at=declined_at,
        decline_kind=decline.kind,
        decline_reason=decline.reason,
        wait_until=declined_at.plus(wait) if wait else None,
        wait_because=decline.reason if wait else None,
        card_key=charge.card_key() if charge else case.card_key,
        network=charge.network if charge else case.network,
        payment_method_type=charge.payment_method_type if charge else case.payment_method_type,
    )


def pending(unit: UnitOfWork, case: RecoveryCase, attempt: Attempt, outcome: Pending, now: Instant) -> None:
    """Accepted and not yet paid: blocks the invoice until an event or a read ends it, never by age."""
    unit.attempts.save(
        replace(
            attempt,
            state=AttemptState.PENDING,
            charge=outcome.charge,
            request_id=outcome.request_id,
            key_alias=outcome.key_alias,
            finished_at=now,
            check_at=now.plus(PENDING_CHECK),
        )
    )
    journal(unit, case, EntryKind.OUTCOME, "Accepted; the answer comes later", now, attempt=str(attempt.number))
    unit.cases.save(replace(case, last_attempt_at=now, next_attempt_at=None))


def unresolved(unit: UnitOfWork, case: RecoveryCase, attempt: Attempt, outcome: Unresolved, now: Instant) -> None:
    """Maybe seen by Stripe: nothing else may charge until it has been asked."""
    unit.attempts.save(
        replace(
            attempt,
            state=AttemptState.UNRESOLVED,
            request_id=outcome.request_id,
            key_alias=outcome.key_alias,
            charge=outcome.charge or attempt.charge,
            check_at=now.plus(min(UNRESOLVED_CHECK.times(2 ** min(max(attempt.sends - 1, 0), 4), 1), UNRESOLVED_CAP)),
            settled_by=outcome.settled_by,
            note=outcome.because,
        )
    )
    text = f"No clear answer ({outcome.because}); Stripe will be asked"
    journal(unit, case, EntryKind.OUTCOME, text, now, attempt=str(attempt.number))
    unit.cases.save(replace(case, next_attempt_at=None))


def not_submitted(unit: UnitOfWork, case: RecoveryCase, attempt: Attempt, outcome: NotSubmitted, now: Instant) -> None:
    """Surely not executed: uses up nothing. Outages go again with the same key; refusals stop the case."""
    again = {NotSubmittedReason.RATE_LIMITED, NotSubmittedReason.LOCK_TIMEOUT, NotSubmittedReason.CONNECTION_REFUSED}
    ended = replace(
        attempt,
        state=AttemptState.NOT_SUBMITTED,
        request_id=outcome.request_id,
        key_alias=outcome.key_alias,
        finished_at=now,
        check_at=None,
        note=f"{outcome.reason.value}: {outcome.because}",
    )
    text = f"Not submitted ({outcome.reason.value}): {outcome.because}"
    journal(unit, case, EntryKind.OUTCOME, text, now, attempt=str(attempt.number))
    if outcome.reason in again:
        pause = min(max(outcome.retry_after, Span.of(seconds=30 * 2 ** min(attempt.sends, 7))), _RETRY_CAP)
        postpone(unit, case, replace(ended, state=AttemptState.PLANNED), now.plus(pause))
        return
    unit.attempts.save(ended)
    match outcome.reason:
        case NotSubmittedReason.INVOICE_MISSING:
            endings.parked(unit, case, "gate", "Stripe knows no such invoice, though it was read just before", now)
        case NotSubmittedReason.NO_PAYMENT_METHOD:
            waiting = move(case, CaseState.WAITING_FOR_CUSTOMER, due_at=case.window_until, next_attempt_at=None)
            unit.cases.save(replace(waiting, decline_kind=DeclineKind.CUSTOMER, decline_reason="no_payment_method"))
        case NotSubmittedReason.KEY_REFUSED | NotSubmittedReason.PERMISSION_MISSING | NotSubmittedReason.ACCOUNT_LOST:
            endings.parked(unit, case, outcome.reason.value, outcome.because, now)
        case _:
            endings.parked(unit, case, "request_refused", outcome.because, now)


def postpone(unit: UnitOfWork, case: RecoveryCase, attempt: Attempt, until: Instant) -> None:
    """The same attempt, with the same key, later."""
    planned = replace(attempt, state=AttemptState.PLANNED, planned_for=until, check_at=None)
    unit.attempts.save(planned)
    unit.cases.save(
        move(case, CaseState.SCHEDULED, due_at=None, next_attempt_at=until, next_attempt_number=attempt.number)
        if case.state is not CaseState.SCHEDULED
        else replace(case, next_attempt_at=until)
    )
