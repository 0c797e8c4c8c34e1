"""Cancelling: at once, at the period's end, at an instant; and taking it back.

Facts: OpenAPI 2026-05-27.dahlia (`cancel_at`), the SDK's words on DELETE (2026-10-28.endive), docs.stripe.com
billing-mode/compare (2026-04-30): classic resets `billing_cycle_anchor` to now when `cancel_at` moves before the next
renewal, flexible never does. Inferred: a period in which `cancel_at` lies ends there (its share is billed when it
begins later); credit for time already paid is given when the date is set, and asked for again when it is taken back;
the reset of the anchor alone makes no invoice.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid, missing, not_allowed
from flexpay_reconcile.simulator.resources import billing, prorations, renewals, trials
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.resources.subscription_build import (
    full_end,
    is_flexible,
    items_of,
    next_end,
    schedule,
    with_items,
)
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
DETAILS: Shape = {"comment": "string?", "feedback": ("", *FEEDBACK)}
CANCEL: Shape = {"prorate": "bool", "invoice_now": "bool", "cancellation_details": DETAILS}
CANCEL_AT = "int|min_period_end|max_period_end|max_billed_until"
OVER = ("canceled", "incomplete_expired")
FREE = ("trialing", "incomplete", "paused")
"""Nothing was paid for the current period, so nothing is given back."""
_CANCELED = "A canceled subscription can only update its cancellation_details and metadata."


def check_living(subscription: Obj) -> None:
    """Refuse to change what is over (code added with 2026-08-26.dahlia)."""
    if subscription["status"] in OVER:
        raise not_allowed(_CANCELED, code="invalid_canceled_subscription_fields")


def both_ends() -> Refusal:
    """A subscription ends at an instant or with its period."""
    return invalid("You may only specify one of these parameters: cancel_at, cancel_at_period_end.", param="cancel_at")


def details_of(subscription: Obj, given: dict[str, Any]) -> Obj:
    """The `cancellation_details` with what a request says; an empty text clears."""
    return {**subscription["cancellation_details"], **{name: value or None for name, value in given.items()}}


def cancel(call: Call, subscription: Obj) -> Obj:
    """DELETE /v1/subscriptions/{id}: prorate and invoice_now are false unless given; what is over is not found.

    That a second DELETE is 404 is what people reported (stripe-go #1887, 2024-07-11; santiment/sanbase2 #2350, 2020),
    while the 400 is told of for updates only; that it still holds for the version spoken is inferred.
    """
    if subscription["status"] in OVER:
        raise missing("subscription", subscription["id"])
    cancel_now(
        call.sim,
        call.account,
        subscription,
        prorate=call.params.get("prorate", False),
        invoice_now=call.params.get("invoice_now", False),
        details=call.params.get("cancellation_details"),
    )
    return subscription


def cancel_now(
    sim: Simulation,
    account: Account,
    subscription: Obj,
    *,
    prorate: bool = False,
    invoice_now: bool = False,
    details: Obj | None = None,
) -> None:
    """End the subscription; a proration becomes a pending credit, or with `invoice_now` a final invoice.

    With neither, prorations that still waited for it are dropped (SDK, endive).
    """
    free = subscription["status"] in FREE
    given = {name: value or None for name, value in (details or {}).items()}
    renewals.end(sim, account, subscription, reason="cancellation_requested", details=given)
    if prorate and not free:
        for item in items_of(subscription):
            prorations.credit(sim, account, subscription, item, sim.now, item["current_period_end"])
    if invoice_now:
        billing.bill_now(sim, account, subscription, collect=False)
    elif not prorate:
        _drop(sim, account, subscription)


def _drop(sim: Simulation, account: Account, subscription: Obj) -> None:
    rows = [row for row in prorations.pending(account, subscription) if row["proration"]]
    prorations.drop(account, rows)
    for row in rows:
        emit(sim, account, "invoiceitem.deleted", row)


def instant_of(sim: Simulation, account: Account, subscription: Obj, asked: int | str) -> int | None:
    """The instant a `cancel_at` parameter stands for; None clears it. Words mean periods that no date cuts short."""
    if asked == "":
        return None
    if isinstance(asked, int):
        if asked <= sim.now:
            raise trials.future("cancel_at")
        return asked
    if not is_flexible(subscription):
        raise invalid(f"`cancel_at={asked}` needs a subscription with flexible billing mode.", param="cancel_at")
    ends = [full_end(account, item) for item in items_of(subscription)]
    return int(min(ends) if asked == "min_period_end" else max(ends))


def planned(
    sim: Simulation, account: Account, subscription: Obj, at: int | None, *, prorate: bool, new: bool = False
) -> dict[str, Any]:
    """The fields of a subscription that is to end at `at` (None: that is not to end after all).

    Credits and debits are written at once unless `prorate` is false. `new`: it is only being created.
    """
    values: dict[str, Any] = {
        "cancel_at": at,
        "cancel_at_period_end": False,
        "canceled_at": None if at is None else sim.now,
    }
    renewal = next_end(subscription)
    prorate = prorate and subscription["status"] not in FREE
    items = [_cut(sim, account, subscription, item, at, prorate=prorate) for item in items_of(subscription)]
    if items != items_of(subscription):
        values["items"] = with_items(subscription, items)
    if at is None or at >= renewal or is_flexible(subscription):
        return values
    if subscription["status"] == "trialing":
        values["trial_end"] = at
    elif not new:
        for item in items:
            account.anchors[item["id"]] = (sim.now, 1)
        values["billing_cycle_anchor"] = sim.now
    return values


def _cut(sim: Simulation, account: Account, subscription: Obj, item: Obj, at: int | None, *, prorate: bool) -> Obj:
    """The item with its period ending where it must; what that takes away or adds is reckoned."""
    end, old = full_end(account, item), item["current_period_end"]
    if at is not None and item["current_period_start"] < at < end:
        end = at
    if prorate and end < old:
        prorations.credit(sim, account, subscription, item, end, old)
    elif prorate and end > old:
        prorations.debit(sim, account, subscription, item, old, end)
    return item if end == old else {**item, "current_period_end": end}


def write_down(sim: Simulation, account: Account, subscription: Obj) -> None:
    """Put the end of the period, and of the subscription, into the agenda."""
    schedule(sim, account, subscription)
    if subscription["cancel_at"] is not None:
        sim.agenda.add(subscription["cancel_at"], "cancel", account.key, subscription["id"])
