"""Renewals: what happens to a subscription by itself. A period ends, and a draft invoice is made.

`finalisation` finalises and charges it an hour later; what follows a failed try is `dunning`'s.

May not answer requests.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources import billing, settlement, standing, subscription_build, trials
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.subscription_build import items_of, next_end, schedule
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

FINALIZE_AFTER = 3600
INCOMPLETE_SECONDS = 23 * 3600

__all__ = ["end", "expire", "renew", "schedule"]


def renew(sim: Simulation, account: Account, subscription_id: str) -> None:
    """A period is over: end the subscription, or begin the next period with a draft invoice.

    The entry is out of date when the period was moved meanwhile.
    """
    subscription = account.find("subscription", subscription_id)
    if subscription is None or subscription["status"] not in standing.LIVING or next_end(subscription) > sim.now:
        return
    cancel_at = subscription["cancel_at"]
    if subscription["cancel_at_period_end"] or (cancel_at is not None and cancel_at <= sim.now):
        end(sim, account, subscription, reason=None)
        return
    old = {"items": subscription["items"], "latest_invoice": subscription["latest_invoice"]}
    if subscription["status"] == "trialing":
        action = trials.at_end(account, subscription)
        if action == "cancel":
            end(sim, account, subscription, reason=None)
            return
        if action == "pause":
            trials.pause(sim, account, subscription)
            return
        old["status"] = "trialing"
        subscription["status"] = "active"
        sim.ledger.state(sim.now, account.id, subscription["id"], "active")
    before = items_of(subscription)
    subscription["items"] = subscription_build.rolled(account, subscription, sim.now)
    begun = [new for new, item in zip(items_of(subscription), before, strict=True) if new is not item]
    invoice = billing.bill(sim, account, subscription, "subscription_cycle", items=begun)
    subscription["latest_invoice"] = invoice["id"]
    automatic = subscription["status"] != "unpaid"
    invoice["auto_advance"] = automatic
    if automatic:
        wait_an_hour(sim, account, invoice)
    emit(sim, account, "invoice.created", invoice)
    emit(sim, account, "customer.subscription.updated", subscription, old)
    schedule(sim, account, subscription)


def wait_an_hour(sim: Simulation, account: Account, invoice: Obj) -> None:
    """A draft is finalised by itself in an hour."""
    due = sim.now + FINALIZE_AFTER
    charged = invoice["collection_method"] == "charge_automatically"
    invoice.update(automatically_finalizes_at=due, next_payment_attempt=due if charged else None)
    sim.agenda.add(due, "finalize", account.key, invoice["id"])


def activate(sim: Simulation, account: Account, subscription: Obj) -> None:
    """The subscription is active, and says so."""
    change(sim, account, subscription, "customer.subscription.updated", status="active")


def cancel_due(sim: Simulation, account: Account, subscription_id: str) -> None:
    """The instant of `cancel_at` has come, unless it was moved."""
    subscription = account.find("subscription", subscription_id)
    if subscription is None or subscription["cancel_at"] != sim.now:
        return
    if subscription["status"] in (*standing.LIVING, "paused"):
        end(sim, account, subscription, reason=None)


def expire(sim: Simulation, account: Account, subscription_id: str) -> None:
    """23 hours after its creation an incomplete subscription expires and its first invoice is void."""
    subscription = account.find("subscription", subscription_id)
    if subscription is None or subscription["status"] != "incomplete":
        return
    change(sim, account, subscription, "customer.subscription.updated", status="incomplete_expired", ended_at=sim.now)
    invoice = account.get("invoice", subscription["latest_invoice"])
    if invoice["status"] == "open":
        settlement.void(sim, account, invoice)


def end(
    sim: Simulation, account: Account, subscription: Obj, *, reason: str | None, details: Obj | None = None
) -> None:
    """Cancel now: report it, then stop the collection of its invoices."""
    account.subscriptions.resumptions.pop(subscription["id"], None)
    subscription.update(
        status="canceled",
        canceled_at=subscription["canceled_at"] or sim.now,
        ended_at=sim.now,
        status_details=None,
        pending_update=None,
        cancellation_details={
            **subscription["cancellation_details"],
            **(details or {}),
            "reason": reason or subscription["cancellation_details"]["reason"],
        },
    )
    sim.ledger.state(sim.now, account.id, subscription["id"], "canceled")
    emit(sim, account, "customer.subscription.deleted", subscription)
    settlement.stop(sim, account, subscription)
