"""Erases what the state keeps of a customer as a person: the name, the link to pay, the last digits of cards.

Stripe's ids, amounts, instants and the journal stay: the books and the audit need them, and they name nobody without
Stripe. Charges nothing and asks Stripe nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from flexpay_reconcile.ports.rows import LedgerRow
from flexpay_reconcile.ports.store import Store, UnitOfWork
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.values.ids import AccountId, CustomerId
from flexpay_reconcile.values.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """How many rows were changed, and how many cases of the customer there are."""

    cases: int
    charges: int
    known: int


def erase_customer(store: Store, customer: CustomerId) -> Erased:
    """All of it in one unit of work; a second run finds nothing. No daemon may hold the state meanwhile."""
    with store.begin() as unit:
        cases = [each for each in unit.cases.find(customer) if each.customer == customer]
        named = [each for each in cases if each.customer_name or each.hosted_invoice_url]
        for case in named:
            unit.cases.save(replace(case, customer_name=None, hosted_invoice_url=None))
        rows = [each for each in _charges(unit, cases) if each.charge.customer == customer and each.charge.last4]
        for row in rows:
            unit.cards.rewrite(replace(row, charge=replace(row.charge, last4=None)))
    return Erased(cases=len(named), charges=len(rows), known=len(cases))


def _charges(unit: UnitOfWork, cases: list[RecoveryCase]) -> list[LedgerRow]:
    """Charges of the cases' invoices, and the others on the same cards."""
    found: dict[tuple[AccountId, str], LedgerRow] = {}
    for case in cases:
        own = unit.cards.of_invoice(case.account, case.invoice)
        keys = {each.charge.card_key() for each in own} | ({case.card_key} if case.card_key else set())
        others = [each for key in sorted(keys) for each in unit.cards.of_card(case.account, key, Instant(0))]
        for row in (*own, *others):
            found[(row.charge.account, row.charge.id)] = row
    return list(found.values())
