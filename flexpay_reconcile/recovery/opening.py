"""The case an unpaid invoice begins with: its first decline, its window, its card. Pure; reads and writes nothing.

The engine opens cases with `new_case` and the forecast tells with it what an opening would lead to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
RELEASED_WITH_ALL = "integration_released"
"""Why a case was let go of with its integration: when that is enabled again, the invoice may get another life."""


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


def may_open(lives: Sequence[RecoveryCase]) -> bool:
    """Whether an invoice with these cases, oldest first, may get one more: it had none, or its integration let go."""
    return not lives or (lives[-1].state is CaseState.RELEASED and lives[-1].closed_because == RELEASED_WITH_ALL)


def first_failure(findings: Findings) -> Instant:
    """When the invoice first failed, as far as it was read."""
    last = findings.last
    fallback = last.created if last else findings.invoice.created
    return min((each.created for each in own_charges(findings)), default=fallback)


def own_charges(findings: Findings) -> list[Charge]:
    """The charges of the invoice's last payment, among those of its customer."""
    last = findings.last
    intents = {last.payment_intent} if last and last.payment_intent else set()
    return [each for each in findings.charges if each.payment_intent in intents]


def new_case(
    findings: Findings, opening: Opening, known: Charge | None, now: Instant, lives: Sequence[RecoveryCase] = ()
) -> RecoveryCase:
    """The case as it is opened at `now`. `known`: a charge by which the chosen card is known, where it is.

    `lives`: the cases the invoice had before; a later life begins now, and spacing counts from the last attempt (A12).
    """
    life = 1 + max((each.life for each in lives), default=0)
    invoice, last, decline, chosen = findings.invoice, findings.last, findings.decline, findings.payment_method
    first = first_failure(findings)
    start = now if lives or findings.taken_over or now.since(first) > FOUND_LATE else first
    same_card = last is not None and last.payment_method == chosen
    known = last if same_card else known
    replaced = last is not None and chosen is not None and not same_card
    wait = None if replaced else decline.advice.wait_at_least
    declined_at = last.created if last else first
    return RecoveryCase(
        id=CaseId(f"{invoice.account}/{invoice.id}/{life}"),
        life=life,
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
        last_attempt_at=lives[-1].last_attempt_at if lives else None,
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
