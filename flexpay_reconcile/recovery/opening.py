"""The case an unpaid invoice begins with: its first decline, its window, its card. Pure; reads and writes nothing.

The engine opens cases with `new_case` and the forecast tells with it what an opening would lead to.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from flexpay_reconcile.billing.charge import Charge, ChargeStatus, RefusalFacts
from flexpay_reconcile.billing.invoice import Customer, Invoice, InvoicePayment
from flexpay_reconcile.config.integration import Integration, StopStripeRetries
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import Decline, DeclineKind
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.decide import NEW_CARD
from flexpay_reconcile.recovery.evidence import evidence_of
from flexpay_reconcile.values.ids import CaseId, PaymentMethodId
from flexpay_reconcile.values.instant import Instant, Span

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Opening:
    """What a case is opened under: the integration, its policy, and their revision."""

    integration: Integration
    policy: RetryPolicy
    revision: int


def own_charges(findings: Findings) -> list[Charge]:
    """The charges of the invoice's last payment, among those of its customer."""
    last = findings.last
    intents = {last.payment_intent} if last and last.payment_intent else set()
    return [each for each in findings.charges if each.payment_intent in intents]


def new_case(findings: Findings, opening: Opening, known: Charge | None, now: Instant) -> RecoveryCase:
    """The case as it is opened at `now`. `known`: a charge by which the chosen card is known, where it is."""
    invoice, last, decline, chosen = findings.invoice, findings.last, findings.decline, findings.payment_method
    own = own_charges(findings)
    first = min((each.created for each in own), default=last.created if last else invoice.created)
    start = now if findings.taken_over or now.since(first) > FOUND_LATE else first
    same_card = last is not None and last.payment_method == chosen
    known = last if same_card else known
    replaced = last is not None and chosen is not None and not same_card
    wait = None if replaced else decline.advice.wait_at_least
    declined_at = last.created if last else first
    return RecoveryCase(
        id=CaseId(f"{invoice.account}/{invoice.id}/1"),
        life=1,
        account=invoice.account,
        livemode=invoice.livemode,
        integration_id=opening.integration.id,
        revision=opening.revision,
        invoice=invoice.id,
        subscription=invoice.subscription,  # type: ignore[arg-type] # judged eligible
        customer=findings.customer.id,
        state=CaseState.OPENED,
        version=0,
        amount=invoice.amount_remaining,
        opened_at=now,
        first_declined_at=first,
        window_from=start,
        window_until=start.plus(opening.policy.window),
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
        stripe_retries_stopped=_stopped(opening.integration, invoice),
        auto_advance_before=invoice.auto_advance,
        hosted_invoice_url=invoice.hosted_invoice_url,
        customer_name=findings.customer.name,
    )


def last_charge(payments: Iterable[InvoicePayment], charges: Iterable[Charge]) -> Charge | None:
    """The newest charge of the invoice's payments."""
    payments = tuple(payments)
    intents = {each.payment_intent for each in payments if each.payment_intent}
    candidates = {each.latest_charge.id: each.latest_charge for each in payments if each.latest_charge}
    candidates |= {each.id: each for each in charges if each.payment_intent in intents and each.id not in candidates}
    return max(candidates.values(), key=lambda each: (each.created, each.id), default=None)


def first_decline(last: Charge | None, payments: tuple[InvoicePayment, ...], chosen: str | None) -> Decline:
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


def _stopped(integration: Integration, invoice: Invoice) -> bool:
    """Whether nothing has to be stopped at Stripe before a retry may be planned."""
    if integration.smart_retries.stop_stripe_retries is StopStripeRetries.NO:
        return invoice.next_payment_attempt is None
    return not invoice.auto_advance
