"""Pausing: the whole subscription (flexible mode), or its collection alone; and resuming.

Facts: docs.stripe.com/billing/subscriptions/pause and pause-payment (2026), SDK 16.1.0 (pause, resume). A paused
subscription makes no invoices and its periods end when it is paused; its invoices go on and do not touch it.
Inferred: the sentences of the refusals; the reason of a resumption invoice; that one not tried within 23 hours is void.
What a paused collection does to an invoice is finalisation's affair. May not cancel.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.protocol.params import Clearable, Shape
from flexpay_reconcile.simulator.protocol.refusals import Refusal, not_allowed
from flexpay_reconcile.simulator.resources import billing, prorations, resumptions, settlement, trials
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.subscription_build import is_flexible, items_of, restarted, with_items
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation
from flexpay_reconcile.simulator.subscription_state import Resumption

COLLECTION = Clearable({"behavior!": ("keep_as_draft", "mark_uncollectible", "void"), "resumes_at": "int"})
PAUSE: Shape = {
    "type": ("subscription",),
    "invoicing_behavior": ("invoice", "pending_invoice_item"),
    "bill_for": {
        "unused_time_from": {"type!": ("item_current_period_start", "none", "now")},
        "outstanding_usage_through": {"type!": ("none", "now")},
    },
}
RESUME: Shape = {
    "billing_cycle_anchor": {"type!": ("now", "unchanged")},
    "payment_behavior": ("resume_on_payment_attempt", "resume_on_payment_success"),
    "proration_behavior": ("always_invoice", "create_prorations", "none"),
}
ATTEMPT_SECONDS = 23 * 3600
SUCCESS_SECONDS = 365 * 86400


def collection_of(sim: Simulation, given: Any) -> Obj | None:
    """The `pause_collection` hash a request asks for; None resumes the collection."""
    if given == "":
        return None
    resumes_at = given.get("resumes_at")
    if resumes_at is not None and resumes_at <= sim.now:
        raise trials.future("pause_collection[resumes_at]")
    return {"behavior": given["behavior"], "resumes_at": resumes_at}


def write_down(sim: Simulation, account: Account, subscription: Obj) -> None:
    """Plan the end of a paused collection."""
    paused = subscription["pause_collection"]
    if paused is not None and paused["resumes_at"] is not None:
        sim.agenda.add(paused["resumes_at"], "resume_collection", account.key, subscription["id"])


def collect_again(sim: Simulation, account: Account, subscription_id: str) -> None:
    """The instant of `resumes_at` has come, unless it was moved: what is made from now on is collected."""
    subscription = account.find("subscription", subscription_id)
    paused = None if subscription is None else subscription["pause_collection"]
    if subscription is not None and paused is not None and paused["resumes_at"] == sim.now:
        change(sim, account, subscription, "customer.subscription.updated", pause_collection=None)


def _check_pausable(subscription: Obj) -> None:
    if subscription["collection_method"] != "charge_automatically":
        raise not_allowed("Only subscriptions that are charged automatically can be paused.")
    if not is_flexible(subscription):
        raise not_allowed("Only subscriptions with flexible billing mode can be paused.")
    if subscription["status"] not in ("active", "past_due", "unpaid"):
        raise not_allowed(f"A subscription with the status `{subscription['status']}` can't be paused.")


def pause(call: Call, subscription: Obj) -> Obj:
    """POST /v1/subscriptions/{id}/pause: unused time becomes a pending credit, or is invoiced at once."""
    _check_pausable(subscription)
    sim, account, params = call.sim, call.account, call.params
    unused = params.get("bill_for", {}).get("unused_time_from", {}).get("type", "now")
    for item in items_of(subscription) if unused != "none" else ():
        start = sim.now if unused == "now" else item["current_period_start"]
        prorations.credit(sim, account, subscription, item, start, item["current_period_end"])
    carry_out(sim, account, subscription, "pause_requested")
    if params.get("invoicing_behavior") == "invoice":
        billing.bill_now(sim, account, subscription)
    return subscription


def carry_out(sim: Simulation, account: Account, subscription: Obj, why: str) -> None:
    """Pause now, for one of the SDK's reasons, and report it."""
    items = [
        {**item, "current_period_end": max(item["current_period_start"], min(sim.now, item["current_period_end"]))}
        for item in items_of(subscription)
    ]
    change(
        sim,
        account,
        subscription,
        "customer.subscription.updated",
        status="paused",
        status_details=trials.paused_details(sim, why),
        items=with_items(subscription, items),
    )
    emit(sim, account, "customer.subscription.paused", subscription)


def resume(call: Call, subscription: Obj) -> Obj:
    """POST /v1/subscriptions/{id}/resume: without an invoice it is active at once, else when that is dealt with."""
    sim, account, params = call.sim, call.account, call.params
    on_success = _check_resumable(account, subscription, params)
    reset = params.get("billing_cycle_anchor", {}).get("type", "now") == "now"
    anchor = sim.now if reset else None
    behavior = params.get("proration_behavior", "create_prorations")
    old = {item["id"]: account.anchors[item["id"]] for item in items_of(subscription)}
    point = subscription["billing_cycle_anchor"] if anchor is None else anchor
    items = [
        {**restarted(account, item, point, sim.now), "current_period_start": sim.now} for item in items_of(subscription)
    ]
    if not reset and behavior != "none":
        for item in items:
            prorations.debit(sim, account, subscription, item, sim.now, item["current_period_end"])
    if not reset and behavior != "always_invoice":
        resumptions.begin(sim, account, subscription, anchor=anchor, since=sim.now)
        return subscription
    invoice = billing.bill(sim, account, subscription, "subscription_update", items=items if reset else [])
    if not on_success:
        invoice["auto_advance"] = False
    account.anchors.update(old)
    _await(sim, account, subscription, Resumption(invoice["id"], anchor, sim.now, on_success))
    emit(sim, account, "invoice.created", invoice)
    billing.advance(sim, account, subscription, invoice, collect=on_success)
    return subscription


def _check_resumable(account: Account, subscription: Obj, params: dict[str, Any]) -> bool:
    """Whether only a payment resumes it; refuses what cannot be resumed."""
    if subscription["status"] != "paused":
        raise not_allowed("Only subscriptions with the status `paused` can be resumed.")
    if subscription["collection_method"] != "charge_automatically":
        raise not_allowed("Only subscriptions that are charged automatically can be resumed.")
    if subscription["id"] in account.subscriptions.resumptions:
        raise not_allowed("This subscription is being resumed already: its invoice waits for a payment.")
    on_success = params.get("payment_behavior") == "resume_on_payment_success"
    if on_success and not is_flexible(subscription):
        raise not_allowed("`resume_on_payment_success` needs a subscription with flexible billing mode.")
    if on_success and not trials.has_method(account, subscription):
        raise Refusal(
            400,
            "This customer has no attached payment source or default payment method. Please consider adding a default "
            "payment method.",
            code="resource_missing",
            saved=True,
        )
    return on_success


def _await(sim: Simulation, account: Account, subscription: Obj, waits: Resumption) -> None:
    """The subscription stays paused until its resumption invoice is dealt with."""
    seconds = SUCCESS_SECONDS if waits.on_success else ATTEMPT_SECONDS
    account.subscriptions.resumptions[subscription["id"]] = waits
    pending = {
        "billing_cycle_anchor": waits.anchor,
        "discount": None,
        "discounts": None,
        "expires_at": sim.now + seconds,
        "metadata": None,
        "subscription_items": None,
        "trial_end": None,
        "trial_from_plan": None,
    }
    change(
        sim,
        account,
        subscription,
        "customer.subscription.updated",
        latest_invoice=waits.invoice,
        pending_update=pending,
    )
    sim.agenda.add(sim.now + seconds, "resumption_expires", account.key, waits.invoice)


def expire(sim: Simulation, account: Account, invoice_id: str) -> None:
    """Nobody tried to pay the resumption invoice in time: it is void and the subscription stays paused."""
    invoice = account.find("invoice", invoice_id)
    if invoice is None or invoice["status"] != "open":
        return
    waiting = any(each.invoice == invoice_id for each in account.subscriptions.resumptions.values())
    if waiting:
        settlement.void(sim, account, invoice)
