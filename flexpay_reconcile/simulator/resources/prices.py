"""Prices: a flat amount for each unit, once or in every period.

Facts: OpenAPI 2026-05-27.dahlia. `unit_amount_decimal` may hold fractions of the smallest unit, then `unit_amount` is
null. May not hold tiers or usage: they are refused as unknown.
"""

from __future__ import annotations

import re
from typing import Any

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.product_build import make_product
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

INTERVALS = ("day", "week", "month", "year")
TAX = ("exclusive", "inclusive", "unspecified")
DATA: Shape = {
    "currency!": "currency",
    "unit_amount": "int",
    "unit_amount_decimal": "string",
    "recurring": {"interval!": INTERVALS, "interval_count": "int"},
    "metadata": "map",
    "tax_behavior": TAX,
}
CREATE: Shape = {
    **DATA,
    "active": "bool",
    "billing_scheme": ("per_unit",),
    "lookup_key": "string",
    "nickname": "string",
    "product": "string",
    "product_data": {"name!": "string", "active": "bool", "id": "string", "metadata": "map", "unit_label": "string"},
    "transfer_lookup_key": "bool",
}
CREATE["recurring"] = {**DATA["recurring"], "usage_type": ("licensed",)}
UPDATE: Shape = {
    "active": "bool",
    "lookup_key": "string",
    "metadata": "map",
    "nickname": "string",
    "tax_behavior": TAX,
    "transfer_lookup_key": "bool",
}
LIST: Shape = {
    **PAGING,
    "active": "bool",
    "created": "range",
    "currency": "currency",
    "lookup_keys": "strings",
    "product": "string",
    "recurring": {"interval": INTERVALS, "usage_type": ("licensed", "metered")},
    "type": ("one_time", "recurring"),
}
_DECIMAL = re.compile(r"[0-9]{1,12}(\.[0-9]{1,12})?")
_YEARS = {"day": 1095, "week": 156, "month": 36, "year": 3}


def make_price(
    sim: Simulation,
    account: Account,
    *,
    product: str,
    amount: int | None,
    currency: str,
    interval: str | None,
    count: int = 1,
    nickname: str | None = None,
    metadata: dict[str, str] | None = None,
    **values: Any,
) -> Obj:
    """A new price in minor units; `interval` None: paid once. `values` are further fields."""
    recurring = {
        "interval": interval,
        "interval_count": count,
        "usage_type": "licensed",
        "trial_period_days": None,
        "meter": None,
    }
    price: Obj = {
        "id": sim.new_id(account, "price"),
        "object": "price",
        "active": True,
        "billing_scheme": "per_unit",
        "created": sim.now,
        "currency": currency.lower(),
        "custom_unit_amount": None,
        "livemode": account.livemode,
        "lookup_key": None,
        "metadata": metadata or {},
        "nickname": nickname,
        "product": product,
        "recurring": None if interval is None else recurring,
        "tax_behavior": "unspecified",
        "tiers_mode": None,
        "transform_quantity": None,
        "type": "one_time" if interval is None else "recurring",
        "unit_amount": amount,
        "unit_amount_decimal": str(amount),
        **values,
    }
    account.table("price").add(price)
    emit(sim, account, "price.created", price)
    return price


def amount_of(data: dict[str, Any], param: str = "") -> tuple[int | None, str]:
    """`unit_amount` (None where it is no whole number) and `unit_amount_decimal` of what a request gives."""
    name = f"{param}[unit_amount]" if param else "unit_amount"
    if ("unit_amount" in data) == ("unit_amount_decimal" in data):
        raise invalid("You must specify either `unit_amount` or `unit_amount_decimal`.", param=name)
    if "unit_amount" in data:
        if data["unit_amount"] < 0:
            raise invalid("Invalid non-negative integer", param=name, code="parameter_invalid_integer")
        return data["unit_amount"], str(data["unit_amount"])
    text = data["unit_amount_decimal"]
    if not _DECIMAL.fullmatch(text):
        raise invalid(f"Invalid decimal: {text[:40]}", param=f"{name}_decimal")
    whole, _, fraction = text.partition(".")
    fraction = fraction.rstrip("0")
    kept = f"{int(whole)}.{fraction}" if fraction else str(int(whole))
    return (None if fraction else int(whole)), kept


def make_from(
    sim: Simulation, account: Account, product: str, data: dict[str, Any], worth: tuple[int | None, str], **values: Any
) -> Obj:
    """The price a request describes; `worth` is what `amount_of` read of it."""
    recurring = data.get("recurring")
    count = 1 if recurring is None else recurring.get("interval_count", 1)
    if recurring is not None and not 1 <= count <= _YEARS[recurring["interval"]]:
        raise invalid("A billing interval is at most three years long.", param="recurring[interval_count]")
    if "tax_behavior" in data:
        values["tax_behavior"] = data["tax_behavior"]
    return make_price(
        sim,
        account,
        product=product,
        amount=worth[0],
        currency=data["currency"],
        interval=None if recurring is None else recurring["interval"],
        count=count,
        nickname=data.get("nickname"),
        metadata=merge_metadata({}, data.get("metadata") or {}),
        unit_amount_decimal=worth[1],
        **values,
    )


def create(call: Call) -> Obj:
    """POST /v1/prices"""
    params, sim, account = call.params, call.sim, call.account
    worth = amount_of(params)
    if ("product" in params) == ("product_data" in params):
        raise invalid(
            "You must specify either `product` or `product_data` when creating a price.",
            param="product",
            code="parameter_missing",
        )
    if "product" in params and account.find("product", params["product"]) is None:
        raise missing("product", params["product"], param="product", status=400)
    other = _holder(call, None)
    values = {name: params[name] for name in ("active", "lookup_key") if name in params}
    product = params.get("product") or _product(call, dict(params["product_data"]))
    price = make_from(sim, account, product, params, worth, **values)
    _take_over(call, other)
    return price


def _product(call: Call, data: dict[str, Any]) -> str:
    if "id" in data and call.account.find("product", data["id"]) is not None:
        raise not_allowed("Product already exists.", code="resource_already_exists", param="product_data[id]")
    name, metadata = data.pop("name"), merge_metadata({}, data.pop("metadata", {}))
    return str(make_product(call.sim, call.account, name, metadata, **data)["id"])


def _holder(call: Call, price: str | None) -> Obj | None:
    """Another price that has the lookup key a request gives; refused unless it is to be transferred."""
    key = call.params.get("lookup_key")
    if key is None:
        return None
    rows = call.account.table("price").rows.values()
    other = next((row for row in rows if row["lookup_key"] == key and row["id"] != price), None)
    if other is not None and not call.params.get("transfer_lookup_key"):
        raise _taken(key, other)
    return other


def _taken(key: str, other: Obj) -> Refusal:
    return not_allowed(f"A price (`{other['id']}`) already uses that lookup key: `{key}`.", param="lookup_key")


def _take_over(call: Call, other: Obj | None) -> None:
    if other is not None:
        change(call.sim, call.account, other, "price.updated", lookup_key=None)


def found(account: Account, id_: str) -> Obj:
    """The price, or 404."""
    price = account.find("price", id_)
    if price is None:
        raise missing("price", id_, param="price")
    return price


def update(call: Call, id_: str) -> Obj:
    """POST /v1/prices/{id}: everything but what it costs."""
    price, values = found(call.account, id_), dict(call.params)
    other = _holder(call, id_)
    values.pop("transfer_lookup_key", None)
    if "metadata" in values:
        values["metadata"] = merge_metadata(price["metadata"], values["metadata"])
    if (
        price["tax_behavior"] != "unspecified"
        and values.get("tax_behavior", price["tax_behavior"]) != price["tax_behavior"]
    ):
        raise not_allowed("The tax behavior of a price can't be changed once it is specified.", param="tax_behavior")
    _take_over(call, other)
    change(call.sim, call.account, price, "price.updated", **values)
    return price


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/prices/{id}"""
    return found(call.account, id_)


def listing(call: Call) -> Obj:
    """GET /v1/prices: active ones unless asked otherwise; filters created, currency, lookup_keys, product, type."""
    params = call.params
    wanted: dict[str, Any] = {name: params[name] for name in ("currency", "product", "type") if name in params}
    keys, recurring = params.get("lookup_keys"), params.get("recurring", {})
    active = params.get("active", True)

    def keep(row: Obj) -> bool:
        if row["active"] is not active or (keys is not None and row["lookup_key"] not in keys):
            return False
        if recurring and any((row["recurring"] or {}).get(name) != value for name, value in recurring.items()):
            return False
        return all(row[name] == value for name, value in wanted.items())

    return page(call, "price", "/v1/prices", keep=keep)


ROUTES: tuple[Route, ...] = (
    route("POST", "prices", create, "rak_plan_write", CREATE),
    route("GET", "prices", listing, "rak_plan_read", LIST),
    route("GET", "prices/*", retrieve, "rak_plan_read"),
    route("POST", "prices/*", update, "rak_plan_write", UPDATE),
)
