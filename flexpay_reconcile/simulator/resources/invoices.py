"""Invoices: what can be read of them, how they are changed while they live, and how a draft is deleted.

Messages as Stripe's (docs: workflow-transitions). `invoice_moves` leads from one status to the next, `invoice_create`
makes drafts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, in_range, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import finalisation, payment_intents, settlement
from flexpay_reconcile.simulator.resources.customers import not_attached
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.settings import DAY
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

STATUSES = ("draft", "open", "paid", "uncollectible", "void")
METHODS = ("charge_automatically", "send_invoice")
LIST: Shape = {
    **PAGING,
    "created": "range",
    "customer": "string",
    "subscription": "string",
    "status": STATUSES,
    "collection_method": METHODS,
    "due_date": "range",
    "customer_account": "string",
}
UPDATE: Shape = {
    "metadata": "map",
    "auto_advance": "bool",
    "automatically_finalizes_at": "int",
    "collection_method": METHODS,
    "days_until_due": "int",
    "due_date": "int",
    "default_payment_method": "string?",
    "description": "string?",
    "footer": "string?",
}
_LINES: Shape = PAGING
_DRAFT_ONLY = ("description", "footer", "collection_method", "days_until_due", "due_date", "automatically_finalizes_at")


def found(call: Call, id_: str) -> Obj:
    """The invoice, or 404."""
    invoice = call.account.find("invoice", id_)
    if invoice is None:
        raise missing("invoice", id_, param="invoice")
    return invoice


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/invoices/{id}"""
    return found(call, id_)


def listing(call: Call) -> Obj:
    """GET /v1/invoices: filters customer, subscription, status, collection_method, created, due_date."""
    params = call.params
    customer, subscription = params.get("customer"), params.get("subscription")
    ids: list[str] | None = None
    if customer is not None:
        if call.account.find("customer", customer) is None:
            raise missing("customer", customer, param="customer", status=400)
        ids = call.account.table("invoice").by("customer", customer)
    if subscription is not None:
        if call.account.find("subscription", subscription) is None:
            raise missing("subscription", subscription, param="subscription", status=400)
        of_subscription = call.account.invoices_of.get(subscription, [])
        ids = of_subscription if ids is None else [id_ for id_ in of_subscription if id_ in ids]
    if "customer_account" in params:
        ids = []  # no customer here has one
    return page(call, "invoice", "/v1/invoices", ids=ids, keep=_filter(params))


def _filter(params: dict[str, Any]) -> Callable[[Obj], bool] | None:
    """What a row must have; an invoice without a due date is in no range of due dates."""
    status, method, due = params.get("status"), params.get("collection_method"), params.get("due_date")
    if method is None and due is None:
        return None if status is None else lambda row: bool(row["status"] == status)

    def keep(row: Obj) -> bool:
        if status is not None and row["status"] != status:
            return False
        if method is not None and row["collection_method"] != method:
            return False
        return due is None or (row["due_date"] is not None and in_range(row["due_date"], due))

    return keep


def lines(call: Call, id_: str) -> Obj:
    """GET /v1/invoices/{id}/lines: in the invoice's own order."""
    invoice, params = found(call, id_), call.params
    rows: list[Obj] = invoice["lines"]["data"]
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid(
            "This value must be between 1 and 100 (inclusive).", param="limit", code="parameter_invalid_integer"
        )
    if "starting_after" in params and "ending_before" in params:
        raise invalid("Received both starting_after and ending_before parameters. Please pass in only one.")
    start, end = 0, len(rows)
    if "starting_after" in params:
        start = _place(rows, params["starting_after"], "starting_after") + 1
    if "ending_before" in params:
        end = _place(rows, params["ending_before"], "ending_before")
        start = max(0, end - limit)
    shown = rows[start : min(start + limit, end)]
    more = start > 0 if "ending_before" in params else start + limit < end
    return {"object": "list", "data": shown, "has_more": more, "url": f"/v1/invoices/{id_}/lines"}


def _place(rows: list[Obj], id_: str, param: str) -> int:
    for number, row in enumerate(rows):
        if row["id"] == id_:
            return number
    raise missing("line_item", id_, param=param, status=400)


def update(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}: metadata, auto_advance and the payment method always, the rest only while a draft."""
    sim, account, invoice = call.sim, call.account, found(call, id_)
    values = dict(call.params)
    if "metadata" in values:
        values["metadata"] = merge_metadata(invoice["metadata"], values["metadata"])
    for name in ("description", "footer", "default_payment_method"):
        if values.get(name) == "":
            values[name] = None
    if invoice["status"] != "draft" and any(name in values for name in _DRAFT_ONLY):
        raise not_allowed("Finalized invoices can't be updated in this way")
    _check_due(values, values.get("collection_method") or invoice["collection_method"], invoice)
    if values.get("auto_advance") and invoice["status"] in ("paid", "void", "uncollectible"):
        raise not_allowed(
            f"You can't set auto_advance on an invoice that is {invoice['status']}.", param="auto_advance"
        )
    method = values.get("default_payment_method")
    if method is not None:
        row = account.find("payment_method", method)
        if row is None or row["customer"] != invoice["customer"]:
            raise not_attached(method, "default_payment_method")
    at = values.pop("automatically_finalizes_at", None)
    check_finalizes_at(sim, at, bool(values.get("auto_advance", invoice["auto_advance"])))
    if values.get("auto_advance") is False:
        values["next_payment_attempt"] = values["automatically_finalizes_at"] = None
    started = values.get("auto_advance") is True and not invoice["auto_advance"]
    change(sim, account, invoice, "invoice.updated", **_advanced(sim, account, invoice, values, at, started))
    return invoice


def _advanced(
    sim: Simulation, account: Account, invoice: Obj, values: Obj, at: int | None, started: bool
) -> dict[str, Any]:
    """The values of an update with what they mean for Stripe's own collection, planned in the agenda."""
    wanted = {**invoice, **values}
    if invoice["status"] == "draft" and (at is not None or started):
        finalisation.schedule(sim, account, wanted, at)
    elif started and invoice["status"] == "open":
        finalisation.collect_soon(sim, account, wanted)
    elif invoice["status"] == "draft" and "collection_method" in values:
        charged = values["collection_method"] == "charge_automatically"
        wanted["next_payment_attempt"] = wanted["automatically_finalizes_at"] if charged else None
    for name in ("automatically_finalizes_at", "next_payment_attempt"):
        if wanted[name] != invoice[name]:
            values[name] = wanted[name]
    return values


def check_finalizes_at(sim: Simulation, at: int | None, auto_advance: bool) -> None:
    """`automatically_finalizes_at` is an instant to come, and wants `auto_advance` (sentences inferred)."""
    if at is None:
        return
    if not auto_advance:
        raise invalid(
            "You can only set automatically_finalizes_at with auto_advance.", param="automatically_finalizes_at"
        )
    if at <= sim.now:
        raise invalid("automatically_finalizes_at must be in the future.", param="automatically_finalizes_at")


def _check_due(values: dict[str, Any], method: str, invoice: Obj) -> None:
    """Turn `days_until_due` into a due date, and refuse due dates where nothing is sent."""
    days = values.pop("days_until_due", None)
    if days is not None:
        values["due_date"] = due_date(invoice["created"], days)
    if method == "charge_automatically":
        if values.get("due_date") is not None:
            raise not_sent("days_until_due" if days is not None else "due_date")
        if invoice["due_date"] is not None:
            values["due_date"] = None
    elif values.get("due_date", invoice["due_date"]) is None:
        raise no_due_date()


def due_date(created: int, days: int) -> int:
    """The due date of an invoice that is due some days after its creation."""
    if days < 0:
        raise invalid("Invalid non-negative integer", param="days_until_due", code="parameter_invalid_integer")
    return created + days * DAY


def not_sent(param: str) -> Exception:
    """A due date belongs to send_invoice alone."""
    return invalid(f"You can only specify `{param}` if `collection_method` is `send_invoice`.", param=param)


def no_due_date() -> Exception:
    """What is sent has a due date (sentence inferred)."""
    return invalid(
        "If invoice collection method is 'send_invoice', you must specify 'days_until_due' or 'due_date'.",
        param="days_until_due",
    )


def delete(call: Call, id_: str) -> Obj:
    """DELETE /v1/invoices/{id}: drafts that bill no subscription; their items wait again."""
    sim, account, invoice = call.sim, call.account, found(call, id_)
    if invoice["status"] != "draft":
        raise not_allowed("You can only delete draft invoices.", code="invoice_not_editable")
    if invoice["parent"] is not None:
        raise not_allowed("You can't delete invoices created by subscriptions.", code="invoice_not_editable")
    table = account.table("invoiceitem")
    for item_id in table.by("customer", invoice["customer"]):
        if table.rows[item_id]["invoice"] == id_:
            table.rows[item_id]["invoice"] = None
    rows = account.table("invoice")
    rows.reindex({**invoice, "customer": None}, "customer", invoice["customer"])
    rows.remove(id_)
    emit(sim, account, "invoice.deleted", invoice)
    return {"id": id_, "object": "invoice", "deleted": True}


def settle_out_of_band(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Paid outside Stripe: no charge, the payment intent is cancelled."""
    payment_intents.cancel(sim, account, invoice["id"], "automatic")
    settlement.settle(sim, account, invoice, intent=None)


ROUTES: tuple[Route, ...] = (
    route("GET", "invoices", listing, "rak_invoice_read", LIST),
    route("GET", "invoices/*", retrieve, "rak_invoice_read"),
    route("GET", "invoices/*/lines", lines, "rak_invoice_read", _LINES),
    route("POST", "invoices/*", update, "rak_invoice_write", UPDATE),
    route("DELETE", "invoices/*", delete, "rak_invoice_write"),
)
