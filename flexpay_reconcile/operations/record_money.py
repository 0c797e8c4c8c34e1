"""Inside one unit of work: write charges and refunds into card ledger and transactions. Calls nothing outside."""

from __future__ import annotations

from collections.abc import Iterable

from flexpay_reconcile.billing.charge import Charge, ChargeStatus
from flexpay_reconcile.billing.signal import RefundSeen
from flexpay_reconcile.billing.transaction import Transaction, TransactionKind
from flexpay_reconcile.declines.classify import classify
from flexpay_reconcile.declines.decline import Decline, DeclineKind
from flexpay_reconcile.ports.history_reader import Refund
from flexpay_reconcile.ports.rows import LedgerRow
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.evidence import evidence_of
from flexpay_reconcile.values.ids import IntegrationId, InvoiceId


def decline_of(charge: Charge) -> Decline | None:
    """The classified decline of a failed charge; None for one that did not fail."""
    if charge.status is not ChargeStatus.FAILED or charge.refusal is None:
        return None
    return classify(evidence_of(charge.refusal, charge))


def ledger_row(charge: Charge, invoice: InvoiceId | None = None, decline: Decline | None = None) -> LedgerRow:
    """A charge as ceilings and refusals count it."""
    decline = decline or decline_of(charge)
    return LedgerRow(
        charge=charge,
        kind=decline.kind if decline else None,
        reason=decline.reason if decline else None,
        never=decline is not None and (decline.advice.never or decline.kind is DeclineKind.HARD),
        reached_network=charge.reached_network(),
        invoice=invoice,
    )


def record_charges(
    unit: UnitOfWork,
    integration_id: IntegrationId,
    charges: Iterable[Charge],
    *,
    invoice: InvoiceId | None = None,
    note: str = "",
) -> int:
    """Put charges into the ledger and the transactions; returns how many the ledger did not know."""
    kept = tuple(charges)
    for charge in kept:
        unit.transactions.put(_transaction(integration_id, charge, invoice, note))
    return unit.cards.put(ledger_row(charge, invoice) for charge in kept)


def record_refund(unit: UnitOfWork, integration_id: IntegrationId, refund: RefundSeen) -> None:
    """Put a refund into the transactions; its status only ever moves forward there."""
    unit.transactions.put(
        Transaction(
            id=refund.id,
            kind=TransactionKind.REFUND,
            account=refund.event.account,
            integration_id=integration_id,
            order_id=refund.charge,
            amount=refund.amount,
            at=refund.at,
            status=refund.status,
            customer=refund.customer,
            payment_intent=refund.payment_intent,
        )
    )


def record_listed_refund(unit: UnitOfWork, integration_id: IntegrationId, refund: Refund) -> None:
    """The same for a refund that a list showed."""
    unit.transactions.put(
        Transaction(
            id=refund.id,
            kind=TransactionKind.REFUND,
            account=refund.account,
            integration_id=integration_id,
            order_id=refund.charge,
            amount=refund.amount,
            at=refund.at,
            status=refund.status,
            customer=refund.customer,
            payment_intent=refund.payment_intent,
        )
    )


def _transaction(integration_id: IntegrationId, charge: Charge, invoice: InvoiceId | None, note: str) -> Transaction:
    failed = charge.status is ChargeStatus.FAILED
    refusal = charge.refusal
    return Transaction(
        id=charge.id,
        kind=TransactionKind.DECLINE if failed else TransactionKind.APPROVAL,
        account=charge.account,
        integration_id=integration_id,
        order_id=charge.id,
        amount=charge.amount,
        at=charge.created,
        status=charge.status.value,
        customer=charge.customer,
        invoice=invoice,
        payment_intent=charge.payment_intent,
        decline_code=(refusal.decline_code or refusal.error_code) if failed and refusal else None,
        note=note,
    )
