"""One bounded turn over cases that are due a decision.

Reads Stripe only to see whether a parked cause is gone, and before a case that nobody reviewed is closed.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.billing.invoice import Invoice
from flexpay_reconcile.errors import BrokenInvariant, OperatorError, TryLater
from flexpay_reconcile.operations import endings, follow_invoice, move_cases, plan_next
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Instant, Span

_DECIDED_HERE = (CaseState.OPENED, CaseState.WAITING_FOR_CUSTOMER, CaseState.NEEDS_REVIEW)
_HEALED_BY_A_READ = frozenset(
    {"key_refused", "permission_missing", "account_lost", "integration_removed", "account_unproven", "gate"}
)
"""Causes that are gone, or are asked about again by every gate, once Stripe can be read."""

ODD_CASE_AGAIN = Span.of(hours=1)


def schedule_retries(context: Context, *, limit: int = 200) -> int:
    """Decide what is due; returns how many cases moved on."""
    now = context.clock.now()
    with context.store.reading() as view:
        due = view.cases.due(_DECIDED_HERE, now, limit)
        parked = view.cases.due([CaseState.PARKED], now, limit)
    done = 0
    for seen in due:
        if seen.state is CaseState.NEEDS_REVIEW and not _read_before_closing(context, seen, now):
            continue
        try:
            with context.store.begin() as unit:
                case = unit.cases.get(seen.id)
                if case is not None and case.state in _DECIDED_HERE and case.due_at is not None and case.due_at <= now:
                    done += _decide(context, unit, case, now)
        except BrokenInvariant as broken:  # one odd case must not stop the others
            LOG.critical("invariant broken in one case", extra={"case": seen.id, "because": broken.message})
            _put_aside(context, seen, now)
    for seen in parked:
        done += _look_again(context, seen, now)
    return done


def _read_before_closing(context: Context, seen: RecoveryCase, now: Instant) -> bool:
    """Bring a case nobody reviewed into line with Stripe: it may have been paid unheard. False: ask again later."""
    running, integration = context.running(), context.integration_of(seen)
    if running is None or integration is None:
        return True
    try:
        follow_invoice.follow_invoice(context, running, integration, seen.account, seen.invoice)
    except (TryLater, OperatorError) as problem:
        LOG.info("not closed without a read", extra={"case": seen.id, "because": problem.message})
        _put_aside(context, seen, now)
        return False
    return True


def _put_aside(context: Context, seen: RecoveryCase, now: Instant) -> None:
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is not None and not case.is_final():
            unit.cases.save(replace(case, due_at=now.plus(ODD_CASE_AGAIN)))


def _decide(context: Context, unit: UnitOfWork, case: RecoveryCase, now: Instant) -> int:
    """One case inside its unit of work."""
    if case.state is CaseState.NEEDS_REVIEW:
        endings.closed(unit, case, "never_reviewed", "nobody reviewed it in time; nothing was done", now)
        return 1
    if case.state is CaseState.WAITING_FOR_CUSTOMER:
        case = move(case, CaseState.OPENED)
    elif not case.stripe_retries_stopped:
        return 0
    move_cases.decide(context, unit, case, now)
    return 1


def _look_again(context: Context, seen: RecoveryCase, now: Instant) -> int:
    """A parked case: read its invoice; go on where the cause is gone, else look again later."""
    running, integration = context.running(), context.integration_of(seen)
    invoice: Invoice | None = None
    if running is not None and integration is not None:
        try:
            follow_invoice.follow_invoice(context, running, integration, seen.account, seen.invoice)
            invoice = context.readers(integration, seen.account).invoice(seen.invoice)
        except (TryLater, OperatorError):
            invoice = None
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is None or case.state is not CaseState.PARKED:
            return 1
        if invoice is not None and _cause_gone(case, invoice):
            unit.cases.save(_healed(case, now))
            return 1
        unit.cases.save(replace(case, due_at=now.plus(plan_next.PARKED_LOOK_AGAIN)))
    return 0


def _cause_gone(case: RecoveryCase, invoice: Invoice) -> bool:
    """Whether what parked the case is over; settings of the account's owner cannot be seen and wait for a person."""
    if case.closed_because == "foreign_retries":
        return invoice.next_payment_attempt is None
    return case.closed_because in _HEALED_BY_A_READ


def _healed(case: RecoveryCase, now: Instant) -> RecoveryCase:
    """Opened again, with the window longer by the time in which nothing could be tried (E8)."""
    lost = now.since(case.parked_at) if case.parked_at is not None else Span(0)
    return move(
        case,
        CaseState.OPENED,
        due_at=now,
        closed_because=None,
        parked_at=None,
        stripe_retries_stopped=False,
        window_until=case.window_until.plus(lost),
    )
