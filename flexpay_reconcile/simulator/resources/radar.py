"""Radar's value lists and their items: a merchant's allow and block lists.

Facts: Stripe's OpenAPI document; docs.stripe.com/radar/lists (default lists: an allow and a block list for each kind,
whose items can be changed and which cannot be edited or removed). Inferred: that the default lists are answered by the
API, their aliases and names, and the permission's name. The lists have no influence on charges here. May not charge.
"""

from __future__ import annotations

import ipaddress
from typing import Any

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources.events import change
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

LISTS, ITEMS = "radar.value_list", "radar.value_list_item"
TYPES = (
    "account",
    "card_bin",
    "card_fingerprint",
    "case_sensitive_string",
    "country",
    "crypto_fingerprint",
    "customer_id",
    "email",
    "ip_address",
    "sepa_debit_fingerprint",
    "string",
    "us_bank_account_fingerprint",
)
_DEFAULTS = (
    ("card_bin", "Card BIN", "card_bin"),
    ("card_country", "Card country", "country"),
    ("card_fingerprint", "Card fingerprint", "card_fingerprint"),
    ("charge_description", "Charge description", "string"),
    ("client_ip_country", "Client IP country", "country"),
    ("client_ip_address", "Client IP address", "ip_address"),
    ("customer_id", "Customer ID", "customer_id"),
    ("email", "Email", "email"),
    ("email_domain", "Email domain", "string"),
)
CREATE: Shape = {"alias!": "string", "name!": "string", "item_type": TYPES, "metadata": "map"}
UPDATE: Shape = {"alias": "string", "name": "string", "metadata": "map"}
LIST: Shape = {**PAGING, "created": "range", "alias": "string", "contains": "string"}
CREATE_ITEM: Shape = {"value_list!": "string", "value!": "string"}
LIST_ITEMS: Shape = {**PAGING, "created": "range", "value_list!": "string", "value": "string"}
_STRIPE = "Stripe"


def _defaults(sim: Simulation, account: Account) -> None:
    """The lists every account has, made when first asked for."""
    if LISTS in account.tables:
        return
    for kind, word in (("allowlist", "allow list"), ("blocklist", "block list")):
        for alias, name, type_ in _DEFAULTS:
            _make(sim, account, f"{alias}_{kind}", f"{name} {word}", type_, {}, _STRIPE)


def _make(
    sim: Simulation, account: Account, alias: str, name: str, type_: str, metadata: dict[str, str], by: str
) -> Obj:
    id_ = sim.new_id(account, "rsl")
    return account.table(LISTS).add(
        {
            "id": id_,
            "object": LISTS,
            "alias": alias,
            "created": sim.now,
            "created_by": by,
            "item_type": type_,
            "list_items": _items(id_, [], more=False),
            "livemode": account.livemode,
            "metadata": metadata,
            "name": name,
        }
    )


def _items(list_id: str, data: list[Obj], *, more: bool) -> Obj:
    url = f"/v1/radar/value_list_items?value_list={list_id}"
    return {"object": "list", "data": data, "has_more": more, "url": url}


def _refresh(account: Account, owner: Obj) -> None:
    """Show the newest ten items in the list itself."""
    table = account.table(ITEMS)
    newest = [table.rows[id_] for id_ in reversed(table.by("value_list", owner["id"])) if id_ in table.rows]
    owner["list_items"] = _items(owner["id"], newest[:10], more=len(newest) > 10)


def _list(call: Call, id_: str, *, param: str = "id", status: int = 404) -> Obj:
    _defaults(call.sim, call.account)
    found = call.account.find(LISTS, id_)
    if found is None:
        raise missing("value list", id_, param=param, status=status)
    return found


def _own(owner: Obj) -> None:
    if owner["created_by"] == _STRIPE:
        raise not_allowed("Default value lists cannot be edited or deleted.")


def create(call: Call) -> Obj:
    """POST /v1/radar/value_lists"""
    sim, account, params = call.sim, call.account, call.params
    _defaults(sim, account)
    _free(account, params["alias"])
    metadata = merge_metadata({}, params.get("metadata") or {})
    type_ = params.get("item_type", "string")
    return _make(sim, account, params["alias"], params["name"], type_, metadata, call.key.name)


def _free(account: Account, alias: str) -> None:
    if len(alias) > 100:
        raise invalid("Invalid string: alias must be at most 100 characters", param="alias")
    if any(row["alias"] == alias for row in account.table(LISTS).rows.values()):
        raise invalid(f"A value list with the alias '{alias}' already exists.", param="alias")


def update(call: Call, id_: str) -> Obj:
    """POST /v1/radar/value_lists/{id}"""
    owner = _list(call, id_)
    _own(owner)
    values: dict[str, Any] = dict(call.params)
    if values.get("alias") not in (None, owner["alias"]):
        _free(call.account, values["alias"])
    if "metadata" in values:
        values["metadata"] = merge_metadata(owner["metadata"], values["metadata"])
    change(call.sim, call.account, owner, None, **values)
    return owner


def delete(call: Call, id_: str) -> Obj:
    """DELETE /v1/radar/value_lists/{id}: with its items."""
    owner = _list(call, id_)
    _own(owner)
    for item in list(call.account.table(ITEMS).by("value_list", id_)):
        call.account.table(ITEMS).remove(item)
    call.account.table(LISTS).remove(id_)
    return {"id": id_, "object": LISTS, "deleted": True}


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/radar/value_lists/{id}"""
    return _list(call, id_)


def listing(call: Call) -> Obj:
    """GET /v1/radar/value_lists: filters alias, contains (lists that hold this value), created."""
    _defaults(call.sim, call.account)
    alias, value = call.params.get("alias"), call.params.get("contains")
    items = call.account.table(ITEMS).rows.values()
    holding = None if value is None else {row["value_list"] for row in items if row["value"] == value}
    return page(
        call,
        LISTS,
        "/v1/radar/value_lists",
        keep=lambda row: alias in (None, row["alias"]) and (holding is None or row["id"] in holding),
    )


def create_item(call: Call) -> Obj:
    """POST /v1/radar/value_list_items"""
    sim, account = call.sim, call.account
    owner = _list(call, call.params["value_list"], param="value_list", status=400)
    value = _checked(call.params["value"].strip(), owner["item_type"])
    table = account.table(ITEMS)
    if any(table.rows[id_]["value"] == value for id_ in table.by("value_list", owner["id"]) if id_ in table.rows):
        raise invalid(f"The value '{value[:100]}' already exists in this list.", param="value")
    item = table.add(
        {
            "id": sim.new_id(account, "rsli"),
            "object": ITEMS,
            "created": sim.now,
            "created_by": call.key.name,
            "livemode": account.livemode,
            "value": value,
            "value_list": owner["id"],
        }
    )
    _refresh(account, owner)
    return item


def _checked(value: str, type_: str) -> str:
    """The value as its list keeps it; refuses what is none of the list's kind (sentence inferred)."""
    good = True
    if type_ == "ip_address":
        try:
            value = str(ipaddress.ip_address(value))
        except ValueError:
            good = False
    elif type_ == "email":
        value, good = value.lower(), "@" in value[1:-1]
    elif type_ == "country":
        value, good = value.upper(), len(value) == 2 and value.isalpha()
    elif type_ == "card_bin":
        good = value.isdigit() and len(value) in (6, 8)
    elif type_ == "customer_id":
        good = value.startswith("cus_")
    elif type_ == "string":
        value = value.lower()
    if not good or not value or len(value) > 800:
        raise invalid(f"Invalid value for a list of type {type_}: {value[:100]}", param="value")
    return value


def _item(call: Call, id_: str) -> Obj:
    found = call.account.find(ITEMS, id_)
    if found is None:
        raise missing("value list item", id_)
    return found


def retrieve_item(call: Call, id_: str) -> Obj:
    """GET /v1/radar/value_list_items/{id}"""
    return _item(call, id_)


def delete_item(call: Call, id_: str) -> Obj:
    """DELETE /v1/radar/value_list_items/{id}"""
    item = _item(call, id_)
    call.account.table(ITEMS).remove(id_)
    _refresh(call.account, _list(call, item["value_list"]))
    return {"id": id_, "object": ITEMS, "deleted": True}


def listing_items(call: Call) -> Obj:
    """GET /v1/radar/value_list_items: of one list, filters value, created."""
    owner, value = _list(call, call.params["value_list"], param="value_list", status=400), call.params.get("value")
    ids = call.account.table(ITEMS).by("value_list", owner["id"])
    return page(call, ITEMS, "/v1/radar/value_list_items", ids=ids, keep=lambda row: value in (None, row["value"]))


_READ, _WRITE = "rak_radar_read", "rak_radar_write"
ROUTES: tuple[Route, ...] = (
    route("GET", "radar/value_lists", listing, _READ, LIST),
    route("POST", "radar/value_lists", create, _WRITE, CREATE),
    route("GET", "radar/value_lists/*", retrieve, _READ),
    route("POST", "radar/value_lists/*", update, _WRITE, UPDATE),
    route("DELETE", "radar/value_lists/*", delete, _WRITE),
    route("GET", "radar/value_list_items", listing_items, _READ, LIST_ITEMS),
    route("POST", "radar/value_list_items", create_item, _WRITE, CREATE_ITEM),
    route("GET", "radar/value_list_items/*", retrieve_item, _READ),
    route("DELETE", "radar/value_list_items/*", delete_item, _WRITE),
)
