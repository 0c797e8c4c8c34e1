"""Open a recovery case for a failed invoice: read what is needed, judge, write. Reads Stripe, writes only the store."""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.billing.charge import Charge, ChargeStatus, RefusalFacts
from flexpay_reconcile.billing.invoice import Customer, Invoice, InvoicePayment, payment_method_for
from flexpay_reconcile.config.integration import Integration, StopStripeRetries
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import Decline, DeclineKind
from flexpay_reconcile.operations import record_money
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.ports.billing_reader import BillingReader
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import eligibility
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.decide import NEW_CARD
from flexpay_reconcile.recovery.evidence import evidence_of
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.values.ids import CaseId, PaymentMethodId
from flexpay_reconcile.values.instant import Instant, Span

LEDGER_BACK = Span.of(days=30)
FOUND_LATE = Span.of(hours=24)


@dataclass(frozen=True, slots=True, kw_only=True)
class Findings:
    """All that was read for a new case."""

    invoice: Invoice
    customer: Customer
    charges: tuple[Charge, ...]
    last: Charge | None
    decline: Decline
    payment_method: PaymentMethodId | None
    taken_over: bool


def open_case(
    context: Context,
    running: AppliedConfiguration,
    integration: Integration,
    invoice: Invoice,
    *,
    taken_over: bool = False,
) -> str | None:
    """Open a case, or return why the invoice is only recorded. Idempotent: a live or ended case is never doubled.

    Window and delays of one that is `taken_over`, or found more than a day late, begin now.
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
    last = _last_charge(payments, charges)
    if last is not None and last.status is ChargeStatus.PENDING:
        return "payment_pending"
    chosen = payment_method_for(invoice, subscription, customer)
    decline = _first_decline(last, payments, chosen)
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
        if unit.cases.lives_of(invoice.account, invoice.id):
            return "already_known"
        _write(unit, running, integration, findings, context.clock.now())
    return None


def _not_eligible(context: Context, integration: Integration, invoice: Invoice, reader: BillingReader, why: str) -> str:
    """Record the declines of an invoice that is not ours to retry, with the reason beside them (G3, G12)."""
    if invoice.attempted and invoice.amount_remaining.is_positive():
        charges = [each.latest_charge for each in reader.payments_of(invoice.id) if each.latest_charge]
        with context.store.begin() as unit:
            record_money.record_charges(unit, integration.id, charges, invoice=invoice.id, note=f"not retried: {why}")
    return why


def _last_charge(payments: tuple[InvoicePayment, ...], charges: tuple[Charge, ...]) -> Charge | None:
    """The newest charge of the invoice's payments."""
    intents = {each.payment_intent for each in payments if each.payment_intent}
    candidates = {each.latest_charge.id: each.latest_charge for each in payments if each.latest_charge}
    candidates |= {each.id: each for each in charges if each.payment_intent in intents and each.id not in candidates}
    return max(candidates.values(), key=lambda each: (each.created, each.id), default=None)


def _first_decline(last: Charge | None, payments: tuple[InvoicePayment, ...], chosen: str | None) -> Decline:
    """The decline the case begins with; no evidence is classified too, and comes out unknown."""
    if last is not None and last.status is ChargeStatus.FAILED and last.refusal is not None:
        return classify(evidence_of(last.refusal, last))
    waiting = any(each.payment_intent_status == "requires_action" for each in payments)
    if waiting or (last is None and chosen is None):
        word = "authentication_required" if waiting else "no_payment_method"
        decline = classify(evidence_of(RefusalFacts(requires_action=True), None))
        return Decline(
            kind=DeclineKind.CUSTOMER,
            reason=word,
            advice=decline.advice,
            because=decline.because,
            edition=decline.edition,
            evidence=decline.evidence,
            blocked_by_stripe=False,
        )
    return classify(evidence_of(RefusalFacts(), None))


def _write(
    unit: UnitOfWork, running: AppliedConfiguration, integration: Integration, findings: Findings, now: Instant
) -> None:
    """Case, ledger, transactions and the first journal lines, together."""
    invoice, last, decline = findings.invoice, findings.last, findings.decline
    intents = {last.payment_intent} if last and last.payment_intent else set()
    own = [each for each in findings.charges if each.payment_intent in intents]
    record_money.record_charges(unit, integration.id, [each for each in findings.charges if each not in own])
    record_money.record_charges(unit, integration.id, [*own, *([last] if last else [])], invoice=invoice.id)
    for intent in intents:
        unit.transactions.link_invoice(invoice.account, str(intent), invoice.id)
    first = min((each.created for each in own), default=last.created if last else invoice.created)
    policy = running.configuration.policy_of(integration)
    start = now if findings.taken_over or now.since(first) > FOUND_LATE else first
    chosen = findings.payment_method
    same_card = last is not None and last.payment_method == chosen
    known = last if same_card else None
    row = None if same_card or chosen is None else unit.cards.of_payment_method(invoice.account, chosen)
    known = known or (row.charge if row else None)
    replaced = last is not None and chosen is not None and not same_card
    wait = None if replaced else decline.advice.wait_at_least
    declined_at = last.created if last else first
    case = RecoveryCase(
        id=CaseId(f"{invoice.account}/{invoice.id}/1"),
        life=1,
        account=invoice.account,
        livemode=invoice.livemode,
        integration_id=integration.id,
        revision=running.revision,
        invoice=invoice.id,
        subscription=invoice.subscription or findings.invoice.subscription,  # type: ignore[arg-type] # judged eligible
        customer=findings.customer.id,
        state=CaseState.OPENED,
        version=0,
        amount=invoice.amount_remaining,
        opened_at=now,
        first_declined_at=first,
        window_from=start,
        window_until=start.plus(policy.window),
        invoice_created_at=invoice.created,
        due_at=now,
        payment_method=chosen,
        card_key=known.card_key() if known else chosen,
        network=known.network if known else None,
        payment_method_type=known.payment_method_type if known else None,
        last_declined_at=declined_at,
        decline_kind=DeclineKind.SOFT if replaced else decline.kind,
        decline_reason=NEW_CARD if replaced else decline.reason,
        wait_until=declined_at.plus(wait) if wait else None,
        wait_because=decline.reason if wait else None,
        stripe_retries_stopped=_stopped(integration, invoice),
        auto_advance_before=invoice.auto_advance,
        hosted_invoice_url=invoice.hosted_invoice_url,
        customer_name=findings.customer.name,
    )
    unit.cases.add(case)
    how = "Taken over" if findings.taken_over else "Opened"
    text = f"{how} for {case.amount.text()}: {decline.kind.value} decline ({decline.reason})"
    opened = {"amount": case.amount.text(), "window_until": case.window_until.text(), "revision": str(case.revision)}
    unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.OPENED, text=text, facts=opened))
    seen = {"kind": decline.kind.value, "reason": decline.reason, "evidence": "; ".join(decline.because)}
    words = f"Declined on {declined_at.short_text()}: {decline.because[0] if decline.because else decline.reason}"
    unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.DECLINE_SEEN, text=words, facts=seen))


def _stopped(integration: Integration, invoice: Invoice) -> bool:
    """Whether nothing has to be stopped at Stripe before a retry may be planned."""
    if integration.smart_retries.stop_stripe_retries is StopStripeRetries.NO:
        return invoice.next_payment_attempt is None
    return not invoice.auto_advance
