"""Open a recovery case for a failed invoice: read what is needed, judge, write. Reads Stripe, writes only the store."""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.billing.charge import ChargeStatus
from flexpay_reconcile.billing.invoice import Invoice, payment_method_for
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.operations import record_money, returning
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import eligibility, opening
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.opening import Findings, Opening
from flexpay_reconcile.values.instant import Instant, Span

LEDGER_BACK = Span.of(days=30)


def open_case(
    context: Context,
    running: AppliedConfiguration,
    integration: Integration,
    invoice: Invoice,
    *,
    taken_over: bool = False,
) -> str | None:
    """Open a case, or return why the invoice is only recorded. Idempotent: a live or ended case is never doubled.

    Window and delays of one that is `taken_over`, or found more than a day late, begin now. What failed before its
    integration was enabled again is taken in by `take_in_again` at the take-over's pace, and waits for it here.
    """
    reader = context.readers(integration, invoice.account)
    verdict = eligibility.judge_invoice(invoice, integration, running.configuration)
    if not verdict.eligible:
        return _not_eligible(context, integration, invoice, reader, str(verdict.reason))
    if invoice.subscription is None or invoice.customer is None:
        return "no_subscription"
    subscription = reader.subscription(invoice.subscription)
    verdict = eligibility.judge_subscription(subscription, integration)
    customer = reader.customer(invoice.customer)
    if not verdict.eligible or customer is None or customer.deleted:
        return _not_eligible(context, integration, invoice, reader, str(verdict.reason or "customer_gone"))
    payments = reader.payments_of(invoice.id)
    charges = reader.charges_of(customer.id, invoice.read_at.minus(LEDGER_BACK))
    last = opening.last_charge(payments, charges)
    if last is not None and last.status is ChargeStatus.PENDING:
        return "payment_pending"
    chosen = payment_method_for(invoice, subscription, customer)
    decline = opening.first_decline(last, payments, chosen)
    findings = Findings(
        invoice=invoice,
        customer=customer,
        charges=charges,
        last=last,
        decline=decline,
        payment_method=chosen,
        taken_over=taken_over,
    )
    with context.store.begin() as unit:
        lives = unit.cases.lives_of(invoice.account, invoice.id)
        if not opening.may_open(lives):
            return "already_known"
        meanwhile = returning.failed_meanwhile(context, running, integration, opening.first_failure(findings))
        if (lives or meanwhile) and not taken_over:
            if returning.under_way(context, unit, running, integration, invoice.account):
                return "waits_for_its_turn"
            findings = replace(findings, taken_over=True)
        _write(unit, running, integration, findings, lives, context.clock.now())
    return None


def _not_eligible(context: Context, integration: Integration, invoice: Invoice, reader: BillingReader, why: str) -> str:
    """Record the declines of an invoice that is not ours to retry, with the reason beside them (G3, G12)."""
    if invoice.attempted and invoice.amount_remaining.is_positive():
        charges = [each.latest_charge for each in reader.payments_of(invoice.id) if each.latest_charge]
        with context.store.begin() as unit:
            record_money.record_charges(unit, integration.id, charges, invoice=invoice.id, note=f"not retried: {why}")
    return why


def _write(
    unit: UnitOfWork,
    running: AppliedConfiguration,
    integration: Integration,
    findings: Findings,
    lives: tuple[RecoveryCase, ...],
    now: Instant,
) -> None:
    """Case, ledger, transactions and the first journal lines, together."""
    invoice, last, decline = findings.invoice, findings.last, findings.decline
    own = opening.own_charges(findings)
    record_money.record_charges(unit, integration.id, [each for each in findings.charges if each not in own])
    record_money.record_charges(unit, integration.id, [*own, *([last] if last else [])], invoice=invoice.id)
    if last is not None and last.payment_intent:
        unit.transactions.link_invoice(invoice.account, last.payment_intent, invoice.id)
    chosen = findings.payment_method
    row = unit.cards.of_payment_method(invoice.account, chosen) if chosen is not None else None
    policy = running.configuration.policy_of(integration)
    under = Opening(integration=integration, policy=policy, revision=running.revision)
    case = opening.new_case(findings, under, row.charge if row else None, now, lives)
    declined_at = case.last_declined_at or now
    unit.cases.add(case)
    how = "Opened again" if lives else "Taken over" if findings.taken_over else "Opened"
    text = f"{how} for {case.amount.text()}: {decline.kind.value} decline ({decline.reason})"
    opened = {"amount": case.amount.text(), "window_until": case.window_until.text(), "revision": str(case.revision)}
    unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.OPENED, text=text, facts=opened))
    seen = {"kind": decline.kind.value, "reason": decline.reason, "evidence": "; ".join(decline.because)}
    words = f"Declined on {declined_at.short_text()}: {decline.because[0] if decline.because else decline.reason}"
    unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.DECLINE_SEEN, text=words, facts=seen))
