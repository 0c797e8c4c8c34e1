"""Invoice items by request: made, changed, deleted, waiting for the next invoice or put on a draft.

Facts: Stripe's OpenAPI document. Which sentence refuses a finalised invoice is inferred. May not finalise an invoice.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import invoice_build
from flexpay_reconcile.simulator.resources.customers import required
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

_VALUES: Shape = {
    "amount": "int",
    "description": "string",
    "discountable": "bool",
    "metadata": "map",
    "period": {"start!": "int", "end!": "int"},
    "pricing": {"price": "string"},
    "quantity": "int",
    "unit_amount_decimal": "string",
}
CREATE: Shape = {**_VALUES, "customer": "string", "currency": "currency", "invoice": "string", "subscription": "string"}
UPDATE: Shape = _VALUES
_NOT_DRAFT = "This invoice is no longer editable. Invoice items can only be changed while their invoice is a draft."


def create(call: Call) -> Obj:
    """POST /v1/invoiceitems: with `invoice` it becomes a line of that draft, otherwise it waits."""
    params, sim, account = call.params, call.sim, call.account
    draft = _draft(account, params.get("invoice"))
    if draft is None and "customer" not in params:
        raise invalid("Missing required param: customer.", param="customer", code="parameter_missing")
    customer = required(account, params.get("customer") or draft["customer"])  # type: ignore[index]
    if draft is not None and draft["customer"] != customer["id"]:
        raise invalid("The invoice belongs to another customer.", param="invoice")
    subscription = _subscription(account, params.get("subscription"), customer["id"])
    price = _price(account, params)
    worth = _worth(params, price, 1)
    currency = params.get("currency") or (draft["currency"] if draft is not None else None)
    currency = currency or (price["currency"] if price is not None else customer["currency"]) or "usd"
    if draft is not None and draft["currency"] != currency:
        raise invalid("The currency of an invoice item is that of its invoice.", param="currency")
    discountable = params.get("discountable", worth["amount"] >= 0)
    item: Obj = {
        "id": sim.new_id(account, "ii"),
        "object": "invoiceitem",
        "currency": currency,
        "customer": customer["id"],
        "customer_account": None,
        "date": sim.now,
        "description": params.get("description"),
        "discountable": discountable,
        "discounts": [],
        "invoice": None if draft is None else draft["id"],
        "livemode": account.livemode,
        "metadata": merge_metadata({}, params.get("metadata") or {}),
        "parent": None
        if subscription is None
        else {
            "type": "subscription_details",
            "subscription_details": {"subscription": subscription["id"]},
        },
        "period": params.get("period", {"end": sim.now, "start": sim.now}),
        "proration": False,
        "tax_rates": [],
        "test_clock": customer["test_clock"],
        **worth,
    }
    account.table("invoiceitem").add(item)
    emit(sim, account, "invoiceitem.created", item)
    if draft is not None:
        _relined(sim, account, draft, [*draft["lines"]["data"], {**line(sim, account, item), "invoice": draft["id"]}])
    return item


def line(sim: Simulation, account: Account, item: Obj) -> Obj:
    """The line of an invoice that stands for an item."""
    made = invoice_build.line(
        sim,
        account,
        amount=item["amount"],
        currency=item["currency"],
        subscription=None,
        description=item["description"],
        start=item["period"]["start"],
        end=item["period"]["end"],
        quantity=item["quantity"],
    )
    details = {
        "invoice_item": item["id"],
        "proration": item["proration"],
        "proration_details": None,
        "subscription": subscription_of(item),
    }
    made["parent"] = {
        "invoice_item_details": details,
        "subscription_item_details": None,
        "type": "invoice_item_details",
    }
    made.update(discountable=item["discountable"], metadata=item["metadata"], pricing=item["pricing"])
    return made


def subscription_of(item: Obj) -> str | None:
    """The subscription an item is meant for."""
    return None if item["parent"] is None else str(item["parent"]["subscription_details"]["subscription"])


def _draft(account: Account, id_: str | None) -> Obj | None:
    if id_ is None:
        return None
    invoice = account.find("invoice", id_)
    if invoice is None:
        raise missing("invoice", id_, param="invoice", status=400)
    if invoice["status"] != "draft":
        raise not_allowed(_NOT_DRAFT, code="invoice_not_editable", param="invoice")
    return invoice


def _subscription(account: Account, id_: str | None, customer: str) -> Obj | None:
    if id_ is None:
        return None
    found = account.find("subscription", id_)
    if found is None or found["customer"] != customer:
        raise missing("subscription", id_, param="subscription", status=400)
    return found


def _price(account: Account, params: dict[str, Any]) -> Obj | None:
    id_ = params.get("pricing", {}).get("price")
    if id_ is None:
        return None
    found = account.find("price", id_)
    if found is None:
        raise missing("price", id_, param="pricing[price]", status=400)
    return found


def _worth(params: dict[str, Any], price: Obj | None, quantity: int) -> dict[str, Any]:
    """Amount, quantity and pricing: `amount` alone, or a price or unit amount by quantity."""
    quantity = params.get("quantity", quantity)
    if quantity < 0:
        raise invalid("Invalid non-negative integer", param="quantity", code="parameter_invalid_integer")
    unit: int | None = None
    if price is not None:
        unit = price["unit_amount"]
    elif "unit_amount_decimal" in params:
        if not params["unit_amount_decimal"].lstrip("-").isdigit():
            raise invalid("Invalid decimal: this simulator takes whole amounts.", param="unit_amount_decimal")
        unit = int(params["unit_amount_decimal"])
    if (unit is None) == ("amount" not in params):
        raise invalid("You must specify either `amount`, `unit_amount_decimal` or `pricing`.", param="amount")
    if unit is None and "quantity" in params:
        raise invalid("You may not specify `quantity` with `amount`.", param="quantity")
    if unit is None:
        return {"amount": params["amount"], "quantity": 1, "quantity_decimal": "1", "pricing": None}
    pricing: dict[str, Any] = {"type": "price_details", "unit_amount_decimal": str(unit)}
    if price is not None:
        pricing["price_details"] = {"price": price["id"], "product": price["product"]}
    return {
        "amount": unit * quantity,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "pricing": pricing,
    }


def _relined(sim: Simulation, account: Account, draft: Obj, rows: list[Obj]) -> None:
    """A draft with other lines: its sums follow."""
    total = sum(row["amount"] for row in rows)
    change(
        sim,
        account,
        draft,
        "invoice.updated",
        lines={**draft["lines"], "data": rows},
        subtotal=total,
        subtotal_excluding_tax=total,
        total=total,
        total_excluding_tax=total,
        amount_due=max(total, 0),
        amount_remaining=max(total, 0),
    )


def found(call: Call, id_: str) -> Obj:
    """The item, or 404."""
    item = call.account.find("invoiceitem", id_)
    if item is None:
        raise missing("invoiceitem", id_)
    return item


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/invoiceitems/{id}"""
    return found(call, id_)


def update(call: Call, id_: str) -> Obj:
    """POST /v1/invoiceitems/{id}: while it waits, or its invoice is a draft, whose line and sums follow."""
    sim, account, item = call.sim, call.account, found(call, id_)
    values = dict(call.params)
    draft = _draft(account, item["invoice"])
    if "metadata" in values:
        values["metadata"] = merge_metadata(item["metadata"], values["metadata"])
    price = _price(account, values)
    worth: dict[str, Any] = {}
    if {"amount", "quantity", "unit_amount_decimal", "pricing"} & set(values):
        names = ("amount", "quantity", "unit_amount_decimal")
        asked: dict[str, Any] = {name: values.pop(name) for name in names if name in values}
        if "quantity" in asked and price is None and "unit_amount_decimal" not in asked and item["pricing"] is not None:
            asked["unit_amount_decimal"] = item["pricing"]["unit_amount_decimal"]
        worth = _worth(asked, price, item["quantity"])
        values.pop("pricing", None)
    change(sim, account, item, None, **{**values, **worth})
    if draft is not None:
        rows = [_line_of(row) for row in draft["lines"]["data"]]
        kept = draft["lines"]["data"][rows.index(id_)]
        made = {**line(sim, account, item), "id": kept["id"], "invoice": draft["id"]}
        _relined(sim, account, draft, [made if row["id"] == kept["id"] else row for row in draft["lines"]["data"]])
    return item


def _line_of(row: Obj) -> str | None:
    """The item behind a line."""
    parent = row["parent"] or {}
    details = parent.get("invoice_item_details") or parent.get("subscription_item_details") or {}
    item = details.get("invoice_item")
    return None if item is None else str(item)


def delete(call: Call, id_: str) -> Obj:
    """DELETE /v1/invoiceitems/{id}: while it waits, or its invoice is a draft."""
    sim, account, item = call.sim, call.account, found(call, id_)
    draft = _draft(account, item["invoice"])
    table = account.table("invoiceitem")
    table.reindex({**item, "customer": None}, "customer", item["customer"])
    table.remove(id_)
    emit(sim, account, "invoiceitem.deleted", item)
    if draft is not None:
        _relined(sim, account, draft, [row for row in draft["lines"]["data"] if _line_of(row) != id_])
    return {"id": id_, "object": "invoiceitem", "deleted": True}


ROUTES: tuple[Route, ...] = (
    route("POST", "invoiceitems", create, "rak_invoice_write", CREATE),
    route("GET", "invoiceitems/*", retrieve, "rak_invoice_read"),
    route("POST", "invoiceitems/*", update, "rak_invoice_write", UPDATE),
    route("DELETE", "invoiceitems/*", delete, "rak_invoice_write"),
)
