"""Find what webhooks did not bring: a sweep over open invoices and over live cases. Reads Stripe, opens no case itself.

Needs only the guide's six permissions. Missed events never lose a failed payment: the sweep reads every open,
attempted invoice and follows it exactly as an event would (invariant D6).
"""

from __future__ import annotations

from flexpay_reconcile.config.integration import Integration, Status
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.operations import follow_invoice
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.values.ids import InvoiceId
from flexpay_reconcile.values.instant import Instant, Span

SWEEP_EVERY = Span.of(hours=6)
AFTER_OUTAGE = Span.of(minutes=10)
"""After a sweep that Stripe did not answer."""
AFTER_REFUSAL = Span.of(hours=1)
"""After a sweep whose key or permission was refused."""
LOOK_BACK = Span.of(hours=1)
"""How far before its first revision the sweeps of an integration look: an invoice is charged an hour after it is made.

What failed before that is a take-over's business, and never taken up silently.
"""
_WATCHED = (CaseState.SCHEDULED, CaseState.WAITING_FOR_CUSTOMER, CaseState.NEEDS_REVIEW, CaseState.FINISHING)


def mark_name(integration: Integration) -> str:
    """The mark that tells when an integration was last swept."""
    return f"sweep:{integration.id}"


def next_sweep(context: Context) -> Instant | None:
    """When the next sweep is due; None before the first apply."""
    running = context.running()
    if running is None:
        return None
    with context.store.reading() as view:
        return min((_due(view, running, each) for each in running.configuration.integrations.values()), default=None)


def _due(view: UnitOfWork, running: AppliedConfiguration, integration: Integration) -> Instant:
    """When an integration is to be swept: a while after its last sweep, and after one that failed not at once."""
    last, again = view.marks.get(mark_name(integration)), view.marks.get(_again_name(integration))
    due = Instant.from_text(last).plus(SWEEP_EVERY) if last else running.applied_at
    return max(due, Instant.from_text(again)) if again else due


def _again_name(integration: Integration) -> str:
    return f"sweep-again:{integration.id}"


def sweep_due(context: Context) -> int:
    """One turn: every integration whose sweep is due; returns how many invoices were followed."""
    running = context.running()
    if running is None:
        return 0
    followed = 0
    for integration in running.configuration.integrations.values():
        now = context.clock.now()
        with context.store.reading() as view:
            if _due(view, running, integration) > now:
                continue
        try:
            followed += _sweep(context, running, integration)
        except (TryLater, OperatorError) as problem:
            LOG.warning("sweep not finished", extra={"integration": integration.id, "because": problem.message})
            pause = AFTER_OUTAGE if isinstance(problem, TryLater) else AFTER_REFUSAL
            with context.store.begin() as unit:
                unit.marks.set(_again_name(integration), now.plus(pause).text())
            continue
        with context.store.begin() as unit:
            unit.marks.set(mark_name(integration), now.text())
    return followed


def _sweep(context: Context, running: AppliedConfiguration, integration: Integration) -> int:
    """Open invoices at Stripe first, then live cases whose invoice is not among them."""
    account = running.configuration.company_of(integration).stripe_account
    since = _began(context, running, integration).minus(LOOK_BACK)
    seen: set[InvoiceId] = set()
    if integration.status is Status.ENABLED:
        for invoice in context.readers(integration).open_invoices(since):
            seen.add(invoice.id)
            with context.store.reading() as view:
                known = view.cases.lives_of(account, invoice.id)
            if not known:
                follow_invoice.follow_invoice(context, running, integration, invoice.id)
    with context.store.reading() as view:
        live = view.cases.list(integration_id=integration.id, states=_WATCHED, limit=100_000)
    for case in live:
        if case.invoice not in seen:
            follow_invoice.follow_invoice(context, running, integration, case.invoice)
    return len(seen) + len(live)


def _began(context: Context, running: AppliedConfiguration, integration: Integration) -> Instant:
    """When this integration was first applied, as remembered from its first sweep."""
    name = f"began:{integration.id}"
    with context.store.begin() as unit:
        known = unit.marks.get(name)
        if known is None:
            unit.marks.set(name, running.applied_at.text())
    return Instant.from_text(known) if known else running.applied_at
