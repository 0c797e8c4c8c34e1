"""Standing: what paid and unpaid invoices mean for the subscription's status and the customer's delinquency.

May not charge, nor touch invoices.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources.events import change
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

LIVING = ("active", "past_due", "trialing", "unpaid", "incomplete")


def subscription_of(account: Account, invoice: Obj) -> Obj | None:
    """The subscription an invoice bills, None for any other invoice."""
    parent = invoice["parent"]
    if parent is None or parent["type"] != "subscription_details":
        return None
    return account.find("subscription", parent["subscription_details"]["subscription"])


def after_failure(sim: Simulation, account: Account, invoice: Obj) -> None:
    """A required payment failed: past due, and the customer is delinquent."""
    subscription = subscription_of(account, invoice)
    if subscription is not None and subscription["status"] == "active":
        change(sim, account, subscription, "customer.subscription.updated", status="past_due")
    customer = account.get("customer", invoice["customer"])
    change(sim, account, customer, "customer.updated", delinquent=True)


def after_settlement(sim: Simulation, account: Account, invoice: Obj) -> None:
    """The invoice asks for no money any more: active again when it was the latest, delinquent no more."""
    subscription = subscription_of(account, invoice)
    if subscription is not None and subscription["status"] in ("past_due", "unpaid", "incomplete"):
        # Stripe looks at the latest finalised invoice only.
        rows = account.table("invoice").rows
        newest_first = (rows[id_] for id_ in reversed(account.invoices_of.get(subscription["id"], [])))
        latest = next((row for row in newest_first if row["status"] != "draft"), None)
        if latest is None or latest["status"] != "open":
            change(sim, account, subscription, "customer.subscription.updated", status="active")
    customer = account.get("customer", invoice["customer"])
    change(sim, account, customer, "customer.updated", delinquent=False)
