"""Is money for an invoice already on its way? Then nothing may be charged, cancelled or given up meanwhile."""

from __future__ import annotations

from collections.abc import Iterable

from flexpay_reconcile.billing.charge import ChargeStatus
from flexpay_reconcile.billing.invoice import InvoicePayment

_MOVING = frozenset({"processing", "requires_capture"})
_SETTLED = "paid"


def on_its_way(payments: Iterable[InvoicePayment]) -> str | None:
    """Why to wait: a payment of the invoice is under way, or has succeeded and the invoice does not show it yet.

    A payment that Stripe has already counted (`status` paid) is a part payment, and no reason to wait.
    """
    for payment in payments:
        if payment.status == _SETTLED:
            continue
        charge = payment.latest_charge
        if payment.payment_intent_status in _MOVING or (charge is not None and charge.status is ChargeStatus.PENDING):
            return f"a payment of it is under way ({payment.payment_intent or payment.id})"
        if payment.payment_intent_status == "succeeded" or (
            charge is not None and charge.status is ChargeStatus.SUCCEEDED
        ):
            return f"a payment of it has succeeded and is not counted yet ({payment.payment_intent or payment.id})"
    return None
