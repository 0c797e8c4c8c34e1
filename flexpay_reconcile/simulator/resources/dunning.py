"""Stripe's own engine: retries that come due, what an automation plans, and what is done when the last try failed.

Facts: docs.stripe.com (smart retries, 2026-04-12), the SDK's `status_details`. `retry_plan` says when, `collection`
tries. Inferred: that an empty schedule ends with the first failure, that a retry which is not carried out is only seen
in `invoice.updated`, and that the final setting pauses subscriptions of both billing modes. Everything here is Stripe's
own doing: its events carry no request. May not answer requests.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources import (
    collection,
    pausing,
    payment_intents,
    renewals,
    retry_plan,
    settlement,
    standing,
)
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def collect(sim: Simulation, account: Account, invoice_id: str) -> None:
    """A `next_payment_attempt` has come. Without `auto_advance`, or when it was moved, nothing happens."""
    invoice = account.find("invoice", invoice_id)
    if invoice is None or invoice["status"] != "open" or not invoice["auto_advance"]:
        return
    if invoice["next_payment_attempt"] != sim.now:
        return
    intent = payment_intents.of_invoice(account, invoice_id)
    if intent is not None and intent["status"] == "processing":
        change(sim, account, invoice, "invoice.updated", next_payment_attempt=None)
        return
    method = collection.method_for(account, invoice)
    if retry_plan.is_barred(account, intent, method):
        _skip(sim, account, invoice, method)
    else:
        collection.attempt_automatically(sim, account, invoice)


def _skip(sim: Simulation, account: Account, invoice: Obj, method: Obj | None) -> None:
    """A retry after a hard code: it counts, the next is scheduled, and nobody is charged."""
    count = invoice["attempt_count"] + 1
    at = retry_plan.next_at(sim, account, {**invoice, "attempt_count": count}, method)
    later = account.settings.retries == "automation"
    values = {"attempt_count": count, "next_payment_attempt": None if later else at}
    change(sim, account, invoice, "invoice.updated", **values)
    if at is None:
        give_up(sim, account, invoice_id=invoice["id"])
    elif later:
        sim.agenda.add(sim.now + collection.AUTOMATION_SECONDS, "automation", account.key, invoice["id"])
    else:
        sim.agenda.add(at, "collect", account.key, invoice["id"])


def automate(sim: Simulation, account: Account, invoice_id: str) -> None:
    """An automation plans the next try, some time after the one that failed."""
    invoice = account.find("invoice", invoice_id)
    if invoice is None or invoice["next_payment_attempt"] is not None:
        return
    at = retry_plan.next_at(sim, account, invoice, collection.method_for(account, invoice))
    if at is not None:
        at -= collection.AUTOMATION_SECONDS  # the days of a rule count from the try
        change(sim, account, invoice, "invoice.updated", next_payment_attempt=at)
        sim.agenda.add(at, "collect", account.key, invoice_id)


def give_up(sim: Simulation, account: Account, invoice_id: str) -> None:
    """The last try failed and the invoice is still unpaid: the account's final states."""
    invoice = account.find("invoice", invoice_id)
    if invoice is None or invoice["next_payment_attempt"] is not None:
        return
    if retry_plan.collects_itself(account, invoice):
        _finish(sim, account, invoice, "max_payment_attempts")


def overdue(sim: Simulation, account: Account, invoice_id: str) -> None:
    """A sent invoice is overdue by the days of the settings: reported, and the account's final states."""
    invoice = account.find("invoice", invoice_id)
    if invoice is not None and invoice["status"] == "open":
        emit(sim, account, "invoice.overdue", invoice)
        _finish(sim, account, invoice, "payment_not_received")


def _finish(sim: Simulation, account: Account, invoice: Obj, reason: str) -> None:
    """Subscription first, then the invoice; the customer stays delinquent (only the API forgives)."""
    settings = account.settings
    subscription = standing.subscription_of(account, invoice)
    if subscription is not None and subscription["status"] in ("active", "past_due", "unpaid"):
        if settings.subscription == "canceled":
            renewals.end(sim, account, subscription, reason="payment_failed")
        elif settings.subscription == "unpaid":
            change(sim, account, subscription, "customer.subscription.updated", status="unpaid")
        elif settings.subscription == "paused":
            pausing.carry_out(sim, account, subscription, "final_payment_failure")
    if settings.invoice == "uncollectible":
        settlement.mark_uncollectible(sim, account, invoice, reason)
