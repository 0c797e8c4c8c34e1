"""Resumptions: a paused subscription runs again, in a new period or in the one its anchor gives.

Facts: docs.stripe.com/billing/subscriptions/pause (2026). May not make an invoice nor charge.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.subscription_build import items_of, restarted, schedule, with_items
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def waiting_for(account: Account, subscription: Obj, invoice: Obj, *, on_success: bool | None = None) -> bool:
    """Whether the paused subscription waits for this invoice (`on_success`: in this manner)."""
    found = account.subscriptions.resumptions.get(subscription["id"])
    return found is not None and found.invoice == invoice["id"] and on_success in (None, found.on_success)


def carry_out(sim: Simulation, account: Account, subscription: Obj, *, status: str = "active") -> None:
    """What the resumption waited for has come: it runs from the moment it was asked for."""
    found = account.subscriptions.resumptions.pop(subscription["id"])
    begin(sim, account, subscription, anchor=found.anchor, since=found.since, status=status)


def begin(
    sim: Simulation, account: Account, subscription: Obj, *, anchor: int | None, since: int, status: str = "active"
) -> None:
    """The subscription runs again: new periods, reported as updated and as resumed, and the next renewal planned."""
    point = subscription["billing_cycle_anchor"] if anchor is None else anchor
    items = [
        {**restarted(account, item, point, since), "current_period_start": since} for item in items_of(subscription)
    ]
    emitted = change(
        sim,
        account,
        subscription,
        "customer.subscription.updated",
        status=status,
        status_details=None,
        pending_update=None,
        billing_cycle_anchor=point,
        items=with_items(subscription, items),
    )
    if emitted:
        emit(sim, account, "customer.subscription.resumed", subscription)
    schedule(sim, account, subscription)
