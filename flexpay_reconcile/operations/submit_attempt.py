"""Carry out one due attempt in three durable steps: intent, call, result. One of two places that may charge.

1. One unit of work: lease and brakes asked, SUBMITTING written with key, card and fence.
2. Fresh reads, every gate asked, the lease asked once more, then `pay` with exactly that card.
3. One unit of work: result, counters, and what follows.
A crash between the steps leaves SUBMITTING, which `resolve_attempt` settles by asking Stripe.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.billing.charge import Charge, ChargeStatus
from flexpay_reconcile.billing.invoice import InvoiceStatus
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater
from flexpay_reconcile.operations import brake_check, closed_gate, endings, move_cases, record_outcome
from flexpay_reconcile.operations.context import LEASE_TTL, LOG, Context
from flexpay_reconcile.operations.read_facts import read_facts
from flexpay_reconcile.ports.charger import Charger, ChargerFor
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import gates
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState, KeyAlias, SettledBy
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.recovery.outcome import (
    Approved,
    Declined,
    NothingToPay,
    NotSubmitted,
    NotSubmittedReason,
    Outcome,
    Pending,
    Unresolved,
)
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

_CAUSES = {
    "E-integration-removed": "integration_removed",
    "E-account-unproven": "account_unproven",
    "E-connect-account-lost": "account_lost",
}
_READ_AGAIN, _SELDOM = Span.of(minutes=2), Span.of(minutes=30)


def submit_due(context: Context, chargers: ChargerFor, *, limit: int = 50) -> int:
    """One bounded turn over due attempts; returns how many were taken up."""
    with context.store.reading() as view:
        due = view.attempts.due(context.clock.now(), limit)
    taken = 0
    for attempt in due:
        if not context.hold_lease():
            LOG.warning("another daemon holds the lease; nothing is charged here")
            return taken
        taken += _submit(context, chargers, attempt)
    return taken


def _submit(context: Context, chargers: ChargerFor, planned: Attempt) -> int:
    """One attempt, from intent to result."""
    begun = _commit_intent(context, planned)
    if begun is None:
        return 0
    attempt, case = begun
    integration = context.integration_of(case)
    try:
        if integration is None:
            raise OperatorError("its integration is no longer configured", code="E-integration-removed")
        facts = read_facts(context, integration, case, attempt)
        charger = chargers(integration, attempt.account)
    except TryLater as problem:
        _not_sent(context, planned, NotSubmittedReason.CONNECTION_REFUSED, f"could not read first: {problem.message}")
        return 1
    except OperatorError as problem:
        _park(context, planned, problem)
        return 1
    closed = gates.ask(facts)
    if closed is not None:
        with context.store.begin() as unit:
            closed_gate.follow(context, unit, facts, closed, planned)
        return 1
    with context.store.reading() as view:
        if not context.may_charge(view):
            LOG.warning("the lease was lost before the call", extra={"attempt": attempt.idempotency_key})
            return 0  # SUBMITTING stays: whoever holds the lease now asks Stripe and goes on
    attempt, outcome = _pay(context, charger, attempt, facts.now)
    record(context, integration, attempt, outcome)
    return 1


def _pay(context: Context, charger: Charger, attempt: Attempt, read_at: Instant) -> tuple[Attempt, Outcome]:
    """The call; after a rate-limit 429 the very same through the fallback key, and which key it was is on disk first.

    Otherwise a crash could lead a replay through another API key than the one that may have been executed (B7, E10).
    What was read before the first call has to be fresh before the second one, too (A7).
    """
    first = _send(charger, attempt)
    if not isinstance(first, NotSubmitted) or first.reason is not NotSubmittedReason.RATE_LIMITED:
        return attempt, first
    with context.store.begin() as unit:
        stored = unit.attempts.get(attempt.account, attempt.invoice, attempt.number)
        if stored is None or stored.state is not AttemptState.SUBMITTING or not context.may_charge(unit):
            return attempt, first
        again = replace(stored, key_alias=KeyAlias.FALLBACK)
        unit.attempts.save(again)
    if not context.may_still_call(read_at):
        return attempt, first
    second = _send(charger, again)
    broken = (NotSubmittedReason.KEY_REFUSED, NotSubmittedReason.PERMISSION_MISSING, NotSubmittedReason.ACCOUNT_LOST)
    if isinstance(second, NotSubmitted) and second.reason in broken:
        return again, first  # the primary key works: a broken fallback must not park what a little patience will do
    return again, second


def _send(charger: Charger, attempt: Attempt) -> Outcome:
    return charger.pay(
        attempt.invoice,
        payment_method=attempt.payment_method,
        idempotency_key=attempt.idempotency_key,
        only_key=attempt.key_alias,
    )


def _commit_intent(context: Context, planned: Attempt) -> tuple[Attempt, RecoveryCase] | None:
    """Step 1. None when the attempt is no longer due, the lease is not ours, or a brake says later."""
    now = context.clock.now()
    with context.store.begin() as unit:
        attempt = unit.attempts.get(planned.account, planned.invoice, planned.number)
        if attempt is None or attempt.state is not AttemptState.PLANNED or attempt.planned_for > now:
            return None
        if not context.may_charge(unit):
            return None
        case = unit.cases.get(attempt.case_id)
        if case is None or case.state is not CaseState.SCHEDULED or case.next_attempt_number != attempt.number:
            unit.attempts.save(
                replace(attempt, state=AttemptState.SUPERSEDED, finished_at=now, note="its case has moved on")
            )
            return None
        if move_cases.move_first(context, unit, case, now):
            return None
        running = context.running()
        brakes = (running.configuration if running else context.pinned(case.revision)).brakes
        braked = brake_check.attempts(unit, brakes, attempt, now)
        if braked is not None:
            record_outcome.postpone(unit, case, attempt, braked.until)
            return None
        intent = replace(
            attempt,
            state=AttemptState.SUBMITTING,
            intent_at=now,
            first_sent_at=attempt.first_sent_at or now,
            last_sent_at=now,
            sends=attempt.sends + 1,
            key_alias=KeyAlias.PRIMARY,
            fence=context.fence,
            check_at=now.plus(LEASE_TTL),
        )
        unit.attempts.save(intent)
        text = f"Trying to collect {attempt.amount.text()}"
        key = attempt.idempotency_key
        record_outcome.journal(unit, case, EntryKind.SUBMITTING, text, now, key=key, params=attempt.params_hash)
        case = unit.cases.save(move(case, CaseState.ATTEMPTING, next_attempt_at=None))
    return intent, case


def record(context: Context, integration: Integration, attempt: Attempt, outcome: Outcome) -> None:
    """Step 3, with one read before it where the answer leaves something open."""
    charge: Charge | None = None
    status: InvoiceStatus | None = None
    match outcome:
        case Declined() | Approved():
            charge, readable = _charge_of(context, integration, attempt, outcome)
            if isinstance(outcome, Declined) and outcome.charge is not None and not readable:
                outcome = _evidence_missing(outcome)
        case Pending():
            charge, _ = _charge_of(context, integration, attempt, outcome)
            outcome = replace(outcome, charge=charge.id if charge is not None else outcome.charge)
        case NothingToPay():
            status = _status_of(context, integration, attempt)
        case _:
            pass
    now = context.clock.now()
    with context.store.begin() as unit:
        case = unit.cases.get(attempt.case_id)
        stored = unit.attempts.get(attempt.account, attempt.invoice, attempt.number)
        if case is None or stored is None or stored.state not in (AttemptState.SUBMITTING, AttemptState.UNRESOLVED):
            LOG.warning("settled by somebody else meanwhile", extra={"attempt": attempt.idempotency_key})
            return
        match outcome:
            case Approved():
                record_outcome.approved(unit, case, attempt, outcome, now, charge=charge)
            case Declined():
                record_outcome.declined(context, unit, case, attempt, outcome, charge, now)
            case Pending():
                record_outcome.pending(unit, case, attempt, outcome, now)
            case NotSubmitted():
                record_outcome.not_submitted(unit, case, attempt, outcome, now)
                if outcome.reason in (NotSubmittedReason.KEY_REFUSED, NotSubmittedReason.PERMISSION_MISSING):
                    _stop_the_others(context, unit, attempt.integration_id)
            case NothingToPay():
                closed_gate.nothing_to_pay(unit, case, attempt, status, outcome.because, now)
            case Unresolved():
                if outcome.alarm:
                    LOG.error("idempotency error from Stripe", extra={"attempt": attempt.idempotency_key})
                record_outcome.unresolved(unit, case, attempt, outcome, now)


def _evidence_missing(outcome: Declined) -> Unresolved:
    """A refusal whose charge cannot be read yet: the error alone may call hard what the account's own rules blocked.

    The resolver reads the charge when Stripe answers again, and judges on all of it (A21).
    """
    return Unresolved(
        because="refused, and the charge that says why could not be read yet",
        settled_by=SettledBy.READ,
        request_id=outcome.request_id,
        key_alias=outcome.key_alias,
        charge=outcome.charge,
    )


def _charge_of(
    context: Context, integration: Integration, attempt: Attempt, outcome: Declined | Approved | Pending
) -> tuple[Charge | None, bool]:
    """The charge, a decline's for its evidence, an approval's for the books; and whether it could be looked for.

    A pending one's is kept, too: the bank's answer, days later, names no request (B4).
    """
    try:
        payments = context.readers(integration, attempt.account).payments_of(attempt.invoice)
    except (TryLater, OperatorError) as problem:
        LOG.warning("the charge could not be read", extra={"charge": outcome.charge, "because": problem.message})
        return None, False
    charges = [each.latest_charge for each in payments if each.latest_charge is not None]
    if isinstance(outcome, Declined):
        return next((each for each in charges if each.id == outcome.charge), None), True
    wanted = ChargeStatus.PENDING if isinstance(outcome, Pending) else ChargeStatus.SUCCEEDED
    paid = [each for each in charges if each.status is wanted]
    return next((each for each in paid if each.payment_method == attempt.payment_method), None), True


def _status_of(context: Context, integration: Integration, attempt: Attempt) -> InvoiceStatus | None:
    """What the invoice reads after Stripe said there is nothing to pay; None when it cannot be read now."""
    try:
        invoice = context.readers(integration, attempt.account).invoice(attempt.invoice)
    except (TryLater, OperatorError):
        return None
    return invoice.status if invoice is not None else None


def _not_sent(context: Context, planned: Attempt, reason: NotSubmittedReason, because: str) -> None:
    """Nothing was sent: the attempt goes back as it was, for twice as long as it waited the last time."""
    now = context.clock.now()
    waited = planned.planned_for.since(planned.finished_at) if planned.finished_at is not None else Span(0)
    pause = max(_READ_AGAIN, min(_SELDOM, waited.times(2)))
    with context.store.begin() as unit:
        case = unit.cases.get(planned.case_id)
        if case is not None and case.state is CaseState.ATTEMPTING:
            text = f"Not submitted ({reason.value}): {because}"
            record_outcome.journal(unit, case, EntryKind.GATE_REFUSED, text, now)
            record_outcome.postpone(unit, case, replace(planned, finished_at=now), now.plus(pause))


def _park(context: Context, planned: Attempt, problem: OperatorError) -> None:
    """A key or permission is gone: parked, not consumed, not failed (E8, E9)."""
    now = context.clock.now()
    word = _CAUSES.get(problem.code, "key_refused" if problem.kind is ErrorKind.KEY_REFUSED else "gate")
    with context.store.begin() as unit:
        case = unit.cases.get(planned.case_id)
        if case is not None and case.state is CaseState.ATTEMPTING:
            unit.attempts.save(
                replace(planned, state=AttemptState.NOT_SUBMITTED, finished_at=now, note=problem.message)
            )
            endings.parked(unit, case, word, problem.message, now)
            if problem.kind is ErrorKind.KEY_REFUSED:
                _stop_the_others(context, unit, case.integration_id)


def _stop_the_others(context: Context, unit: UnitOfWork, where: IntegrationId) -> None:
    """One refused key is enough: no other attempt of the integration calls before a probe went well (E8)."""
    running = context.running()
    if running is not None:
        LOG.error("a key was refused: the breaker is open", extra={"integration": where})
        brake_check.open_breaker(unit, running.configuration.brakes, where, context.clock.now())
