"""Renewals: what happens to a subscription by itself. A period ends, a draft invoice is made, an hour later it is
finalised and charged. Stripe's own retry schedule is empty: after a failed first try nothing else is planned.

May not answer requests.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources import collection, invoice_build, standing, subscription_build
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.subscription_build import item_of
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

FINALIZE_AFTER = 3600
INCOMPLETE_SECONDS = 23 * 3600


def schedule(sim: Simulation, account: Account, subscription: Obj) -> None:
    """Write the end of the current period into the agenda."""
    sim.agenda.add(item_of(subscription)["current_period_end"], "renew", account.key, subscription["id"])


def renew(sim: Simulation, account: Account, subscription_id: str) -> None:
    """The period is over: end the subscription, or begin the next period with a draft invoice."""
    subscription = account.get("subscription", subscription_id)
    if subscription["status"] not in standing.LIVING or item_of(subscription)["current_period_end"] != sim.now:
        return
    if subscription["cancel_at_period_end"]:
        end(sim, account, subscription, reason=None)
        return
    items = subscription_build.rolled(account, subscription)
    old = {"items": subscription["items"], "latest_invoice": subscription["latest_invoice"]}
    subscription["items"] = items
    invoice = bill(sim, account, subscription, "subscription_cycle")
    subscription["latest_invoice"] = invoice["id"]
    automatic = subscription["status"] != "unpaid"
    invoice["auto_advance"] = automatic
    if automatic:
        invoice["automatically_finalizes_at"] = invoice["next_payment_attempt"] = sim.now + FINALIZE_AFTER
        sim.agenda.add(sim.now + FINALIZE_AFTER, "finalize", account.key, invoice["id"])
    emit(sim, account, "invoice.created", invoice)
    emit(sim, account, "customer.subscription.updated", subscription, old)
    schedule(sim, account, subscription)


def bill(sim: Simulation, account: Account, subscription: Obj, reason: str) -> Obj:
    """A draft invoice for the current period; pending credits are taken in."""
    item = item_of(subscription)
    customer = account.get("customer", subscription["customer"])
    amount = item["price"]["unit_amount"] * item["quantity"]
    start, stop = item["current_period_start"], item["current_period_end"]
    line = invoice_build.line(
        sim,
        account,
        amount=amount,
        currency=subscription["currency"],
        start=start,
        end=stop,
        description=f"{item['quantity']} × {item['price']['nickname'] or 'subscription'}",
        subscription=subscription,
        quantity=item["quantity"],
    )
    period = (start, start) if reason == "subscription_create" else (sim.now, sim.now)
    return invoice_build.make(
        sim,
        account,
        customer=customer,
        currency=subscription["currency"],
        lines=[line],
        reason=reason,
        subscription=subscription,
        period=period,
    )


def finalize(sim: Simulation, account: Account, invoice_id: str) -> None:
    """An hour after its creation a draft is finalised and tried once."""
    invoice = account.get("invoice", invoice_id)
    if invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    collection.finalize(sim, account, invoice)
    if invoice["status"] == "open":
        collection.attempt_automatically(sim, account, invoice)


def collect(sim: Simulation, account: Account, invoice_id: str) -> None:
    """A `next_payment_attempt` set from outside has come: Stripe tries again by itself."""
    invoice = account.get("invoice", invoice_id)
    if invoice["status"] == "open" and invoice["auto_advance"] and invoice["next_payment_attempt"] == sim.now:
        collection.attempt_automatically(sim, account, invoice)


def expire(sim: Simulation, account: Account, subscription_id: str) -> None:
    """23 hours after its creation an incomplete subscription expires and its first invoice is void."""
    subscription = account.get("subscription", subscription_id)
    if subscription["status"] != "incomplete":
        return
    change(sim, account, subscription, "customer.subscription.updated", status="incomplete_expired", ended_at=sim.now)
    invoice = account.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        collection.void(sim, account, invoice)


def end(
    sim: Simulation, account: Account, subscription: Obj, *, reason: str | None, details: Obj | None = None
) -> None:
    """Cancel now: report it, then stop the collection of its invoices."""
    subscription.update(
        status="canceled",
        canceled_at=subscription["canceled_at"] or sim.now,
        ended_at=sim.now,
        cancellation_details={
            **subscription["cancellation_details"],
            **(details or {}),
            "reason": reason or subscription["cancellation_details"]["reason"],
        },
    )
    sim.ledger.state(sim.now, account.id, subscription["id"], "canceled")
    emit(sim, account, "customer.subscription.deleted", subscription)
    collection.stop(sim, account, subscription["id"])
