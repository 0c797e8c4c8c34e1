"""Settle attempts whose end is not known by asking Stripe. The other of the two places that may charge.

Order of truth: the invoice and its payments; events that carry our key; then, and only while the key is younger than
23 hours and every gate is open, the very same call again with the same key, parameters and API key; and where nothing
was ever executed and the key will never be sent again, NOT_SUBMITTED.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.billing.charge import Charge, ChargeStatus, RefusalFacts
from flexpay_reconcile.billing.invoice import Invoice, InvoicePayment, InvoiceStatus
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import BrokenInvariant, OperatorError, TryLater
from flexpay_reconcile.operations import attribution, brake_check, closed_gate, endings, record_outcome, submit_attempt
from flexpay_reconcile.operations.context import LEASE_TTL, LOG, Context
from flexpay_reconcile.operations.read_facts import read_facts
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.charger import ChargerFor
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import gates, other_payment, windows
from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, Attempt, AttemptState, SettledBy
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.gates import KEY_LIFE, Closed, Facts, Then
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.recovery.outcome import Approved, Declined, NotSubmitted, NotSubmittedReason, Unresolved
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Instant, Span

ESCALATE = Span.of(hours=24)
_AGAIN = Span.of(minutes=2)
_AT_MOST = Span.of(minutes=10)
"""Between two looks: what is reachable again is settled within a quarter of an hour (B2)."""


def resolve_due(context: Context, chargers: ChargerFor, *, limit: int = 50) -> int:
    """One bounded turn over attempts to be asked about; returns how many were settled."""
    with context.store.reading() as view:
        due = view.attempts.to_resolve(context.clock.now(), limit)
    settled = 0
    for attempt in due:
        if not context.hold_lease():
            return settled
        try:
            settled += _resolve(context, chargers, attempt)
        except (TryLater, OperatorError) as problem:
            _ask_later(context, attempt, problem.message)
    return settled


def _resolve(context: Context, chargers: ChargerFor, attempt: Attempt) -> int:
    """One attempt. The reads come first; a replay is the last resort but one."""
    with context.store.reading() as view:
        case = view.cases.get(attempt.case_id)
    if case is None:
        raise BrokenInvariant(f"{attempt.idempotency_key} has no case")
    running = context.integration_of(case)
    integration = running or context.pinned(case.revision).integration(case.integration_id)
    reader = context.readers(integration, attempt.account)
    invoice = reader.invoice(attempt.invoice)
    payments = reader.payments_of(attempt.invoice) if invoice is not None else ()
    charges = _charges(reader, case, attempt, invoice, payments)
    if invoice is not None and _settle_by_read(context, attempt, invoice, charges):
        return 1
    under_way = _under_way(context, attempt, invoice, payments, charges) if invoice is not None else None
    if under_way is not None:  # ours or not: nothing may be sent or given up while money may still arrive (A1, A2)
        _ask_later(context, attempt, under_way, record_outcome.PENDING_CHECK)
        return 0
    if invoice is not None and invoice.status is InvoiceStatus.PAID:
        _ask_later(context, attempt, "it is paid; who paid it is not known yet")
        return 0
    return _replay_or_give_up(context, chargers, integration, case, attempt, may_send=running is not None)


def _charges(
    reader: BillingReader,
    case: RecoveryCase,
    attempt: Attempt,
    invoice: Invoice | None,
    payments: tuple[InvoicePayment, ...],
) -> list[Charge]:
    """The newest charge of each payment; and where ours may be hidden by who paid later, the earlier ones (B1)."""
    charges = [each.latest_charge for each in payments if each.latest_charge is not None]
    shown = {each.id for each in charges}
    hidden = attempt.charge not in shown and (attempt.charge or (invoice and invoice.status is InvoiceStatus.PAID))
    if attempt.first_sent_at is None or not hidden:
        return charges
    intents = {each.payment_intent for each in payments if each.payment_intent}
    earlier = reader.charges_of(case.customer, attempt.first_sent_at.minus(attribution.SURELY_OVER))
    return charges + [each for each in earlier if each.payment_intent in intents and each.id not in shown]


def _settle_by_read(context: Context, attempt: Attempt, invoice: Invoice, charges: list[Charge]) -> bool:
    """Whether what Stripe reads today ends the attempt."""
    now = context.clock.now()
    with context.store.begin() as unit:
        fresh = _still_open(unit, attempt)
        if fresh is None:
            return True
        stored, case = fresh
        own = attribution.own_charge(context, unit, stored, charges)
        if invoice.status is InvoiceStatus.PAID:
            if own is not None and own.status is ChargeStatus.SUCCEEDED:
                how = "our attempt had gone through, Stripe says"
                record_outcome.approved(unit, case, stored, Approved(charge=own.id), now, charge=own, how=how)
            elif own is not None and own.status is ChargeStatus.PENDING:
                return False  # somebody else was quicker than the bank, whose answer is still to come (B1)
            elif own is not None:
                case = record_outcome.refused(
                    unit, case, stored, Declined(refusal=_refusal(own), charge=own.id), own, now
                )
                endings.recovered_elsewhere(unit, case, "paid after our own call had been refused", now)
            elif attribution.too_early(unit, stored, now):
                return False
            else:
                _not_executed(unit, case, stored, "somebody else paid it", now)
                endings.recovered_elsewhere(unit, case, "paid while our own call was unresolved", now)
            record_outcome.journal(unit, case, EntryKind.RESOLVED, "Settled by reading Stripe: paid", now)
            return True
        if own is not None and own.status is ChargeStatus.FAILED:
            text = "Settled by reading Stripe: declined"
            record_outcome.journal(unit, case, EntryKind.RESOLVED, text, now, charge=own.id)
            outcome = Declined(refusal=_refusal(own), charge=own.id)
            record_outcome.declined(context, unit, case, stored, outcome, own, now)
            return True
    return False


def _refusal(charge: Charge) -> RefusalFacts:
    return charge.refusal or RefusalFacts()


def _under_way(
    context: Context, attempt: Attempt, invoice: Invoice, payments: tuple[InvoicePayment, ...], charges: list[Charge]
) -> str | None:
    """Why money may still arrive, or has arrived and is not counted yet."""
    with context.store.reading() as view:
        own = attribution.own_charge(context, view, attempt, charges)
    return other_payment.on_its_way(invoice, payments, own)


def _still_open(unit: UnitOfWork, attempt: Attempt) -> tuple[Attempt, RecoveryCase] | None:
    """The attempt and its case as stored now; None when somebody has settled them."""
    stored = unit.attempts.get(attempt.account, attempt.invoice, attempt.number)
    case = unit.cases.get(attempt.case_id)
    if stored is None or case is None or stored.state not in BLOCKING_STATES or case.state is not CaseState.ATTEMPTING:
        return None
    return stored, case


def _not_executed(unit: UnitOfWork, case: RecoveryCase, attempt: Attempt, because: str, now: Instant) -> None:
    ended = replace(attempt, state=AttemptState.NOT_SUBMITTED, finished_at=now, check_at=None, note=because)
    unit.attempts.save(ended)
    record_outcome.journal(unit, case, EntryKind.RESOLVED, f"Not executed: {because}", now, attempt=str(attempt.number))


def _replay_or_give_up(
    context: Context,
    chargers: ChargerFor,
    integration: Integration,
    case: RecoveryCase,
    attempt: Attempt,
    *,
    may_send: bool,
) -> int:
    """No trace at Stripe: the same call again where every gate is open, else wait until it surely never happened."""
    now = context.clock.now()
    first = attempt.first_sent_at or attempt.intent_at or now
    last = attempt.last_sent_at or first
    facts = read_facts(context, integration, case, replace(attempt, intent_at=first), replay=True)
    closed = gates.ask(facts)
    young = now.since(first) < KEY_LIFE and attempt.state is not AttemptState.PENDING
    if closed is None and may_send and attempt.settled_by is SettledBy.REPLAY and young:
        charger = chargers(integration, attempt.account)  # may refuse: then nothing must have been written
        intent = _commit_replay(context, attempt)
        if intent is None or not context.may_still_call(facts.now):
            return 0  # where the intent is on disk, whoever holds the lease asks Stripe again
        outcome = charger.pay(
            attempt.invoice,
            payment_method=attempt.payment_method,
            idempotency_key=attempt.idempotency_key,
            only_key=attempt.key_alias,
        )
        if isinstance(outcome, NotSubmitted):
            outcome = _still_unknown(attempt, outcome)
        submit_attempt.record(context, integration, intent, outcome)
        return 1
    if now.since(last) < attribution.SURELY_OVER:
        _ask_later(context, attempt, closed.because if closed else "it must not be sent again; only read")
        return 0
    return _give_up(context, facts, closed, attempt)


def _still_unknown(attempt: Attempt, outcome: NotSubmitted) -> Unresolved:
    """A replay that was surely not executed says nothing of the sending before it, which stays unknown.

    What would be refused again is settled by reading alone.
    """
    passing = (
        NotSubmittedReason.RATE_LIMITED,
        NotSubmittedReason.LOCK_TIMEOUT,
        NotSubmittedReason.CONNECTION_REFUSED,
    )
    return Unresolved(
        because=f"{outcome.reason.value}: {outcome.because}",
        settled_by=SettledBy.REPLAY if outcome.reason in passing else SettledBy.READ,
        request_id=outcome.request_id,
        key_alias=attempt.key_alias or outcome.key_alias,
    )


def _give_up(context: Context, facts: Facts, closed: Closed | None, attempt: Attempt) -> int:
    """It left no trace and will not be sent again. It uses up no attempt, but spacing counts from it (A12).

    The window becomes longer by the time for which it blocked the invoice, as for a parked case (E8, F4).
    """
    now = facts.now
    with context.store.begin() as unit:
        fresh = _still_open(unit, attempt)
        if fresh is None:
            return 1
        stored, current = fresh
        if _asks_customer(facts, closed):
            refusal = RefusalFacts(requires_action=True)
            record_outcome.declined(context, unit, current, stored, Declined(refusal=refusal, charge=None), None, now)
            return 1
        _not_executed(unit, current, stored, "no trace of it at Stripe", now)
        sent = max((each for each in (current.last_attempt_at, stored.last_sent_at) if each), default=now)
        blocked = now.since(stored.intent_at or now)
        window_until = current.window_until.plus(blocked)
        current = unit.cases.save(replace(current, last_attempt_at=sent, window_until=window_until))
        if stored.settled_by is SettledBy.PERSON:
            endings.parked(unit, current, "odd_answer", stored.note, now)
        elif closed is not None and closed.then is not Then.WAIT:
            closed_gate.follow(context, unit, facts, closed, stored)
        else:
            opened = move(current, CaseState.OPENED, due_at=now, next_attempt_at=None, next_attempt_number=None)
            unit.cases.save(opened)
    return 1


def _asks_customer(facts: Facts, closed: Closed | None) -> bool:
    """Whether a payment with this card waits for the customer: an answer that asks for that leaves no charge (A14)."""
    card = facts.attempt.payment_method
    asked = any(
        each.payment_intent_status == "requires_action" and each.payment_method == card for each in facts.payments
    )
    return asked and (closed is None or closed.then in (Then.WAIT, Then.DECIDE_AGAIN))


def _commit_replay(context: Context, attempt: Attempt) -> Attempt | None:
    """The intent of a replay, durable before it is sent, under our present fence (A3, A6, A19)."""
    now = context.clock.now()
    with context.store.begin() as unit:
        fresh = _still_open(unit, attempt)
        if fresh is None or not context.may_charge(unit):
            return None
        stored, case = fresh
        running = context.running()
        brakes = (running.configuration if running else context.pinned(case.revision)).brakes
        braked = brake_check.attempts(unit, brakes, stored, now)
        if braked is not None:
            unit.attempts.save(
                replace(stored, state=AttemptState.UNRESOLVED, check_at=braked.until, note=braked.because)
            )
            return None
        intent = replace(
            stored,
            state=AttemptState.SUBMITTING,
            sends=stored.sends + 1,
            last_sent_at=now,
            fence=context.fence,
            check_at=now.plus(LEASE_TTL),
        )
        unit.attempts.save(intent)
        text = "No trace of the call at Stripe: calling again with the same key"
        record_outcome.journal(unit, case, EntryKind.SUBMITTING, text, now, key=attempt.idempotency_key)
    return intent


def _ask_later(context: Context, attempt: Attempt, because: str, pause: Span | None = None) -> None:
    """Ask again, the rarer the longer it has lasted; what stays unknown for a day is a person's business too."""
    now = context.clock.now()
    with context.store.begin() as unit:
        stored = unit.attempts.get(attempt.account, attempt.invoice, attempt.number)
        if stored is None or stored.state not in BLOCKING_STATES:
            return
        state = AttemptState.UNRESOLVED if stored.state is AttemptState.SUBMITTING else stored.state
        since = stored.first_sent_at or now
        pause = pause or windows.patience(now.since(stored.last_sent_at or since), _AGAIN, _AT_MOST)
        if state is AttemptState.UNRESOLVED and now.since(since) > ESCALATE:
            LOG.error("unresolved for more than a day", extra={"attempt": attempt.idempotency_key, "because": because})
            pause = Span.of(hours=1)
        unit.attempts.save(replace(stored, state=state, check_at=now.plus(pause), note=because))
