"""Invoice items: credits and charges waiting for a customer's next invoice, or already on one.

May not finalise or collect an invoice.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import Call, Obj


def listing(call: Call) -> Obj:
    """GET /v1/invoiceitems: pending and invoiced credits of a customer."""
    customer = call.params.get("customer")
    ids = call.account.table("invoiceitem").by("customer", customer) if customer is not None else None
    return page(call, "invoiceitem", "/v1/invoiceitems", ids=ids)


ROUTES: tuple[Route, ...] = (
    route("GET", "invoiceitems", listing, "rak_invoice_read", {**PAGING, "customer": "string"}),
)
