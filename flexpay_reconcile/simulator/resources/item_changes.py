"""What a change of items costs: prorations for the rest of the period, or a new period that is billed at once.

Facts: docs.stripe.com billing-mode/compare (2026-04-30), OpenAPI 2026-05-27.dahlia (`proration_behavior`). Inferred: an
item that is added, or whose interval changes in the flexible mode, runs from now to the end its anchor gives; a trial
that is put on a running subscription gives back the time that was paid. May not check what a request asks for.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.simulator.resources import billing, prorations, subscription_build
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.resources.subscription_build import (
    amount_of,
    is_flexible,
    items_of,
    restarted,
    schedule,
    with_items,
)
from flexpay_reconcile.simulator.resources.subscription_items import Change, interval_of
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

_PAID = ("active", "past_due", "unpaid")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Changes with what follows: `restart` begins a new period now, `trial_end` a trial, `ends_trial` ends one.

    `behavior` is the `proration_behavior`; `collect`: whether an invoice made at once is tried at once.
    """

    changes: tuple[Change, ...]
    behavior: str
    restart: bool
    trial_end: int | None
    ends_trial: bool
    collect: bool


def plan(
    subscription: Obj,
    changes: list[Change],
    *,
    behavior: str,
    anchor_now: bool,
    trial_end: int | None,
    ends_trial: bool,
    collect: bool,
) -> Plan:
    """Whether the changes begin a new period."""
    restart = trial_end is None and (anchor_now or ends_trial)
    if not restart and trial_end is None and subscription["status"] in _PAID and not is_flexible(subscription):
        old = items_of(subscription)
        left = [change.price for change in changes if not change.deleted]
        moved = bool(left) and interval_of(left[0]) != interval_of(old[0]["price"])
        costs = sum(subscription_build.worth(change.price, change.quantity) for change in changes if not change.deleted)
        restart = moved or (costs > 0 and not sum(amount_of(item) for item in old))
    return Plan(
        changes=tuple(changes),
        behavior=behavior,
        restart=restart,
        trial_end=trial_end,
        ends_trial=ends_trial,
        collect=collect,
    )


def written(sim: Simulation, account: Account, subscription: Obj, what: Plan) -> dict[str, Any]:
    """Write the prorations and make the items; the fields of the subscription that change."""
    prorate = what.behavior != "none" and subscription["status"] in _PAID
    whole = what.restart or what.trial_end is not None
    if whole and prorate:
        for item in items_of(subscription):
            prorations.credit(sim, account, subscription, item, sim.now, item["current_period_end"])
    named = {change.old["id"]: change for change in what.changes if change.old is not None}
    items = []
    for item in items_of(subscription):
        change = named.get(item["id"])
        if change is None:
            items.append(item)
        elif not whole and prorate and change.touches_money:
            prorations.credit(sim, account, subscription, item, sim.now, item["current_period_end"])
        if change is not None and not change.deleted:
            items.append(_changed(sim, account, subscription, item, change, prorate=prorate and not whole))
        elif change is not None:
            account.table("subscription_item").remove(item["id"])
    items.extend(
        _added(sim, account, subscription, change, prorate=prorate and not whole)
        for change in what.changes
        if change.old is None
    )
    return _timed(sim, account, subscription, what, items)


def _changed(sim: Simulation, account: Account, subscription: Obj, item: Obj, change: Change, *, prorate: bool) -> Obj:
    made = {**item, "price": change.price, "quantity": change.quantity, "metadata": change.metadata}
    if interval_of(change.price) != interval_of(item["price"]):
        anchor = account.anchors[item["id"]][0]
        made = {**restarted(account, made, anchor, sim.now), "current_period_start": sim.now}
    if prorate and change.touches_money:
        prorations.debit(sim, account, subscription, made, sim.now, made["current_period_end"])
    return made


def _added(sim: Simulation, account: Account, subscription: Obj, change: Change, *, prorate: bool) -> Obj:
    anchor = subscription["billing_cycle_anchor"]
    made = subscription_build.new_item(
        sim, account, subscription, change.price, change.quantity, anchor=anchor, metadata=change.metadata
    )
    if subscription["status"] in _PAID:
        made["current_period_start"] = sim.now
        if prorate:
            prorations.debit(sim, account, subscription, made, sim.now, made["current_period_end"])
    return made


def _timed(sim: Simulation, account: Account, subscription: Obj, what: Plan, items: list[Obj]) -> dict[str, Any]:
    """The fields after the items were made: their periods, the anchor, the trial."""
    values: dict[str, Any] = {}
    if what.restart:
        items = [restarted(account, item, sim.now, sim.now) for item in items]
        values["billing_cycle_anchor"] = sim.now
    elif what.trial_end is not None:
        begun = subscription["trial_start"]
        items = [restarted(account, item, what.trial_end, sim.now) for item in items]
        trialing = subscription["status"] == "trialing"
        if begun is None or (not trialing and is_flexible(subscription)):  # classic keeps the first trial's start
            begun = sim.now
        values.update(
            billing_cycle_anchor=what.trial_end, status="trialing", trial_start=begun, trial_end=what.trial_end
        )
    if what.ends_trial:
        values.update(status="active", trial_end=sim.now)
    values["items"] = with_items(subscription, items)
    return values


def billed(sim: Simulation, account: Account, subscription: Obj, what: Plan) -> None:
    """Bill what the changes ask for at once: a new period, or with always_invoice the prorations."""
    if what.ends_trial:
        emit(sim, account, "customer.subscription.trial_will_end", subscription)
    if what.restart:
        waiting = is_flexible(subscription) or what.behavior != "always_invoice" or bool(what.changes)
        billing.bill_now(
            sim, account, subscription, items=items_of(subscription), waiting=waiting, collect=what.collect
        )
        schedule(sim, account, subscription)
    elif what.behavior == "always_invoice":
        billing.bill_now(sim, account, subscription, collect=what.collect)
