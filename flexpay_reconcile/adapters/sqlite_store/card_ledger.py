"""The card ledger: every charge seen, ours or not. Counts no ceiling; `recovery.limits` does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from typing import Any

from flexpay_reconcile.adapters.sqlite_store import queries
from flexpay_reconcile.adapters.sqlite_store.bodies import dump, load_all, load_one
from flexpay_reconcile.adapters.sqlite_store.session import Session
from flexpay_reconcile.billing.charge import ChargeStatus
from flexpay_reconcile.ports.rows import LedgerRow
from flexpay_reconcile.values.ids import AccountId, InvoiceId
from flexpay_reconcile.values.instant import Instant

_SQL = queries.load("cards")


class SqliteCardLedger:
    """The card ledger within one unit of work."""

    def __init__(self, session: Session) -> None:
        """Bound to one transaction."""
        self._session = session

    def put(self, rows: Iterable[LedgerRow]) -> int:
        """Insert charges not yet known by (account, charge id); returns how many were new.

        A known row's invoice is filled in, and a row known as pending takes the charge's end.
        """
        new = 0
        for row in rows:
            if self._session.change(_SQL["add"], _columns(row)) == 1:
                new += 1
            else:
                self._bring_up_to_date(row)
        return new

    def of_card(self, account: AccountId, card_key: str, since: Instant) -> tuple[LedgerRow, ...]:
        """Charges on a card created after `since`, oldest first; plus every row with `never`, however old."""
        wanted = {"account": account, "card_key": card_key, "since": since.ms}
        return load_all(LedgerRow, self._session.all(_SQL["of_card"], wanted))

    def of_payment_method(self, account: AccountId, payment_method: str) -> LedgerRow | None:
        """The newest charge made with a payment method."""
        wanted = {"account": account, "payment_method": payment_method}
        return load_one(LedgerRow, self._session.one(_SQL["of_payment_method"], wanted))

    def of_invoice(self, account: AccountId, invoice: InvoiceId) -> tuple[LedgerRow, ...]:
        """Charges known to be for an invoice, oldest first."""
        return load_all(LedgerRow, self._session.all(_SQL["of_invoice"], {"account": account, "invoice": invoice}))

    def rewrite(self, row: LedgerRow) -> None:
        """Write a known row back."""
        self._session.change(_SQL["replace"], _columns(row))

    def _bring_up_to_date(self, row: LedgerRow) -> None:
        wanted = {"account": row.charge.account, "charge": row.charge.id}
        known = load_one(LedgerRow, self._session.one(_SQL["get"], wanted))
        if known is None or known == row:
            return
        ended = known.charge.status is ChargeStatus.PENDING and row.charge.status is not ChargeStatus.PENDING
        merged = dataclasses.replace(row if ended else known, invoice=known.invoice or row.invoice)
        if merged != known:
            self._session.change(_SQL["replace"], _columns(merged))


def _columns(row: LedgerRow) -> dict[str, Any]:
    charge = row.charge
    return {
        "account": charge.account,
        "charge": charge.id,
        "card_key": charge.card_key(),
        "payment_method": charge.payment_method,
        "invoice": row.invoice,
        "created": charge.created.ms,
        "status": charge.status.value,
        "never": 1 if row.never else 0,
        "body": dump(row),
    }
