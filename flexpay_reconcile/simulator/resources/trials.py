"""Trials: a free first period whose end is told three days before, and what happens when it ends without a card.

Facts: OpenAPI 2026-05-27.dahlia (`trial_settings`, `trial_end`; `customer.subscription.trial_will_end`): three days
before the end, or at once when a trial is ended by request or is shorter. May not make an invoice nor charge.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.settings import DAY
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

WARNING = 3 * DAY
LONGEST = 730 * DAY
FUTURE = "Invalid timestamp: must be an integer Unix timestamp in the future."


def future(name: str) -> Refusal:
    """An instant that has passed."""
    return invalid(FUTURE, param=name)


def asked(sim: Simulation, trial_end: str | None, days: int | None) -> int | None:
    """The end of the trial a request asks for (`now` and 0 days: none), None for no trial."""
    if trial_end is not None and days is not None:
        raise invalid(
            "You may only specify one of these parameters: trial_end, trial_period_days.", param="trial_period_days"
        )
    if days is not None:
        if days < 0:
            raise invalid("Invalid non-negative integer", param="trial_period_days", code="parameter_invalid_integer")
        end = sim.now + days * DAY
    elif trial_end is None or trial_end == "now":
        return None
    else:
        end = int(trial_end)
        if end <= sim.now:
            raise future("trial_end")
    if end > sim.now + LONGEST:
        raise invalid("The trial can be at most two years long.", param="trial_end")
    return end if end > sim.now else None


def announce(sim: Simulation, account: Account, subscription: Obj) -> None:
    """Plan the notice of the trial's end."""
    sim.agenda.add(max(subscription["trial_end"] - WARNING, sim.now), "trial_will_end", account.key, subscription["id"])


def will_end(sim: Simulation, account: Account, subscription_id: str) -> None:
    """Three days are left of a trial, unless it was moved."""
    subscription = account.find("subscription", subscription_id)
    if subscription is None or subscription["status"] != "trialing" or subscription["trial_end"] <= sim.now:
        return
    if subscription["trial_end"] - sim.now <= WARNING:
        emit(sim, account, "customer.subscription.trial_will_end", subscription)


def has_method(account: Account, subscription: Obj) -> bool:
    """Whether anything could be charged for the subscription."""
    customer = account.get("customer", subscription["customer"])
    default = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    return default is not None


def at_end(account: Account, subscription: Obj) -> str:
    """What happens when the trial ends now: create_invoice, cancel or pause (the last two only without a card)."""
    if subscription["collection_method"] == "send_invoice" or has_method(account, subscription):
        return "create_invoice"
    return str(subscription["trial_settings"]["end_behavior"]["missing_payment_method"])


def paused_details(sim: Simulation, why: str) -> Obj:
    """The `status_details` hash of a subscription that is paused now; `why` is one of the SDK's words."""
    return {"paused": {"subscription": {"type": why}, "transitioned_at": sim.now, "type": "subscription"}}


def pause(sim: Simulation, account: Account, subscription: Obj) -> None:
    """The trial ended without a card, and the subscription was to be paused then."""
    details = paused_details(sim, "trial_end_without_payment_method")
    change(sim, account, subscription, "customer.subscription.updated", status="paused", status_details=details)
    emit(sim, account, "customer.subscription.paused", subscription)
