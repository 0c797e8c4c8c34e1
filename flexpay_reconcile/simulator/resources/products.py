"""Products: what is sold. Prices have a module of their own.

May not hold images' contents, packages or tax.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import prices
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.prices import INTERVALS, make_price
from flexpay_reconcile.simulator.resources.product_build import make_product
from flexpay_reconcile.simulator.state import Account, Call, Obj

__all__ = ["INTERVALS", "ROUTES", "make_price", "make_product"]

_FIELDS: Shape = {
    "active": "bool",
    "images": "strings",
    "metadata": "map",
    "shippable": "bool",
}
_CLEARED = ("description", "unit_label", "url")
CREATE: Shape = {
    "name!": "string",
    "id": "string",
    "default_price_data": prices.DATA,
    "statement_descriptor": "string",
    **dict.fromkeys(_CLEARED, "string"),
    **_FIELDS,
}
UPDATE: Shape = {
    "name": "string",
    "default_price": "string",
    "statement_descriptor": "string",
    **dict.fromkeys(_CLEARED, "string?"),
    **_FIELDS,
}
LIST: Shape = {**PAGING, "active": "bool", "created": "range", "ids": "strings", "shippable": "bool", "url": "string"}


def create(call: Call) -> Obj:
    """POST /v1/products"""
    params, sim, account = dict(call.params), call.sim, call.account
    data = params.pop("default_price_data", None)
    worth = prices.amount_of(data, "default_price_data") if data is not None else None
    if "id" in params and account.find("product", params["id"]) is not None:
        raise not_allowed("Product already exists.", code="resource_already_exists", param="id")
    name = params.pop("name")
    metadata = merge_metadata({}, params.pop("metadata", {}))
    product = make_product(sim, account, name, metadata, **params)
    if data is not None and worth is not None:
        price = prices.make_from(sim, account, product["id"], data, worth)
        product["default_price"] = price["id"]
    return product


def found(account: Account, id_: str) -> Obj:
    """The product, or 404."""
    product = account.find("product", id_)
    if product is None:
        raise missing("product", id_)
    return product


def update(call: Call, id_: str) -> Obj:
    """POST /v1/products/{id}"""
    product, values = found(call.account, id_), dict(call.params)
    if "metadata" in values:
        values["metadata"] = merge_metadata(product["metadata"], values["metadata"])
    if "default_price" in values:
        price = call.account.find("price", values["default_price"])
        if price is None or price["product"] != id_:
            raise missing("price", values["default_price"], param="default_price", status=400)
    for name in _CLEARED:
        if values.get(name) == "":
            values[name] = None
    if any(product.get(name) != value for name, value in values.items()):
        values["updated"] = call.sim.now
    change(call.sim, call.account, product, "product.updated", **values)
    return product


def delete(call: Call, id_: str) -> Obj:
    """DELETE /v1/products/{id}: only one without prices."""
    product, account = found(call.account, id_), call.account
    if account.table("price").by("product", id_):
        raise not_allowed("This product cannot be deleted because it has one or more user-created prices.", param="id")
    account.table("product").remove(id_)
    emit(call.sim, account, "product.deleted", product)
    return {"id": id_, "object": "product", "deleted": True}


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/products/{id}"""
    return found(call.account, id_)


def listing(call: Call) -> Obj:
    """GET /v1/products: filters active, created, ids, shippable, url."""
    params = call.params
    wanted: dict[str, Any] = {name: params[name] for name in ("active", "shippable", "url") if name in params}
    ids = params.get("ids")
    if ids is not None and len(params.keys() & {"starting_after", "ending_before"}):
        raise invalid("You cannot use `ids` with `starting_after` or `ending_before`.", param="ids")

    def keep(row: Obj) -> bool:
        return (ids is None or row["id"] in ids) and all(row[name] == value for name, value in wanted.items())

    return page(call, "product", "/v1/products", keep=keep)


ROUTES: tuple[Route, ...] = (
    route("POST", "products", create, "rak_product_write", CREATE),
    route("GET", "products", listing, "rak_product_read", LIST),
    route("GET", "products/*", retrieve, "rak_product_read"),
    route("POST", "products/*", update, "rak_product_write", UPDATE),
    route("DELETE", "products/*", delete, "rak_product_write"),
)
