"""Deleting a customer: the subscriptions end at once, the cards are let go, and only a stub is left to be read.

Facts: OpenAPI 2026-05-27.dahlia (`DELETE /v1/customers/{customer}`, `deleted_customer`). Inferred: that drafts are no
longer finalised by themselves, that detaching is not reported, and which reason the cancelled subscriptions show.
May not delete invoices or charges: they stay as they are.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol.refusals import missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import detachment, renewals, standing
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation


def delete(call: Call, id_: str) -> Obj:
    """DELETE /v1/customers/{id}"""
    customer = call.account.find("customer", id_)
    if customer is None:
        raise missing("customer", id_)
    remove(call.sim, call.account, customer)
    return {"id": id_, "object": "customer", "deleted": True}


def remove(sim: Simulation, account: Account, customer: Obj) -> None:
    """End and let go of what is the customer's, then report the deletion. What is asked for later is not found."""
    id_ = customer["id"]
    subscriptions = account.table("subscription")
    for each in list(subscriptions.by("customer", id_)):
        row = subscriptions.rows[each]
        if row["status"] in (*standing.LIVING, "paused"):
            renewals.end(sim, account, row, reason="cancellation_requested")
    methods = account.table("payment_method")
    for each in list(methods.by("customer", id_)):
        detachment.let_go(sim, account, methods.rows[each], report=False)
    invoices = account.table("invoice")
    for each in invoices.by("customer", id_):
        if invoices.rows[each]["status"] in ("draft", "open"):
            change(
                sim,
                account,
                invoices.rows[each],
                None,
                auto_advance=False,
                default_payment_method=None,
                next_payment_attempt=None,
                automatically_finalizes_at=None,
            )
    customer["invoice_settings"] = {**customer["invoice_settings"], "default_payment_method": None}
    emit(sim, account, "customer.deleted", customer)
    customer["deleted"] = True


ROUTES: tuple[Route, ...] = (route("DELETE", "customers/*", delete, "rak_customer_write"),)
