"""Charging: one try at a payment intent that a request made, without an invoice.

The twin of `collection`, which tries invoices. May not answer requests: `intent_requests` does.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.issuers.answers import Answer
from flexpay_reconcile.simulator.resources import charges, payment_intents, reviews
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def attempt(
    sim: Simulation,
    account: Account,
    intent: Obj,
    method: Obj,
    answer: Answer,
    *,
    authenticated: bool = False,
    return_url: str | None = None,
) -> Obj | None:
    """Charge the intent once on this payment method, with this answer; None where 3D Secure is asked for."""
    if answer.requires_action:
        payment_intents.ask_action(sim, account, intent, method, return_url)
        return None
    manual = intent["capture_method"] == "manual" and method["type"] == "card"
    charge = charges.make(
        sim,
        account,
        intent=intent,
        method=method,
        invoice=None,
        answer=answer,
        authenticated=authenticated,
        capture=not manual,
    )
    conclude(sim, account, intent, charge, method, answer)
    return charge


def conclude(sim: Simulation, account: Account, intent: Obj, charge: Obj, method: Obj, answer: Answer) -> None:
    """What the answer to a charge means for its intent."""
    if answer.pending:
        payment_intents.process(sim, account, intent, charge)
        return
    if not answer.approved:
        payment_intents.fail(sim, account, intent, answer, charge, method)
        return
    if method["customer"] is None:
        account.payments.used.add(method["id"])
    if charge["captured"]:
        payment_intents.succeed(sim, account, intent, charge)
        return
    intent.update(
        status="requires_capture",
        amount_capturable=intent["amount"],
        latest_charge=charge["id"],
        last_payment_error=None,
        next_action=None,
        payment_method=method["id"],
    )
    if charge["outcome"]["type"] == "manual_review":
        reviews.open_review(sim, account, intent, charge)
    emit(sim, account, "payment_intent.amount_capturable_updated", intent)
