"""Find what webhooks did not bring: a sweep over open invoices and over live cases. Reads Stripe, opens no case itself.

Needs only the guide's six permissions. Missed events never lose a failed payment: the sweep reads every open,
attempted invoice and follows it exactly as an event would (invariant D6).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from flexpay_reconcile.config.integration import Integration, Status
from flexpay_reconcile.errors import ErrorKind, FlexpayError, OperatorError, TryLater
from flexpay_reconcile.operations import connected, follow_invoice, follow_subscription, returning, suspicion
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.account_access import ACCOUNT_LOST
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import opening
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.values.ids import AccountId, CustomerId, InvoiceId
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
_NOBODY_CAN_BE_READ = frozenset({"E-stripe-unreachable", "E-stripe-limit", "E-stripe-busy"})
_WAIT_FOR_A_CARD = frozenset({CaseState.WAITING_FOR_CUSTOMER, CaseState.NEEDS_REVIEW})
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
        now = context.clock.now()
        each_due = (due(view, running, each, now) for each in running.configuration.integrations.values())
        return min(each_due, default=None)


def due(view: UnitOfWork, running: AppliedConfiguration, integration: Integration, now: Instant) -> Instant:
    """When an integration is to be swept: a while after its last sweep, and after one that failed not at once."""
    every = suspicion.LOOK_EVERY if suspicion.sweeps_invoices_often(view, integration.id, now) else SWEEP_EVERY
    last, again = view.marks.get(mark_name(integration)), view.marks.get(_again_name(integration))
    at = Instant.from_text(last).plus(every) if last else running.applied_at
    return max(at, Instant.from_text(again)) if again else at


def not_before(view: UnitOfWork, integration: Integration) -> Instant | None:
    """When a sweep that Stripe refused or did not answer may look again; None where none did."""
    again = view.marks.get(_again_name(integration))
    return Instant.from_text(again) if again else None


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
            if due(view, running, integration, now) > now:
                continue
        try:
            followed += _sweep_accounts(context, running, integration)
        except (TryLater, OperatorError) as problem:
            LOG.warning("sweep not finished", extra={"integration": integration.id, "because": problem.message})
            pause = AFTER_OUTAGE if isinstance(problem, TryLater) else AFTER_REFUSAL
            with context.store.begin() as unit:
                unit.marks.set(_again_name(integration), now.plus(pause).text())
            continue
        with context.store.begin() as unit:
            unit.marks.set(mark_name(integration), now.text())
    return followed


def _sweep_accounts(context: Context, running: AppliedConfiguration, integration: Integration) -> int:
    """Its own account, or every connected one it knows; one that cannot be read does not hide the others (D6)."""
    start = began(context, running, integration)
    with context.store.reading() as view:
        accounts = connected.accounts_of(view, running, integration)
    followed, first = 0, None
    for account, known_since in accounts:
        since = max(start, known_since) if known_since is not None else start
        try:
            followed += _sweep(context, running, integration, account, since.minus(LOOK_BACK))
        except (TryLater, OperatorError) as problem:
            if problem.code == "E-stripe-unreachable" or problem.kind is ErrorKind.KEY_REFUSED:
                raise
            first = first or (None if problem.code == ACCOUNT_LOST else problem)
    if first is not None:
        raise first
    return followed


def _sweep(
    context: Context, running: AppliedConfiguration, integration: Integration, account: AccountId, since: Instant
) -> int:
    """Open invoices at Stripe first, then live cases whose invoice is not among them, then cards of those who wait."""
    seen: set[InvoiceId] = set()
    follow = _Patiently(context, running, integration, account)
    if integration.status is Status.ENABLED:
        for invoice in context.readers(integration, account).open_invoices(since):
            seen.add(invoice.id)
            with context.store.reading() as view:
                known = view.cases.lives_of(account, invoice.id)
                again = context.enabled_again(running, integration.id)
                early = again is not None and invoice.created < again.minus(LOOK_BACK)
                waits = early and returning.under_way(context, view, running, integration, account)
            if opening.may_open(known) and not waits:
                follow.invoice(invoice.id)
    with context.store.reading() as view:
        watched = view.cases.list(integration_id=integration.id, states=_WATCHED, limit=100_000)
    live = [case for case in watched if case.account == account]
    for case in live:
        if case.invoice not in seen:
            follow.invoice(case.invoice)
    for customer in dict.fromkeys(case.customer for case in live if case.state in _WAIT_FOR_A_CARD):
        follow.customer(customer)
    return len(seen) + len(live)


@dataclass(frozen=True, slots=True)
class _Patiently:
    """Follows one object after another: one that cannot be read must not hide the others (D6)."""

    context: Context
    running: AppliedConfiguration
    integration: Integration
    account: AccountId

    def invoice(self, invoice: InvoiceId) -> None:
        """One invoice."""
        follow, account = follow_invoice.follow_invoice, self.account
        self._try(invoice, lambda: follow(self.context, self.running, self.integration, account, invoice))

    def customer(self, customer: CustomerId) -> None:
        """One customer's default card."""
        follow, given = (
            follow_subscription.follow_customer,
            (self.context, self.integration, self.account),
        )
        self._try(customer, lambda: follow(*given, customer, card_updated=False))

    def _try(self, what: str, follow: Callable[[], str]) -> None:
        try:
            follow()
        except FlexpayError as problem:
            nobody = problem.code in _NOBODY_CAN_BE_READ or problem.code == ACCOUNT_LOST
            if nobody or problem.kind is ErrorKind.KEY_REFUSED:
                raise
            LOG.warning("could not be followed; the sweep goes on", extra={"object": what, "because": problem.message})


def began(context: Context, running: AppliedConfiguration, integration: Integration) -> Instant:
    """When this integration was first applied, as remembered from its first sweep."""
    name = f"began:{integration.id}"
    with context.store.reading() as view:
        known = view.marks.get(name)
    if known is not None:
        return Instant.from_text(known)
    first = context.first_applied(running, integration.id)
    with context.store.begin() as unit:
        known = unit.marks.get(name)
        if known is None:
            unit.marks.set(name, first.text())
    return Instant.from_text(known) if known else first


def force(unit: UnitOfWork, integration: Integration) -> None:
    """The next full sweep is due at once: Stripe has forgotten events that nobody read."""
    unit.marks.set(mark_name(integration), Instant(0).text())
