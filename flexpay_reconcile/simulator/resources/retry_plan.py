"""When Stripe itself tries an invoice again, by the account's settings: no state but the invoice's own fields.

Facts: docs.stripe.com (smart retries, 2026-04-12) and the SDK's words on `Invoice.attempt_count`: only the first try
and Stripe's own retries count, so `attempt_count - 1` is the number of retries done. The instants of Smart Retries are
chance by hash (Stripe's model is not published): one in each of `tries` equal parts of the window, which begins with
the finalisation. After every try the next one is planned by the settings of that moment. May not try anything.
"""

from __future__ import annotations

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.resources import standing
from flexpay_reconcile.simulator.settings import DAY
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

HARD = frozenset(
    {
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "authentication_required",
        "highest_risk_level",
        "transaction_not_allowed",
    }
)
"""After these Stripe goes on scheduling retries but carries none out on the same card [DOC 2026-04-12]."""
_RETRIED = frozenset({"card", "us_bank_account"})
"""Of the bank debits Stripe retries ACH only [DOC 2026-04-12]."""
_SOONEST = 3600


def next_at(sim: Simulation, account: Account, invoice: Obj, method: Obj | None) -> int | None:
    """When the next retry is due after a try that failed now on `method`; None when there is none to come.

    Never retried: without a payment method, cards issued in India, bank debits but ACH. That none is scheduled for them
    either, so that the final states apply at once, is inferred.
    """
    settings = account.settings
    if settings.retries == "off" or not _retried(method) or not collects_itself(account, invoice):
        return None
    done = invoice["attempt_count"] - 1
    if settings.retries != "smart":
        return sim.now + settings.rules[done] * DAY if 0 <= done < len(settings.rules) else None
    if not 0 <= done < settings.tries:
        return None
    window = settings.window_days * DAY
    start = invoice["status_transitions"]["finalized_at"]
    part = chance.uniform(sim.seed, account.id, invoice["id"], "smart retry", done)
    at = start + int((done + 0.1 + 0.8 * part) * window / settings.tries)
    if at < sim.now + _SOONEST:  # tried late: the window was shorter before, or the first try came late
        at = sim.now + _SOONEST + int(part * DAY)
    return int(at) if at <= start + window else None


def collects_itself(account: Account, invoice: Obj) -> bool:
    """Whether Stripe's own collection is at work on an open invoice.

    Not without `auto_advance`, not for invoices that are sent, and not for the first invoice of an incomplete
    subscription, which is only paid on session.
    """
    if invoice["status"] != "open" or not invoice["auto_advance"]:
        return False
    if invoice["collection_method"] != "charge_automatically":
        return False
    subscription = standing.subscription_of(account, invoice)
    return subscription is None or subscription["status"] not in ("incomplete", "incomplete_expired", "canceled")


def _retried(method: Obj | None) -> bool:
    if method is None or method["type"] not in _RETRIED:
        return False
    return method["type"] != "card" or bool(method["card"]["country"] != "IN")


def is_barred(account: Account, intent: Obj | None, method: Obj | None) -> bool:
    """Whether a due retry is not carried out: the last try met a hard code on this same payment method."""
    if intent is None or method is None or account.settings.retries == "off":
        return False
    if intent["status"] == "requires_action":
        return bool(intent["payment_method"] == method["id"])
    error = intent["last_payment_error"]
    if error is None or error["payment_method"]["id"] != method["id"]:
        return False
    charge = account.find("charge", intent["latest_charge"])
    reason = None if charge is None else charge["outcome"]["reason"]
    return not HARD.isdisjoint({error["code"], error.get("decline_code"), reason})
