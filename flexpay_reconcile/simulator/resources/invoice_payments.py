"""Invoice payments: which payment intent pays which invoice.

May not create or settle them: payment_intents does.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.state import Call, Obj

LIST: Shape = {
    **PAGING,
    "created": "range",
    "invoice": "string",
    "status": ("canceled", "open", "paid"),
    "payment": {"type!": ("payment_intent", "payment_record"), "payment_intent": "string", "payment_record": "string"},
}


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/invoice_payments/{id}"""
    found = call.account.find("invoice_payment", id_)
    if found is None:
        raise missing("invoice_payment", id_)
    return found


def listing(call: Call) -> Obj:
    """GET /v1/invoice_payments: filters invoice, payment[type], payment[payment_intent], status, created."""
    params = call.params
    payment = params.get("payment", {})
    status = params.get("status")
    table = call.account.table("invoice_payment")
    ids: list[str] | None = None
    if payment.get("type") == "payment_intent":
        intent = payment.get("payment_intent")
        if intent is not None:
            found = call.account.payment_of.get(intent)
            ids = [found] if found is not None else []
    elif payment:
        ids = []
    if payment.get("payment_intent") is not None and payment.get("type") != "payment_intent":
        raise invalid(
            "You may only specify `payment[payment_intent]` when `payment[type]` is `payment_intent`.",
            param="payment[payment_intent]",
        )
    if "invoice" in params:
        if call.account.find("invoice", params["invoice"]) is None:
            raise missing("invoice", params["invoice"], param="invoice", status=400)
        of_invoice = table.by("invoice", params["invoice"])
        ids = of_invoice if ids is None else [id_ for id_ in ids if id_ in of_invoice]
    return page(
        call,
        "invoice_payment",
        "/v1/invoice_payments",
        ids=ids,
        keep=lambda row: status is None or row["status"] == status,
    )


ROUTES: tuple[Route, ...] = (
    route("GET", "invoice_payments", listing, "rak_invoice_read", LIST),
    route("GET", "invoice_payments/*", retrieve, "rak_invoice_read"),
)
