"""Subscriptions: what their endpoints answer. Creating, changing, cancelling and pausing have modules of their own.

May not charge itself: billing, renewals and collection do.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, in_range
from flexpay_reconcile.simulator.protocol.refusals import missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import (
    cancellation,
    pausing,
    subscription_build,
    subscription_create,
    subscription_update,
)
from flexpay_reconcile.simulator.resources.cancellation import OVER, cancel_now
from flexpay_reconcile.simulator.resources.events import change
from flexpay_reconcile.simulator.resources.subscription_build import is_flexible, items_of
from flexpay_reconcile.simulator.state import Call, Obj

STATUSES = ("active", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "trialing", "paused")
LIST: Shape = {
    **PAGING,
    "created": "range",
    "customer": "string",
    "price": "string",
    "status": (*STATUSES, "all", "ended"),
    "collection_method": ("charge_automatically", "send_invoice"),
    "current_period_end": "range",
    "current_period_start": "range",
    "test_clock": "string",
}
MIGRATE: Shape = {
    "billing_mode!": {"type!": ("flexible",), "flexible": {"proration_discounts": ("included", "itemized")}},
}
__all__ = ["ROUTES", "cancel_now", "found"]


def found(call: Call, id_: str) -> Obj:
    """The subscription, or 404."""
    subscription = call.account.find("subscription", id_)
    if subscription is None:
        raise missing("subscription", id_, param="id")
    return subscription


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/subscriptions/{id}"""
    return found(call, id_)


def listing(call: Call) -> Obj:
    """GET /v1/subscriptions: those that are over only when asked for (status canceled, ended or all)."""
    params = call.params
    status, price, customer = params.get("status"), params.get("price"), params.get("customer")
    method = params.get("collection_method")
    ids = call.account.table("subscription").by("customer", customer) if customer is not None else None

    def keep(row: Obj) -> bool:
        over = row["status"] in OVER
        if over if status is None else status == "ended" and not over:
            return False
        if status not in (None, "all", "ended") and row["status"] != status:
            return False
        if method is not None and row["collection_method"] != method:
            return False
        return any(_matches(item, price, params) for item in items_of(row))

    return page(call, "subscription", "/v1/subscriptions", ids=ids, keep=keep)


def _matches(item: Obj, price: str | None, params: dict[str, Any]) -> bool:
    return (
        (price is None or item["price"]["id"] == price)
        and in_range(item["current_period_end"], params.get("current_period_end"))
        and in_range(item["current_period_start"], params.get("current_period_start"))
    )


def update(call: Call, id_: str) -> Obj:
    """POST /v1/subscriptions/{id}"""
    return subscription_update.update(call, found(call, id_))


def cancel(call: Call, id_: str) -> Obj:
    """DELETE /v1/subscriptions/{id}"""
    return cancellation.cancel(call, found(call, id_))


def pause(call: Call, id_: str) -> Obj:
    """POST /v1/subscriptions/{id}/pause"""
    return pausing.pause(call, found(call, id_))


def resume(call: Call, id_: str) -> Obj:
    """POST /v1/subscriptions/{id}/resume"""
    return pausing.resume(call, found(call, id_))


def migrate(call: Call, id_: str) -> Obj:
    """POST /v1/subscriptions/{id}/migrate: from classic to flexible, never back."""
    subscription = found(call, id_)
    cancellation.check_living(subscription)
    if is_flexible(subscription):
        raise not_allowed("This subscription already uses flexible billing mode.", param="billing_mode[type]")
    asked = call.params["billing_mode"].get("flexible", {})
    mode = subscription_build.mode("flexible", discounts=asked.get("proration_discounts", "included"), at=call.sim.now)
    change(call.sim, call.account, subscription, "customer.subscription.updated", billing_mode=mode)
    return subscription


ROUTES: tuple[Route, ...] = (
    route("POST", "subscriptions", subscription_create.create, "rak_subscription_write", subscription_create.CREATE),
    route("GET", "subscriptions", listing, "rak_subscription_read", LIST),
    route("GET", "subscriptions/*", retrieve, "rak_subscription_read"),
    route("POST", "subscriptions/*", update, "rak_subscription_write", subscription_update.UPDATE),
    route("DELETE", "subscriptions/*", cancel, "rak_subscription_write", cancellation.CANCEL),
    route("POST", "subscriptions/*/migrate", migrate, "rak_subscription_write", MIGRATE),
    route("POST", "subscriptions/*/pause", pause, "rak_subscription_write", pausing.PAUSE),
    route("POST", "subscriptions/*/resume", resume, "rak_subscription_write", pausing.RESUME),
)
