"""Transactions as the portal lists them. What came later never undoes what is final, in whatever order it arrives."""

from __future__ import annotations

import dataclasses

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.bodies import dump, load_all, load_one
from flexpay_reconcile.adapters.sqlite_store.session import Session
from flexpay_reconcile.billing.transaction import Transaction
from flexpay_reconcile.values.ids import AccountId, IntegrationId, InvoiceId
from flexpay_reconcile.values.instant import Instant

_SQL = queries.load("transactions")
_RANKS = {"succeeded": 1, "canceled": 2, "failed": 3}
"""How final a status is; 0 for the others. A refund may still fail after it succeeded, never the other way."""


class SqliteTransactions:
    """The transactions within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction of the database."""
        self._session = session

    def put(self, transaction: Transaction) -> None:
        """Insert or bring up to date by (account, id); an invoice once known stays; a final status never goes back."""
        wanted = {"account": transaction.account, "id": transaction.id}
        known = load_one(Transaction, self._session.one(_SQL["get"], wanted))
        merged = transaction if known is None else _merge(known, transaction)
        if merged.invoice is None and merged.payment_intent is not None:
            wanted = {"account": merged.account, "payment_intent": merged.payment_intent}
            merged = dataclasses.replace(merged, invoice=self._session.value(_SQL["linked_invoice"], wanted))
        if merged == known:
            return
        row = {
            "account": merged.account,
            "id": merged.id,
            "integration_id": merged.integration_id,
            "at": merged.at.ms,
            "payment_intent": merged.payment_intent,
            "invoice": merged.invoice,
            "body": dump(merged),
        }
        self._session.change(_SQL["put"], row)

    def link_invoice(self, account: AccountId, payment_intent: str, invoice: InvoiceId) -> None:
        """Fill in the invoice of the transactions of a PaymentIntent, of those to come too."""
        link = {"account": account, "payment_intent": payment_intent, "invoice": invoice}
        if self._session.change(_SQL["remember_link"], link) == 1:
            self._session.change(_SQL["fill_invoice"], link)

    def list(self, *, integration_id: IntegrationId | None = None, limit: int = 1000) -> tuple[Transaction, ...]:
        """Newest first."""
        if integration_id is None:
            return load_all(Transaction, self._session.all(_SQL["list_all"], {"limit": limit}))
        wanted = {"integration_id": integration_id, "limit": limit}
        return load_all(Transaction, self._session.all(_SQL["list_of"], wanted))

    def oldest_pending(self, integration_id: IntegrationId, account: AccountId, since: Instant) -> Instant | None:
        """When the oldest charge was made whose end is not known, of those not made before `since`."""
        wanted = {"integration_id": integration_id, "account": account, "since": since.ms}
        found = self._session.value(_SQL["oldest_pending"], wanted)
        return None if found is None else Instant(int(found))


def _merge(known: Transaction, new: Transaction) -> Transaction:
    """The later of the two by how final its status is, with what only the other one knows."""
    base, other = (new, known) if _RANKS.get(new.status, 0) >= _RANKS.get(known.status, 0) else (known, new)
    return dataclasses.replace(
        base,
        invoice=known.invoice or new.invoice,
        customer=base.customer or other.customer,
        payment_intent=base.payment_intent or other.payment_intent,
        decline_code=base.decline_code or other.decline_code,
    )
