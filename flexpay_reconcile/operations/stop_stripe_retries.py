"""Before anything is planned on an invoice: make sure that Stripe itself retries it no more (invariant A15).

The only data-plane operation besides `finish_case` that holds the billing writer, for this one field.
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.config.integration import Integration, StopStripeRetries
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, OperatorError, TryLater
from flexpay_reconcile.operations import endings
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.account_access import ACCOUNT_LOST
from flexpay_reconcile.ports.billing_writer import BillingWriterFor
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.values.instant import Span

AGAIN = Span.of(minutes=5)


def stop_stripe_retries(context: Context, writers: BillingWriterFor, *, limit: int = 100) -> int:
    """One bounded turn over opened cases whose invoice Stripe may still advance; returns how many were settled."""
    with context.store.reading() as view:
        due = view.cases.due([CaseState.OPENED], context.clock.now(), limit)
    done = 0
    for case in due:
        if case.stripe_retries_stopped:
            continue
        integration = context.integration_of(case)
        if integration is None:
            _park(context, case, "integration_removed", "its integration is no longer configured")
            continue
        try:
            done += _stop(context, writers, integration, case)
        except OperatorError as problem:
            lost = problem.code == ACCOUNT_LOST
            word = "account_lost" if lost else "key_refused" if problem.kind is ErrorKind.KEY_REFUSED else "operator"
            _park(context, case, word, problem.message)
        except BrokenInvariant as broken:  # one odd case must not stop the others
            LOG.critical("invariant broken in one case", extra={"case": case.id, "because": broken.message})
            _later(context, case)
        except TryLater as problem:
            LOG.warning("could not stop Stripe's own retries yet", extra={"case": case.id, "because": problem.message})
            _later(context, case)
    return done


def _stop(context: Context, writers: BillingWriterFor, integration: Integration, case: RecoveryCase) -> int:
    """Set, read back, and only then write that it is so."""
    reader = context.readers(integration, case.account)
    if integration.smart_retries.stop_stripe_retries is StopStripeRetries.NO:
        invoice = reader.invoice(case.invoice)
        if invoice is not None and invoice.next_payment_attempt is not None:
            _park(
                context,
                case,
                "foreign_retries",
                f"Stripe itself retries at {invoice.next_payment_attempt.short_text()}",
            )
            return 0
        return _write(context, case, "Stripe has no retry of its own planned for this invoice")
    if reader.invoice(case.invoice) is None:
        _park(context, case, "gate", "the invoice cannot be seen")
        return 0
    writer = writers(integration, case.account)
    writer.stop_auto_advance(case.invoice, idempotency_key=f"fp1:stop:{case.id}:{case.version}")
    invoice = reader.invoice(case.invoice)
    if invoice is None or invoice.auto_advance:
        _later(context, case)
        return 0
    return _write(context, case, "Stripe's own retries of this invoice were stopped, and it reads so")


def _write(context: Context, seen: RecoveryCase, text: str) -> int:
    now = context.clock.now()
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is None or case.state is not CaseState.OPENED:
            return 0
        unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.STRIPE_RETRIES_STOPPED, text=text, facts={}))
        unit.cases.save(replace(case, stripe_retries_stopped=True, due_at=now))
    return 1


def _later(context: Context, seen: RecoveryCase) -> None:
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is not None and case.state is CaseState.OPENED:
            unit.cases.save(replace(case, due_at=context.clock.now().plus(AGAIN)))


def _park(context: Context, seen: RecoveryCase, word: str, because: str) -> None:
    with context.store.begin() as unit:
        case = unit.cases.get(seen.id)
        if case is not None and case.state is CaseState.OPENED:
            endings.parked(unit, case, word, because, context.clock.now())
