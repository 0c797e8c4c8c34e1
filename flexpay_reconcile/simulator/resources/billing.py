"""Billing: the draft invoice of a subscription's period, and invoices outside of the cycle.

What waits for the subscription (prorations, items made by request) is taken in first. May not decide when a period
ends.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources import collection, invoice_build, prorations
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.subscription_build import amount_of, full_length, items_of, share
from flexpay_reconcile.simulator.settings import DAY
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def bill(
    sim: Simulation,
    account: Account,
    subscription: Obj,
    reason: str,
    *,
    items: list[Obj] | None = None,
    whole: bool = False,
    waiting: bool = True,
) -> Obj:
    """A draft for the current period of the items (all of them unless named); nothing is reported yet.

    A period that is cut short costs its share, unless `whole`. `waiting`: whether pending items are taken in.
    """
    billed = items_of(subscription) if items is None else items
    rows = prorations.pending(account, subscription) if waiting else []
    lines = [prorations.line(sim, account, row) for row in rows]
    lines += [_line(sim, account, subscription, item, whole=whole) for item in billed]
    start = billed[0]["current_period_start"] if billed else sim.now
    invoice = invoice_build.make(
        sim,
        account,
        customer=account.get("customer", subscription["customer"]),
        currency=subscription["currency"],
        lines=lines,
        reason=reason,
        subscription=subscription,
        period=(start, start) if reason == "subscription_create" else (sim.now, sim.now),
    )
    if subscription["collection_method"] == "send_invoice":
        days = subscription["days_until_due"] or 0
        invoice.update(collection_method="send_invoice", due_date=sim.now + days * DAY)
    prorations.take_in(rows, invoice)
    return invoice


def _line(sim: Simulation, account: Account, subscription: Obj, item: Obj, *, whole: bool) -> Obj:
    start, end = item["current_period_start"], item["current_period_end"]
    amount, quantity = amount_of(item), item["quantity"]
    words = f"{quantity} × {item['price']['nickname'] or 'subscription'}"
    if subscription["status"] == "trialing":
        amount, words = 0, f"Free trial for {words}" if quantity != 1 else f"Trial period for {words[4:]}"
    elif not whole and subscription["cancel_at"] == end:
        amount = share(amount, end - start, full_length(account, item))
    return invoice_build.line(
        sim,
        account,
        amount=amount,
        currency=subscription["currency"],
        start=start,
        end=end,
        description=words,
        subscription=subscription,
        quantity=quantity,
        item=item,
    )


def bill_now(
    sim: Simulation,
    account: Account,
    subscription: Obj,
    *,
    items: list[Obj] | None = None,
    waiting: bool = True,
    collect: bool = True,
) -> Obj | None:
    """An invoice outside of the cycle: drafted, finalised and tried at once; None when there is nothing to bill.

    One that is sent stays open for its customer. In `unpaid` it stays a draft.
    """
    if not items and not (waiting and prorations.pending(account, subscription)):
        return None
    invoice = bill(sim, account, subscription, "subscription_update", items=items or [], waiting=waiting)
    if subscription["status"] == "unpaid":
        invoice["auto_advance"] = False
    change(sim, account, subscription, None, latest_invoice=invoice["id"])
    emit(sim, account, "invoice.created", invoice)
    if subscription["status"] != "unpaid":
        advance(sim, account, subscription, invoice, collect=collect)
    return invoice


def advance(sim: Simulation, account: Account, subscription: Obj, invoice: Obj, *, collect: bool = True) -> None:
    """Finalise an invoice within the request that made it, and try it when it is charged automatically."""
    collection.finalize(sim, account, invoice)
    if collect and invoice["status"] == "open" and subscription["collection_method"] == "charge_automatically":
        collection.attempt_automatically(sim, account, invoice)
