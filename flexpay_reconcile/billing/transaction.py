"""A transaction as the portal lists it: an approval, a decline or a refund. Projected from charges; decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.values.ids import AccountId, ChargeId, CustomerId, IntegrationId, InvoiceId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money


class TransactionKind(StrEnum):
    """What a transaction is."""

    APPROVAL = "approval"
    """Money was taken."""
    DECLINE = "decline"
    """Money was refused."""
    REFUND = "refund"
    """Money went back."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Transaction:
    """One row. `id` is the charge's or the refund's id; `order_id` is the charge id (the guide's order id)."""

    id: str
    kind: TransactionKind
    account: AccountId
    integration_id: IntegrationId
    order_id: ChargeId
    amount: Money
    at: Instant
    status: str
    customer: CustomerId | None = None
    invoice: InvoiceId | None = None
    payment_intent: str | None = None
    decline_code: str | None = None
    note: str = ""
