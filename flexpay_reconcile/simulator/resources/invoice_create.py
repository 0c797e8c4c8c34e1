"""One-off invoices: drafts made by request, with the customer's pending items when asked for.

Facts: Stripe's OpenAPI document (`auto_advance` is false and pending items are left alone unless given). The currency
is that of the items, the customer or `usd` in this order [INFER]. May not finalise an invoice.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import finalisation, invoice_build, invoice_item_create, prorations
from flexpay_reconcile.simulator.resources.customers import not_attached, required
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.resources.invoices import (
    METHODS,
    check_finalizes_at,
    due_date,
    no_due_date,
    not_sent,
)
from flexpay_reconcile.simulator.state import Account, Call, Obj

CREATE: Shape = {
    "customer": "string",
    "subscription": "string",
    "currency": "currency",
    "auto_advance": "bool",
    "automatically_finalizes_at": "int",
    "collection_method": METHODS,
    "days_until_due": "int",
    "due_date": "int",
    "default_payment_method": "string",
    "description": "string",
    "footer": "string",
    "metadata": "map",
    "number": "string",
    "pending_invoice_items_behavior": ("exclude", "include"),
    "statement_descriptor": "string",
}
_TAKEN_OVER = ("description", "footer", "statement_descriptor", "default_payment_method")


def create(call: Call) -> Obj:
    """POST /v1/invoices: a draft for a customer, or for a subscription outside of its periods."""
    params, sim, account = call.params, call.sim, call.account
    subscription = _subscription(account, params)
    if subscription is None and "customer" not in params:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = required(account, params.get("customer") or subscription["customer"])  # type: ignore[index]
    inherited = "charge_automatically" if subscription is None else subscription["collection_method"]
    method: str = params.get("collection_method") or inherited
    due = _due(sim.now, params, method, subscription)
    default = params.get("default_payment_method")
    if default is not None:
        row = account.find("payment_method", default)
        if row is None or row["customer"] != customer["id"]:
            raise not_attached(default, "default_payment_method")
    advance = params.get("auto_advance", False)
    check_finalizes_at(sim, params.get("automatically_finalizes_at"), advance)
    items = _pending(account, customer["id"], params, subscription)
    currency = params.get("currency") or (items[0]["currency"] if items else customer["currency"]) or "usd"
    items = [item for item in items if item["currency"] == currency]
    if "number" in params and any(
        account.get("invoice", id_)["number"] == params["number"]
        for id_ in account.table("invoice").by("customer", customer["id"])
    ):
        raise not_allowed("An invoice with this number exists already.", param="number")
    invoice = invoice_build.make(
        sim,
        account,
        customer=customer,
        currency=currency,
        lines=[prorations.line(sim, account, item) for item in items],
        reason="manual",
        subscription=subscription,
        period=(sim.now, sim.now),
    )
    invoice.update(
        auto_advance=advance,
        collection_method=method,
        due_date=due,
        metadata=merge_metadata({}, params.get("metadata") or {}),
        number=params.get("number"),
        test_clock=customer["test_clock"],
        **{name: params[name] for name in _TAKEN_OVER if name in params},
    )
    for item in items:
        item["invoice"] = invoice["id"]
    if advance:
        finalisation.schedule(sim, account, invoice, params.get("automatically_finalizes_at"))
    emit(sim, account, "invoice.created", invoice)
    return invoice


def _subscription(account: Account, params: dict[str, Any]) -> Obj | None:
    id_ = params.get("subscription")
    if id_ is None:
        return None
    subscription = account.find("subscription", id_)
    if subscription is None:
        raise missing("subscription", id_, param="subscription", status=400)
    if params.get("customer", subscription["customer"]) != subscription["customer"]:
        raise invalid("The subscription belongs to another customer.", param="subscription")
    return subscription


def _due(now: int, params: dict[str, Any], method: str, subscription: Obj | None) -> int | None:
    days, due = params.get("days_until_due"), params.get("due_date")
    if days is not None and due is not None:
        raise invalid("You may only specify one of these parameters: days_until_due, due_date.", param="due_date")
    if method == "charge_automatically":
        if days is not None or due is not None:
            raise not_sent("days_until_due" if days is not None else "due_date")
        return None
    if due is not None:
        if due < now:
            raise invalid("due_date must be in the future.", param="due_date")
        return int(due)
    if days is None and subscription is not None:
        days = subscription["days_until_due"]
    if days is None:
        raise no_due_date()
    return due_date(now, days)


def _pending(account: Account, customer: str, params: dict[str, Any], subscription: Obj | None) -> list[Obj]:
    """The waiting items the draft takes in; with a subscription only those that are its own."""
    if params.get("pending_invoice_items_behavior") != "include" and subscription is None:
        return []
    table = account.table("invoiceitem")
    waiting = [table.rows[id_] for id_ in table.by("customer", customer) if table.rows[id_]["invoice"] is None]
    if subscription is None:
        return waiting
    own = [item for item in waiting if invoice_item_create.subscription_of(item) == subscription["id"]]
    if not own:
        raise not_allowed("Nothing to invoice for subscription", code="invoice_no_subscription_line_items")
    return own


ROUTES: tuple[Route, ...] = (route("POST", "invoices", create, "rak_invoice_write", CREATE),)
