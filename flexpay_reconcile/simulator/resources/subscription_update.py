"""Changing a subscription: its items, its trial, its end, how it is collected.

Facts: OpenAPI 2026-05-27.dahlia, the SDK (`billing_cycle_anchor` is a hash since 2026-09-30.endive), docs.stripe.com
billing-mode/compare: classic begins a new period and bills it at once when the interval changes or the price was zero
before; flexible only when it is asked to. Everything is checked before anything is written. `payment_behavior` is
allow_incomplete or default_incomplete (the others need a preview of the invoice, which is not built).
May not make a new subscription.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.resources import (
    billing,
    cancellation,
    item_changes,
    pausing,
    subscription_build,
    subscription_items,
    trials,
)
from flexpay_reconcile.simulator.resources.events import change
from flexpay_reconcile.simulator.resources.item_changes import Plan
from flexpay_reconcile.simulator.resources.subscription_build import is_flexible
from flexpay_reconcile.simulator.resources.subscription_create import (
    BEHAVIORS,
    METHODS,
    TRIAL_SETTINGS,
    check_days,
    method_of,
)
from flexpay_reconcile.simulator.state import Call, Obj

UPDATE: Shape = {
    "metadata": "map",
    "items": [subscription_items.CHANGED],
    "billing_cycle_anchor": {"type!": ("now", "unchanged")},
    "cancel_at": cancellation.CANCEL_AT + "|",
    "cancel_at_period_end": "bool",
    "cancellation_details": cancellation.DETAILS,
    "collection_method": METHODS,
    "days_until_due": "int",
    "default_payment_method": "string?",
    "description": "string?",
    "off_session": "bool",
    "pause_collection": pausing.COLLECTION,
    "payment_behavior": ("allow_incomplete", "default_incomplete"),
    "proration_behavior": BEHAVIORS,
    "trial_end": "int|now",
    "trial_settings": TRIAL_SETTINGS,
}


def update(call: Call, subscription: Obj) -> Obj:
    """POST /v1/subscriptions/{id}"""
    params, sim, account = dict(call.params), call.sim, call.account
    if set(params) - {"metadata", "cancellation_details"}:
        cancellation.check_living(subscription)
    if "cancel_at" in params and "cancel_at_period_end" in params:
        raise cancellation.both_ends()
    values = _plain(call, subscription, params)
    plan = _plan(call, subscription, params)
    at = _end_of(call, subscription, params)
    details = cancellation.details_of(subscription, params.get("cancellation_details", {}))
    if plan is not None:
        values.update(item_changes.written(sim, account, subscription, plan))
    details.update(_ending(call, subscription, params, at, values))
    values["cancellation_details"] = details
    old_end = subscription["cancel_at"], subscription_build.next_end(subscription)
    change(sim, account, subscription, "customer.subscription.updated", **values)
    if (subscription["cancel_at"], subscription_build.next_end(subscription)) != old_end:
        cancellation.write_down(sim, account, subscription)
    if "pause_collection" in values:
        pausing.write_down(sim, account, subscription)
    if "trial_end" in values and subscription["status"] == "trialing":
        trials.announce(sim, account, subscription)
    if plan is not None:
        item_changes.billed(sim, account, subscription, plan)
    elif params.get("proration_behavior") == "always_invoice" and "cancel_at" in params:
        billing.bill_now(sim, account, subscription)
    return subscription


def _plain(call: Call, subscription: Obj, params: dict[str, Any]) -> dict[str, Any]:
    """The fields that are simply set."""
    values: dict[str, Any] = {}
    if "metadata" in params:
        values["metadata"] = merge_metadata(subscription["metadata"], params["metadata"])
    if "description" in params:
        values["description"] = params["description"] or None
    if "default_payment_method" in params:
        method = params["default_payment_method"]
        default = method_of(call.account, subscription["customer"], method) if method else None
        values["default_payment_method"] = default
    if "trial_settings" in params:
        values["trial_settings"] = params["trial_settings"]
    if "pause_collection" in params:
        values["pause_collection"] = pausing.collection_of(call.sim, params["pause_collection"])
    if "collection_method" in params or "days_until_due" in params:
        method = str(params.get("collection_method", subscription["collection_method"]))
        kept = subscription["days_until_due"] if method == "send_invoice" else None
        days = params.get("days_until_due", kept)
        check_days(method, days)
        values.update(collection_method=method, days_until_due=days)
    return values


def _plan(call: Call, subscription: Obj, params: dict[str, Any]) -> Plan | None:
    """What becomes of the items and their periods; None when nothing does."""
    anchor_now = params.get("billing_cycle_anchor", {}).get("type") == "now"
    if "items" not in params and "trial_end" not in params and not anchor_now:
        return None
    found = subscription_items.changes(
        call.account, subscription, params.get("items", []), flexible=is_flexible(subscription)
    )
    trial_end = trials.asked(call.sim, params.get("trial_end"), None)
    return item_changes.plan(
        subscription,
        found,
        behavior=params.get("proration_behavior", "create_prorations"),
        anchor_now=anchor_now,
        trial_end=trial_end,
        ends_trial=params.get("trial_end") == "now" and subscription["status"] == "trialing",
        collect=params.get("payment_behavior") != "default_incomplete",
    )


def _end_of(call: Call, subscription: Obj, params: dict[str, Any]) -> int | None:
    if params.get("cancel_at") is None:
        return None
    return cancellation.instant_of(call.sim, call.account, subscription, params["cancel_at"])


def _period_end(call: Call, planned: Obj) -> int:
    """When the period ends; at once where it is over already, as while a subscription is paused [INFER]."""
    return int(max(subscription_build.next_end(planned), call.sim.now))


def _ending(
    call: Call, subscription: Obj, params: dict[str, Any], at: int | None, values: dict[str, Any]
) -> dict[str, str | None]:
    """Write into `values` how the subscription is to end; the reason that belongs to it."""
    if "cancel_at" in params:
        prorate = params.get("proration_behavior") != "none"
        planned = {**subscription, **values}
        values.update(cancellation.planned(call.sim, call.account, planned, at, prorate=prorate))
        return {"reason": None if at is None else "cancellation_requested"}
    wanted = params.get("cancel_at_period_end", subscription["cancel_at_period_end"])
    if wanted == subscription["cancel_at_period_end"]:
        if wanted and "items" in values:  # the end of the period may have moved
            values["cancel_at"] = _period_end(call, {**subscription, **values})
        return {}
    values["cancel_at_period_end"] = wanted
    values["cancel_at"] = _period_end(call, {**subscription, **values}) if wanted else None
    values["canceled_at"] = call.sim.now if wanted else None
    return {"reason": "cancellation_requested" if wanted else None}
