"""Inside one unit of work: decide what follows for a case and write it down. Calls nothing outside the store.

A result and what follows from it are one transaction (invariant B3), so every operation that learns something about
a case ends here.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import StopStripeRetries
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.operations import aims, finishing, record_money
from flexpay_reconcile.operations.context import LOG
from flexpay_reconcile.ports.rows import LedgerRow
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import decide as decisions
from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, Attempt, AttemptState
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Instant, Span

LOOK_BACK = Span.of(days=31)
LONGEST_WAIT = Span.of(days=11)
"""No advice asks for more than ten days (Mastercard 30)."""
PARKED_LOOK_AGAIN = Span.of(hours=6)


def known_card(unit: UnitOfWork, case: RecoveryCase) -> RecoveryCase:
    """The case with what the ledger knows of its card by now: a new card's first charge, on any invoice, names it."""
    row = unit.cards.of_payment_method(case.account, case.payment_method) if case.payment_method else None
    if row is None:
        return case
    charge = row.charge
    return replace(
        case,
        card_key=charge.card_key(),
        network=charge.network or case.network,
        payment_method_type=charge.payment_method_type or case.payment_method_type,
    )


def history_of(unit: UnitOfWork, case: RecoveryCase, now: Instant) -> CardHistory:
    """What the ledger knows of the card this case would charge; the case comes from `known_card`."""
    if case.card_key is None:
        return CardHistory()
    rows = unit.cards.of_card(case.account, case.card_key, now.minus(LOOK_BACK))
    return history_from(rows, unit.cards.of_invoice(case.account, case.invoice), now)


def history_from(rows: tuple[LedgerRow, ...], of_invoice: tuple[LedgerRow, ...], now: Instant) -> CardHistory:
    """From rows of the card of the last month, oldest first (and every `never`), and the rows of the invoice."""
    nevers = [row for row in rows if row.never]
    hard = [row for row in nevers if row.kind is DeclineKind.HARD]
    standing = (hard or nevers)[-1] if nevers else None
    waits = _advice_waits(rows, now)
    longest = max(waits, default=None)
    own = sorted(row.charge.created for row in of_invoice if row.reached_network)
    return CardHistory(
        reached_at=tuple(row.charge.created for row in rows if row.reached_network),
        retries_at=tuple(own[1:]),
        never_because=(standing.reason or "refused for ever") if standing else None,
        never_kind=standing.kind if standing else None,
        wait_until=longest[0] if longest else None,
        wait_because=longest[1] if longest else None,
    )


def _advice_waits(rows: tuple[LedgerRow, ...], now: Instant) -> list[tuple[Instant, str]]:
    """Waits that refusals of this card asked for and that are not over, whichever invoice they were for (A11)."""
    found = []
    for row in rows:
        decline = record_money.decline_of(row.charge) if row.charge.created > now.minus(LONGEST_WAIT) else None
        if decline is not None and decline.advice.wait_at_least is not None:
            found.append((row.charge.created.plus(decline.advice.wait_at_least), decline.reason))
    return [each for each in found if each[0] > now]


def plan_next(
    unit: UnitOfWork, case: RecoveryCase, policy: RetryPolicy, pinned: Configuration, now: Instant
) -> RecoveryCase:
    """Decide and write: the next attempt, a wait, a review, a parking, or the end. Returns the saved case."""
    if case.state is not CaseState.OPENED:
        raise BrokenInvariant(f"case {case.id} is {case.state.value}; only an opened case is decided")
    integration = pinned.integration(case.integration_id)
    per_invoice = integration.smart_retries.stop_stripe_retries is StopStripeRetries.PER_INVOICE
    case = known_card(unit, case)
    decision = decisions.decide(case, history_of(unit, case, now), policy, aims.aim_for(case, policy, now), now)
    match decision:
        case decisions.RetryAt():
            if per_invoice and not case.stripe_retries_stopped:
                raise BrokenInvariant(f"case {case.id} is planned before Stripe's own retries were stopped")
            return _plan_attempt(unit, case, decision, now)
        case decisions.Hold():
            return _save(unit, replace(case, due_at=decision.until), "hold", decision.because, now)
        case decisions.AskCustomer():
            waiting = move(case, CaseState.WAITING_FOR_CUSTOMER, due_at=decision.until)
            return _save(unit, waiting, "wait for the customer", decision.because, now)
        case decisions.Park():
            parked = move(case, CaseState.PARKED, due_at=now.plus(PARKED_LOOK_AGAIN), closed_because="operator")
            alarm("a case is parked", case, decision.because)
            return _save(unit, parked, "parked", decision.because, now)
        case decisions.Review():
            review = move(case, CaseState.NEEDS_REVIEW, due_at=decision.until)
            alarm("a case needs review", case, decision.because)
            return _save(unit, review, "needs review", decision.because, now)
        case decisions.Stop():
            return finishing.begin(unit, case, decision, pinned, now)


def alarm(what: str, case: RecoveryCase, because: tuple[str, ...]) -> None:
    """What no loop can go on with by itself is told, and not only written: a person is waited for (C1)."""
    LOG.error(what, extra={"case": case.id, "integration": case.integration_id, "because": "; ".join(because)})


def _plan_attempt(unit: UnitOfWork, case: RecoveryCase, decision: decisions.RetryAt, now: Instant) -> RecoveryCase:
    """Store the planned attempt with its reasons; its number is unique over all lives of the invoice."""
    if case.payment_method is None or case.card_key is None:
        waiting = move(case, CaseState.WAITING_FOR_CUSTOMER, due_at=case.window_until)
        return _save(unit, waiting, "wait for the customer", ("there is no card to charge",), now)
    earlier = unit.attempts.of_invoice(case.account, case.invoice)
    if any(each.state in BLOCKING_STATES for each in earlier):
        raise BrokenInvariant(f"invoice {case.invoice} has an attempt under way; nothing may be planned beside it")
    number = 1 + max((each.number for each in earlier), default=0)
    attempt = Attempt(
        account=case.account,
        invoice=case.invoice,
        number=number,
        case_id=case.id,
        integration_id=case.integration_id,
        revision=case.revision,
        state=AttemptState.PLANNED,
        planned_for=decision.at,
        decided_at=now,
        because=decision.because,
        payment_method=case.payment_method,
        card_key=case.card_key,
        network=case.network,
        amount=case.amount,
        model_version=decision.model,
        probability_ppm=decision.probability_ppm,
    )
    unit.attempts.add(attempt)
    scheduled = move(case, CaseState.SCHEDULED, due_at=None, next_attempt_at=decision.at, next_attempt_number=number)
    return _save(unit, scheduled, f"next attempt at {decision.at.short_text()}", decision.because[1:], now)


def _save(unit: UnitOfWork, case: RecoveryCase, what: str, because: tuple[str, ...], now: Instant) -> RecoveryCase:
    facts = {"decision": what, "state": case.state.value, "reasons": "; ".join(because)}
    text = f"Decided: {what}" + (f" ({'; '.join(because)})" if because else "")
    unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.DECIDED, text=text, facts=facts))
    return unit.cases.save(case)


def supersede_planned(unit: UnitOfWork, case: RecoveryCase, because: str, now: Instant) -> None:
    """Take back every planned attempt of an invoice that nothing has been sent for."""
    for attempt in unit.attempts.of_invoice(case.account, case.invoice):
        if attempt.state is AttemptState.PLANNED:
            unit.attempts.save(
                replace(attempt, state=AttemptState.SUPERSEDED, finished_at=now, check_at=None, note=because)
            )
