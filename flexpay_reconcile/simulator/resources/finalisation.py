"""Finalisation by itself: a draft waits its hour, and for a 2xx on `invoice.created`; then it is tried or sent.

Facts: docs.stripe.com (workflow-transitions) and the SDK's words on `webhooks_delivered_at`: an invoice is paid or sent
one hour after its webhooks are delivered, or once all tries of a delivery are exhausted, and at the latest 72 hours
after its creation. Inferred: that the hour begins with the last delivery, that nothing reports the new time, and that
a test clock's invoice does not wait (its time does not pass while webhooks are delivered). May not answer requests.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.resources import collection, recipients, retry_plan, settlement, standing
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.settings import Mail
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

HOUR = 3600
LONGEST = 72 * HOUR
_FAILURE = (
    "The customer's location isn't recognized. Set a valid customer address in order to automatically calculate tax."
)


def schedule(sim: Simulation, account: Account, invoice: Obj, at: int | None = None) -> None:
    """Have a draft finalised by itself in an hour, or at an instant; nothing is reported."""
    due = sim.now + HOUR if at is None else at
    charged = invoice["collection_method"] == "charge_automatically"
    invoice.update(automatically_finalizes_at=due, next_payment_attempt=due if charged else None)
    sim.agenda.add(due, "finalize", account.key, invoice["id"])


def run(sim: Simulation, account: Account, invoice_id: str) -> None:
    """The time of a draft has come, unless it was moved, or its webhooks are still on their way."""
    invoice = account.find("invoice", invoice_id)
    if invoice is None or invoice["status"] != "draft" or not invoice["auto_advance"]:
        return
    planned = invoice["automatically_finalizes_at"]
    if planned is not None and planned > sim.now:
        return
    later = _waits_until(sim, account, invoice)
    if later is not None:
        schedule(sim, account, invoice, later)
        return
    subscription = standing.subscription_of(account, invoice)
    paused = None if subscription is None else subscription["pause_collection"]
    if paused is not None and paused["behavior"] == "keep_as_draft":
        invoice.update(automatically_finalizes_at=None, next_payment_attempt=None)
        return
    try:
        finalize(sim, account, invoice)
    except Refusal:
        return
    if invoice["status"] != "open":
        return
    if paused is not None and paused["behavior"] == "void":
        settlement.void(sim, account, invoice)
    elif paused is not None:
        settlement.mark_uncollectible(sim, account, invoice, "subscription_paused")
    elif invoice["collection_method"] == "charge_automatically":
        collection.attempt_automatically(sim, account, invoice)
    else:
        send(sim, account, invoice)


def _waits_until(sim: Simulation, account: Account, invoice: Obj) -> int | None:
    """When to look again, or to finalise, for the sake of the webhooks; None when nothing holds the invoice back."""
    if invoice["test_clock"] is not None:
        return None
    latest: int = invoice["created"] + LONGEST
    if recipients.undelivered(account, invoice["id"]):
        return min(sim.now + HOUR, latest) if sim.now < latest else None
    delivered: int | None = invoice["webhooks_delivered_at"]
    if delivered is None or delivered + HOUR <= sim.now or sim.now >= latest:
        return None
    return min(delivered + HOUR, latest)


def finalize(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Draft to open; a Refusal when it cannot be finalised, which is reported and leaves it a draft.

    The only cause here is a customer marked by the control interface: automatic tax that finds no address.
    """
    if invoice["customer"] not in account.unfinalizable:
        invoice["last_finalization_error"] = None
        collection.finalize(sim, account, invoice)
        return
    error = {
        "code": "customer_tax_location_invalid",
        "doc_url": "https://stripe.com/docs/error-codes/customer-tax-location-invalid",
        "message": _FAILURE,
        "type": "invalid_request_error",
    }
    invoice.update(automatically_finalizes_at=None, next_payment_attempt=None, last_finalization_error=error)
    emit(sim, account, "invoice.finalization_failed", invoice)
    raise Refusal(400, _FAILURE, code=error["code"], saved=True)


def collect_soon(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Stripe collects an open invoice with `auto_advance` by itself: the first try comes in an hour [INFER].

    After a first try, what is planned next is the retry settings' affair.
    """
    if invoice["next_payment_attempt"] is not None or not retry_plan.collects_itself(account, invoice):
        return
    at: int | None = sim.now + HOUR
    if invoice["attempt_count"]:
        at = retry_plan.next_at(sim, account, invoice, collection.method_for(account, invoice))
    if at is not None:
        invoice["next_payment_attempt"] = at
        sim.agenda.add(at, "collect", account.key, invoice["id"])


def send(sim: Simulation, account: Account, invoice: Obj) -> None:
    """The invoice goes to the customer by mail."""
    account.mails.append(Mail(sim.now, invoice["customer"], invoice["id"], "invoice"))
    emit(sim, account, "invoice.sent", invoice)
