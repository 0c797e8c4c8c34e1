"""Standing: what paid and unpaid invoices mean for the subscription's status and the customer's delinquency.

Only the latest finalised invoice of a subscription decides. May not charge, nor touch invoices.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources import resumptions
from flexpay_reconcile.simulator.resources.events import change
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

LIVING = ("active", "past_due", "trialing", "unpaid", "incomplete")


def subscription_of(account: Account, invoice: Obj) -> Obj | None:
    """The subscription an invoice bills, None for any other invoice."""
    parent = invoice["parent"]
    if parent is None or parent["type"] != "subscription_details":
        return None
    return account.find("subscription", parent["subscription_details"]["subscription"])


def latest(account: Account, subscription: Obj) -> Obj | None:
    """The newest invoice of the subscription that is no draft."""
    rows = account.table("invoice").rows
    for id_ in reversed(account.invoices_of.get(subscription["id"], [])):
        if id_ in rows and rows[id_]["status"] != "draft":
            return rows[id_]
    return None


def after_failure(sim: Simulation, account: Account, invoice: Obj) -> None:
    """A required payment failed: past due, and the customer is delinquent.

    A paused subscription that was to resume with the first try is past due, too; one that was to resume with a payment
    stays paused.
    """
    subscription = subscription_of(account, invoice)
    if subscription is not None and subscription["status"] == "active":
        newest = latest(account, subscription)
        if newest is None or newest["id"] == invoice["id"]:
            change(sim, account, subscription, "customer.subscription.updated", status="past_due")
    elif subscription is not None and resumptions.waiting_for(account, subscription, invoice, on_success=False):
        resumptions.carry_out(sim, account, subscription, status="past_due")
    _delinquent(sim, account, invoice, True)


def after_settlement(sim: Simulation, account: Account, invoice: Obj) -> None:
    """The invoice asks for no money any more: active again when it was the latest, delinquent no more.

    When it is void, an incomplete subscription has expired, and a paused one goes on waiting for nothing.
    """
    subscription = subscription_of(account, invoice)
    if subscription is not None:
        _settled(sim, account, subscription, invoice)
    _delinquent(sim, account, invoice, False)


def _delinquent(sim: Simulation, account: Account, invoice: Obj, value: bool) -> None:
    customer = account.find("customer", invoice["customer"])
    if customer is not None:
        change(sim, account, customer, "customer.updated", delinquent=value)


def _settled(sim: Simulation, account: Account, subscription: Obj, invoice: Obj) -> None:
    status, void = subscription["status"], invoice["status"] == "void"
    if status == "incomplete" and void and invoice["id"] == subscription["latest_invoice"]:
        change(
            sim, account, subscription, "customer.subscription.updated", status="incomplete_expired", ended_at=sim.now
        )
    elif status in ("past_due", "unpaid", "incomplete"):
        newest = latest(account, subscription)
        if newest is None or newest["status"] != "open":
            change(sim, account, subscription, "customer.subscription.updated", status="active")
    elif status == "paused" and resumptions.waiting_for(account, subscription, invoice):
        if void:
            del account.subscriptions.resumptions[subscription["id"]]
            change(sim, account, subscription, "customer.subscription.updated", pending_update=None)
        else:
            resumptions.carry_out(sim, account, subscription)
