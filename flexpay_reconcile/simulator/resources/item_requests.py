"""Subscription items as objects of their own: read, added, changed and taken away one by one.

Facts: OpenAPI 2026-05-27.dahlia. A change goes the way of an update of the subscription. Taking the last item away is
refused. May not decide what a change costs.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.paging import PAGING
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import subscription_update
from flexpay_reconcile.simulator.resources.subscription_build import items_of
from flexpay_reconcile.simulator.resources.subscription_create import BEHAVIORS
from flexpay_reconcile.simulator.state import Call, Obj

_HOW: Shape = {"payment_behavior": ("allow_incomplete", "default_incomplete"), "proration_behavior": BEHAVIORS}
_ITEM: Shape = {"price": "string", "quantity": "int", "metadata": "map"}
CREATE: Shape = {**_HOW, **_ITEM, "subscription!": "string"}
UPDATE: Shape = {**_HOW, **_ITEM, "off_session": "bool"}
LIST: Shape = {**PAGING, "subscription!": "string"}


def found(call: Call, id_: str) -> tuple[Obj, Obj]:
    """The subscription and its item, or 404."""
    pointer = call.account.find("subscription_item", id_)
    subscription = call.account.find("subscription", pointer["subscription"]) if pointer is not None else None
    item = next((each for each in items_of(subscription) if each["id"] == id_), None) if subscription else None
    if subscription is None or item is None:
        raise missing("subscription_item", id_, param="item")
    return subscription, item


def _subscription(call: Call) -> Obj:
    id_ = call.params["subscription"]
    subscription = call.account.find("subscription", id_)
    if subscription is None:
        raise missing("subscription", id_, param="subscription", status=400)
    return subscription


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/subscription_items/{id}"""
    return found(call, id_)[1]


def listing(call: Call) -> Obj:
    """GET /v1/subscription_items?subscription=: the newest first."""
    params = call.params
    rows = items_of(_subscription(call))[::-1]
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid(
            "This value must be between 1 and 100 (inclusive).", param="limit", code="parameter_invalid_integer"
        )
    ids = [row["id"] for row in rows]
    for name in ("starting_after", "ending_before"):
        if name in params and params[name] not in ids:
            raise missing("subscription_item", params[name], param=name, status=400)
    if "starting_after" in params:
        rows = rows[ids.index(params["starting_after"]) + 1 :]
    elif "ending_before" in params:
        rows = rows[: ids.index(params["ending_before"])]
        cut = rows[-limit:]
        return {"object": "list", "data": cut, "has_more": len(rows) > limit, "url": "/v1/subscription_items"}
    return {"object": "list", "data": rows[:limit], "has_more": len(rows) > limit, "url": "/v1/subscription_items"}


def _changed(call: Call, subscription: Obj, item: dict[str, Any]) -> Obj:
    kept: dict[str, Any] = {
        name: call.params[name] for name in ("payment_behavior", "proration_behavior") if name in call.params
    }
    inner = Call(call.sim, call.account, call.key, {**kept, "items": [item]})
    return subscription_update.update(inner, subscription)


def create(call: Call) -> Obj:
    """POST /v1/subscription_items"""
    if "price" not in call.params:
        raise invalid("Missing required param: price.", param="price", code="parameter_missing")
    given = {name: call.params[name] for name in _ITEM if name in call.params}
    return items_of(_changed(call, _subscription(call), given))[-1]


def update(call: Call, id_: str) -> Obj:
    """POST /v1/subscription_items/{id}"""
    subscription, _ = found(call, id_)
    given = {name: call.params[name] for name in _ITEM if name in call.params}
    _changed(call, subscription, {"id": id_, **given})
    return found(call, id_)[1]


def delete(call: Call, id_: str) -> Obj:
    """DELETE /v1/subscription_items/{id}"""
    subscription, _ = found(call, id_)
    _changed(call, subscription, {"id": id_, "deleted": True})
    return {"id": id_, "object": "subscription_item", "deleted": True}


ROUTES: tuple[Route, ...] = (
    route("POST", "subscription_items", create, "rak_subscription_write", CREATE),
    route("GET", "subscription_items", listing, "rak_subscription_read", LIST),
    route("GET", "subscription_items/*", retrieve, "rak_subscription_read"),
    route("POST", "subscription_items/*", update, "rak_subscription_write", UPDATE),
    route("DELETE", "subscription_items/*", delete, "rak_subscription_write", _HOW),
)
