"""Letting a payment method go: it is nobody's any more, and nothing names it as what is to be charged.

Facts: OpenAPI 2026-05-27.dahlia (detach: "it can no longer be used for a payment or re-attached"). Inferred: that the
defaults of invoices and the open intents that name it are cleared with it, without events of their own. May not charge.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

_UNTRIED = ("requires_payment_method", "requires_confirmation", "requires_action")


def let_go(sim: Simulation, account: Account, method: Obj, *, report: bool) -> None:
    """Take a method from its customer and from wherever it was the default; `report` says whether events tell of it."""
    id_, customer = method["id"], method["customer"]
    method["customer"] = None
    account.table("payment_method").reindex(method, "customer", customer)
    account.payments.used.add(id_)
    if report:
        emit(sim, account, "payment_method.detached", method, {"customer": customer})
    owner = account.get("customer", customer)
    if owner["invoice_settings"]["default_payment_method"] == id_:
        settings = {**owner["invoice_settings"], "default_payment_method": None}
        change(sim, account, owner, "customer.updated" if report else None, invoice_settings=settings)
    for row in _of(account, "subscription", customer):
        if row["default_payment_method"] == id_:
            type_ = "customer.subscription.updated" if report else None
            change(sim, account, row, type_, default_payment_method=None)
    for row in _of(account, "invoice", customer):
        if row["default_payment_method"] == id_ and row["status"] in ("draft", "open", "uncollectible"):
            change(sim, account, row, None, default_payment_method=None)
    for row in _of(account, "payment_intent", customer):
        if row["payment_method"] == id_ and row["status"] in _UNTRIED:
            change(sim, account, row, None, payment_method=None, status="requires_payment_method", next_action=None)


def _of(account: Account, kind: str, customer: str) -> list[Obj]:
    table = account.table(kind)
    return [table.rows[id_] for id_ in table.by("customer", customer)]
