"""How a subscription looks, its periods on the calendar, and what a cancellation credits.

May not report events nor charge.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.local_time import add_interval
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def _constant() -> Obj:
    """The fields of a new subscription that are the same on every one; a fresh copy each time."""
    return {
        "application": None,
        "application_fee_percent": None,
        "automatic_tax": {"disabled_reason": None, "enabled": False, "liability": None},
        "billing_cycle_anchor_config": None,
        "billing_mode": {"flexible": None, "type": "classic"},
        "billing_schedules": [],
        "billing_thresholds": None,
        "cancel_at": None,
        "canceled_at": None,
        "cancellation_details": {"comment": None, "feedback": None, "reason": None},
        "collection_method": "charge_automatically",
        "customer_account": None,
        "days_until_due": None,
        "default_source": None,
        "default_tax_rates": [],
        "description": None,
        "discounts": [],
        "ended_at": None,
        "invoice_settings": {"account_tax_ids": None, "issuer": {"type": "self"}},
        "latest_invoice": None,
        "managed_payments": None,
        "next_pending_invoice_item_invoice": None,
        "on_behalf_of": None,
        "pause_collection": None,
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": None,
            "save_default_payment_method": "off",
        },
        "pending_invoice_item_interval": None,
        "pending_setup_intent": None,
        "pending_update": None,
        "schedule": None,
        "status_details": None,
        "test_clock": None,
        "transfer_data": None,
        "trial_end": None,
        "trial_settings": {"end_behavior": {"missing_payment_method": "create_invoice"}},
        "trial_start": None,
    }


def make(
    sim: Simulation,
    account: Account,
    *,
    customer: Obj,
    price: Obj,
    quantity: int,
    anchor: int,
    status: str,
    payment_method: str | None = None,
    metadata: dict[str, str] | None = None,
    cancel_at_period_end: bool = False,
) -> Obj:
    """A new subscription in the period that holds the world's now; nothing is reported yet."""
    id_ = sim.new_id(account, "sub")
    start, end, periods = period_at(anchor, price, sim.now)
    item: Obj = {
        "id": sim.new_id(account, "si"),
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": anchor,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": [],
        "metadata": {},
        "price": dict(price),
        "quantity": quantity,
        "subscription": id_,
        "tax_rates": [],
    }
    subscription: Obj = {
        **_constant(),
        "id": id_,
        "object": "subscription",
        "billing_cycle_anchor": anchor,
        "cancel_at_period_end": cancel_at_period_end,
        "created": anchor,
        "currency": price["currency"],
        "customer": customer["id"],
        "default_payment_method": payment_method,
        "items": {
            "object": "list",
            "data": [item],
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={id_}",
        },
        "livemode": account.livemode,
        "metadata": metadata or {},
        "start_date": anchor,
        "status": status,
        "test_clock": customer["test_clock"],
    }
    account.anchors[id_] = (anchor, periods)
    sim.ledger.seen(sim.now, account.id, "customer.subscription.created", subscription)
    return account.table("subscription").add(subscription)


def boundary(anchor: int, price: Obj, periods: int) -> int:
    """The end of the `periods`-th period (0: the anchor); months keep the anchor's day, clamped."""
    recurring = price["recurring"]
    return add_interval(anchor, recurring["interval"], recurring["interval_count"] * periods)


def period_at(anchor: int, price: Obj, now: int) -> tuple[int, int, int]:
    """(start, end, number of periods begun) of the period that holds `now`."""
    periods = 1
    start, end = anchor, boundary(anchor, price, 1)
    while end <= now:
        periods += 1
        start, end = end, boundary(anchor, price, periods)
    return start, end, periods


def item_of(subscription: Obj) -> Obj:
    """The one item of a subscription."""
    item: Obj = subscription["items"]["data"][0]
    return item


def rolled(account: Account, subscription: Obj) -> Obj:
    """The items hash moved on by one period."""
    anchor, periods = account.anchors[subscription["id"]]
    account.anchors[subscription["id"]] = (anchor, periods + 1)
    item = item_of(subscription)
    end = boundary(anchor, item["price"], periods + 1)
    moved = {**item, "current_period_start": item["current_period_end"], "current_period_end": end}
    return {**subscription["items"], "data": [moved]}


def unused_credit(subscription: Obj, now: int) -> int:
    """What a proration gives back for the rest of the period, in minor units (a positive figure)."""
    item = item_of(subscription)
    length = item["current_period_end"] - item["current_period_start"]
    left = max(0, item["current_period_end"] - now)
    total: int = item["price"]["unit_amount"] * item["quantity"]
    return int((2 * total * left + length) // (2 * length))
