"""Is money for an invoice already on its way? Then nothing may be charged, cancelled or given up meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

from flexpay_reconcile.billing.charge import Charge, ChargeStatus
from flexpay_reconcile.billing.invoice import Invoice, InvoicePayment

_MOVING = frozenset({"processing", "requires_capture"})
_SETTLED = "paid"


def on_its_way(invoice: Invoice, payments: Iterable[InvoicePayment], own: Charge | None = None) -> str | None:
    """Why to wait: a payment of the invoice is under way, or has succeeded and the invoice does not show it yet.

    A payment that Stripe calls paid is a part payment, and no reason to wait, as far as the invoice's own amount paid
    covers it. `own` is a charge known to be an attempt of ours, whether the payments show it or not.
    """
    settled: dict[str, Charge] = {}
    for payment in payments:
        charge = payment.latest_charge
        if payment.status == _SETTLED:
            if charge is not None:
                settled[charge.id] = charge
            continue
        if payment.payment_intent_status in _MOVING or (charge is not None and charge.status is ChargeStatus.PENDING):
            return f"a payment of it is under way ({payment.payment_intent or payment.id})"
        if payment.payment_intent_status == "succeeded" or (
            charge is not None and charge.status is ChargeStatus.SUCCEEDED
        ):
            return f"a payment of it has succeeded and is not counted yet ({payment.payment_intent or payment.id})"
    if own is not None:
        if own.status is ChargeStatus.PENDING:
            return f"our own payment of it is under way ({own.id})"
        settled[own.id] = own
    return _not_counted(invoice, settled.values())


def _not_counted(invoice: Invoice, settled: Iterable[Charge]) -> str | None:
    """More has been taken than the invoice says was paid: its read is behind."""
    paid = invoice.amount_paid
    took = [each for each in settled if each.status is ChargeStatus.SUCCEEDED and each.amount.currency == paid.currency]
    if sum(each.amount.amount_minor for each in took) <= paid.amount_minor:
        return None
    return f"a payment of it has succeeded and is not counted yet ({', '.join(each.id for each in took)})"
