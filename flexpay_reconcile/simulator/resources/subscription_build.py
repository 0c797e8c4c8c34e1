"""How a subscription and its items look, and their periods on the calendar.

Periods follow `billing_cycle_anchor`: the end of the n-th one is the anchor moved by n intervals, clamped to the end of
the month. What an account knows of an item's place in that row (`Account.anchors`: anchor, number of periods begun) is
not shown. A period that `cancel_at` lies in ends there. May not report events nor charge.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.local_time import DAY, add_interval
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

# The fields of a new subscription that are the same on every one. They are shared: nested values are never changed
# in place.
_CONSTANT: Obj = {
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
_NO_LIST: list[Any] = []
_NO_MAP: dict[str, str] = {}


def mode(type_: str, *, discounts: str = "included", at: int | None = None) -> Obj:
    """The `billing_mode` hash; `at` is when a subscription was migrated to it."""
    flexible = {"proration_discounts": discounts} if type_ == "flexible" else None
    found: Obj = {"flexible": flexible, "type": type_}
    return found if at is None else {**found, "updated_at": at}


def is_flexible(subscription: Obj) -> bool:
    """Whether the subscription is billed in the flexible mode."""
    return bool(subscription["billing_mode"]["type"] == "flexible")


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
    more: tuple[tuple[Obj, int], ...] = (),
    **values: Any,
) -> Obj:
    """A new subscription in the period that holds the world's now; nothing is reported yet.

    `more` holds the prices and quantities of further items, `values` further fields.
    """
    id_ = sim.new_id(account, "sub")
    subscription: Obj = {
        **_CONSTANT,
        "id": id_,
        "object": "subscription",
        "billing_cycle_anchor": anchor,
        "cancel_at_period_end": cancel_at_period_end,
        "created": anchor,
        "currency": price["currency"],
        "customer": customer["id"],
        "default_payment_method": payment_method,
        "items": None,
        "livemode": account.livemode,
        "metadata": metadata or {},
        "start_date": anchor,
        "status": status,
        "test_clock": customer["test_clock"],
        **values,
    }
    items = [
        new_item(sim, account, subscription, each, number, anchor=anchor, created=subscription["created"])
        for each, number in ((price, quantity), *more)
    ]
    subscription["items"] = {
        "object": "list",
        "data": items,
        "has_more": False,
        "url": f"/v1/subscription_items?subscription={id_}",
    }
    if cancel_at_period_end:
        subscription["cancel_at"] = next_end(subscription)
    sim.ledger.seen(sim.now, account.id, "customer.subscription.created", subscription)
    return account.table("subscription").add(subscription)


def new_item(
    sim: Simulation,
    account: Account,
    subscription: Obj,
    price: Obj,
    quantity: int,
    *,
    anchor: int,
    created: int | None = None,
    metadata: dict[str, str] | None = None,
) -> Obj:
    """A new item in the period of the anchor's row that holds now; `subscription` is not touched."""
    id_ = sim.new_id(account, "si")
    start, end, periods = period_at(anchor, price, sim.now)
    account.anchors[id_] = (anchor, periods)
    account.table("subscription_item").rows[id_] = {
        "id": id_,
        "object": "subscription_item",
        "subscription": subscription["id"],
    }
    return {
        "id": id_,
        "object": "subscription_item",
        "billing_thresholds": None,
        "created": sim.now if created is None else created,
        "current_period_end": end,
        "current_period_start": start,
        "discounts": _NO_LIST,
        "metadata": metadata or _NO_MAP,
        "price": copy_of(account, price),
        "quantity": quantity,
        "subscription": subscription["id"],
        "tax_rates": _NO_LIST,
    }


def copy_of(account: Account, price: Obj) -> Obj:
    """The price as it is now, for items to show; one copy for all of them until it changes."""
    kept = account.subscriptions.prices.get(price["id"])
    if kept is None or kept != price:
        kept = account.subscriptions.prices[price["id"]] = dict(price)
    return kept


def boundary(anchor: int, price: Obj, periods: int) -> int:
    """The end of the `periods`-th period (0: the anchor); months keep the anchor's day, clamped."""
    recurring = price["recurring"]
    return add_interval(anchor, recurring["interval"], recurring["interval_count"] * periods)


def period_at(anchor: int, price: Obj, now: int) -> tuple[int, int, int]:
    """(start, end, number of periods begun) of the period that holds `now`; before the anchor there are none."""
    if now < anchor:
        return now, anchor, 0
    periods = 1
    start, end = anchor, boundary(anchor, price, 1)
    while end <= now:
        periods += 1
        start, end = end, boundary(anchor, price, periods)
    return start, end, periods


def items_of(subscription: Obj) -> list[Obj]:
    """The items of a subscription."""
    found: list[Obj] = subscription["items"]["data"]
    return found


def item_of(subscription: Obj) -> Obj:
    """The first item of a subscription."""
    return items_of(subscription)[0]


def next_end(subscription: Obj) -> int:
    """The earliest end of a current period among the items."""
    return int(min(item["current_period_end"] for item in items_of(subscription)))


def with_items(subscription: Obj, items: list[Obj]) -> Obj:
    """The items hash with other items."""
    return {**subscription["items"], "data": items}


def rolled(account: Account, subscription: Obj, now: int) -> Obj:
    """The items hash with every item whose period is over moved on by one period."""
    return with_items(
        subscription,
        [
            _moved(account, item, subscription["cancel_at"]) if item["current_period_end"] <= now else item
            for item in items_of(subscription)
        ],
    )


def _moved(account: Account, item: Obj, cancel_at: int | None) -> Obj:
    anchor, periods = account.anchors[item["id"]]
    account.anchors[item["id"]] = (anchor, periods + 1)
    end = boundary(anchor, item["price"], periods + 1)
    start = item["current_period_end"]
    if cancel_at is not None and start < cancel_at < end:
        end = cancel_at
    price = account.find("price", item["price"]["id"])
    kept = item["price"] if price is None else copy_of(account, price)
    return {**item, "price": kept, "current_period_start": start, "current_period_end": end}


def restarted(account: Account, item: Obj, anchor: int, now: int) -> Obj:
    """The item in the period of another anchor's row that holds `now`."""
    start, end, periods = period_at(anchor, item["price"], now)
    account.anchors[item["id"]] = (anchor, periods)
    return {**item, "current_period_start": start, "current_period_end": end}


def full_end(account: Account, item: Obj) -> int:
    """Where the item's current period ends when nothing cuts it short."""
    anchor, periods = account.anchors[item["id"]]
    return boundary(anchor, item["price"], periods)


def full_length(account: Account, item: Obj) -> int:
    """Seconds of the item's whole current period, as if nothing cut it short (a period before the anchor is whole)."""
    anchor, periods = account.anchors[item["id"]]
    if periods == 0:
        return int(anchor - item["current_period_start"])
    return boundary(anchor, item["price"], periods) - boundary(anchor, item["price"], periods - 1)


def amount_of(item: Obj) -> int:
    """What the item costs for a whole period, in minor units."""
    return worth(item["price"], item["quantity"])


def worth(price: Obj, quantity: int) -> int:
    """A price by a quantity in minor units, half a unit rounded up (`unit_amount_decimal` may hold fractions)."""
    if price["unit_amount"] is not None:
        return int(price["unit_amount"] * quantity)
    whole, _, fraction = price["unit_amount_decimal"].partition(".")
    scale = 10 ** len(fraction)
    return share((int(whole) * scale + int(fraction or 0)) * quantity, 1, scale)


def share(amount: int, part: int, whole: int) -> int:
    """`part` / `whole` of an amount in minor units, half a unit rounded up."""
    return (2 * amount * part + whole) // (2 * whole) if whole > 0 else 0


def schedule(sim: Simulation, account: Account, subscription: Obj) -> None:
    """Write the end of the current period into the agenda, and the notice of the invoice to come if there is one."""
    end, days = next_end(subscription), account.settings.upcoming_days
    sim.agenda.add(end, "renew", account.key, subscription["id"])
    if days and end - days * DAY >= sim.now:
        sim.agenda.add(end - days * DAY, "upcoming", account.key, subscription["id"])
