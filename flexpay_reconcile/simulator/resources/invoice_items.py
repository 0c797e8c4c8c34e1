"""The list of invoice items: credits and charges waiting for a customer's next invoice, or already on one.

May not finalise or collect an invoice.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, in_range
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.state import Call, Obj

LIST: Shape = {**PAGING, "created": "range", "customer": "string", "invoice": "string", "pending": "bool"}


def listing(call: Call) -> Obj:
    """GET /v1/invoiceitems: filters customer, invoice, pending (on no invoice yet), created (their `date`)."""
    params = dict(call.params)
    created, customer = params.pop("created", None), params.get("customer")
    invoice, pending = params.get("invoice"), params.get("pending")
    ids = call.account.table("invoiceitem").by("customer", customer) if customer is not None else None

    def keep(row: Obj) -> bool:
        if pending is not None and (row["invoice"] is None) is not pending:
            return False
        return (invoice is None or row["invoice"] == invoice) and in_range(row["date"], created)

    inner = Call(call.sim, call.account, call.key, params)
    return page(inner, "invoiceitem", "/v1/invoiceitems", ids=ids, keep=keep)


ROUTES: tuple[Route, ...] = (route("GET", "invoiceitems", listing, "rak_invoice_read", LIST),)
