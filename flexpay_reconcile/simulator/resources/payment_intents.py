"""Payment intents: one for each invoice that asks for money or made by a request, and its status over all tries.

May not charge: `collection` and `charging` do. What requests do with intents is in `intent_requests`.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.issuers.answers import Answer
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import reviews
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

LIST: Shape = {**PAGING, "created": "range", "customer": "string"}


def base(sim: Simulation, account: Account, **values: Any) -> Obj:
    """A new payment intent with these values, put into its table."""
    id_ = sim.new_id(account, "pi")
    intent: Obj = {
        "id": id_,
        "object": "payment_intent",
        "amount": 0,
        "amount_capturable": 0,
        "amount_received": 0,
        "application": None,
        "application_fee_amount": None,
        "automatic_payment_methods": None,
        "canceled_at": None,
        "cancellation_reason": None,
        "capture_method": "automatic",
        "client_secret": f"{id_}_secret_simulated",
        "confirmation_method": "automatic",
        "created": sim.now,
        "currency": "usd",
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "last_payment_error": None,
        "latest_charge": None,
        "livemode": account.livemode,
        "managed_payments": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "processing": None,
        "receipt_email": None,
        "review": None,
        "setup_future_usage": None,
        "shipping": None,
        "source": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "requires_payment_method",
        "transfer_data": None,
        "transfer_group": None,
    }
    intent.update(values)
    return account.table("payment_intent").add(intent)


def make(sim: Simulation, account: Account, invoice: Obj) -> Obj:
    """The payment intent of an invoice, with the invoice payment that links the two."""
    intent = base(
        sim,
        account,
        amount=invoice["amount_remaining"],
        currency=invoice["currency"],
        customer=invoice["customer"],
        description="Subscription update",
        setup_future_usage="off_session",
    )
    id_ = intent["id"]
    payment = account.table("invoice_payment").add(
        {
            "id": sim.new_id(account, "inpay"),
            "object": "invoice_payment",
            "amount_paid": None,
            "amount_requested": invoice["amount_remaining"],
            "created": sim.now,
            "currency": invoice["currency"],
            "invoice": invoice["id"],
            "is_default": True,
            "livemode": account.livemode,
            "payment": {"payment_intent": id_, "type": "payment_intent"},
            "status": "open",
            "status_transitions": {"canceled_at": None, "paid_at": None},
        }
    )
    account.payment_of[id_] = payment["id"]
    account.invoice_of[id_] = invoice["id"]
    emit(sim, account, "payment_intent.created", intent)
    return intent


def of_invoice(account: Account, invoice_id: str) -> Obj | None:
    """The default payment intent of an invoice, None before its finalisation."""
    table = account.table("invoice_payment")
    for payment_id in table.by("invoice", invoice_id):
        payment = table.rows[payment_id]
        if payment["is_default"]:
            return account.get("payment_intent", payment["payment"]["payment_intent"])
    return None


def error_of(answer: Answer, charge: Obj | None, method: Obj) -> dict[str, Any]:
    """The fields of `last_payment_error` and of the API's error for a failed try."""
    error: dict[str, Any] = {"code": answer.code}
    if charge is not None:
        error["charge"] = charge["id"]
    for name in ("decline_code", "advice_code", "network_decline_code", "network_advice_code"):
        value = getattr(answer, name)
        if value is not None:
            error[name] = value
    error["doc_url"] = "https://stripe.com/docs/error-codes/" + str(answer.code).replace("_", "-")
    error["message"] = answer.message
    error["payment_method"] = dict(method)
    error["payment_method_type"] = method["type"]
    error["type"] = answer.type_
    return error


def succeed(sim: Simulation, account: Account, intent: Obj, charge: Obj, *, received: int | None = None) -> None:
    """The money is there, all of it unless `received` says less: intent and invoice payment are settled."""
    intent.update(
        status="succeeded",
        amount_received=intent["amount"] if received is None else received,
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=None,
        payment_method=charge["payment_method"],
    )
    if charge["outcome"]["type"] == "manual_review" and charge["review"] is None:
        reviews.open_review(sim, account, intent, charge)
    sim.ledger.state(sim.now, account.id, intent["id"], "succeeded")
    emit(sim, account, "payment_intent.succeeded", intent)


def process(sim: Simulation, account: Account, intent: Obj, charge: Obj) -> None:
    """A bank debit is on its way."""
    type_ = charge["payment_method_details"]["type"]
    known = intent["payment_method_types"]
    intent.update(
        status="processing",
        latest_charge=charge["id"],
        next_action=None,
        last_payment_error=None,
        payment_method=charge["payment_method"],
        payment_method_types=known if type_ in known else [*known, type_],
    )
    emit(sim, account, "payment_intent.processing", intent)


def settle_payment(sim: Simulation, account: Account, intent: Obj) -> None:
    """Mark the invoice payment paid and report it."""
    payment = account.get("invoice_payment", account.payment_of[intent["id"]])
    payment.update(
        status="paid",
        amount_paid=intent["amount"],
        status_transitions={**payment["status_transitions"], "paid_at": sim.now},
    )
    emit(sim, account, "invoice_payment.paid", payment)


def fail(sim: Simulation, account: Account, intent: Obj, answer: Answer, charge: Obj | None, method: Obj) -> None:
    """A try failed, or 3D Secure is asked for."""
    action = answer.requires_action
    intent.update(
        status="requires_action" if action else "requires_payment_method",
        latest_charge=charge["id"] if charge is not None else intent["latest_charge"],
        last_payment_error=None if action else error_of(answer, charge, method),
        next_action=_next_action(intent, None) if action else None,
        payment_method=method["id"] if action else None,
    )
    emit(sim, account, "payment_intent.requires_action" if action else "payment_intent.payment_failed", intent)


def ask_action(sim: Simulation, account: Account, intent: Obj, method: Obj, return_url: str | None) -> None:
    """3D Secure is asked for in answer to a request, which may say where the customer returns to."""
    intent.update(
        status="requires_action",
        last_payment_error=None,
        next_action=_next_action(intent, return_url),
        payment_method=method["id"],
    )
    emit(sim, account, "payment_intent.requires_action", intent)


def _next_action(intent: Obj, return_url: str | None) -> Obj:
    """What the customer has to do: on Stripe's own page when it was said where to return to, else within Stripe.js."""
    if return_url is None:
        return {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
    url = f"https://hooks.stripe.com/3d_secure_2/hosted?payment_intent={intent['id']}"
    return {"redirect_to_url": {"return_url": return_url, "url": url}, "type": "redirect_to_url"}


def cancel(sim: Simulation, account: Account, invoice_id: str, reason: str) -> None:
    """Cancel the intent of an invoice that asks for no money any more."""
    intent = of_invoice(account, invoice_id)
    if intent is not None and intent["status"] not in ("succeeded", "canceled"):
        cancel_one(sim, account, intent, reason)


def cancel_one(sim: Simulation, account: Account, intent: Obj, reason: str | None) -> None:
    """Cancel an intent with its invoice payment, if it has one. A debit on its way comes to nothing [INFER]."""
    intent.update(
        status="canceled", canceled_at=sim.now, cancellation_reason=reason, next_action=None, amount_capturable=0
    )
    payment_id = account.payment_of.get(intent["id"])
    if payment_id is not None:
        payment = account.get("invoice_payment", payment_id)
        payment.update(status="canceled", status_transitions={**payment["status_transitions"], "canceled_at": sim.now})
    emit(sim, account, "payment_intent.canceled", intent)


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/payment_intents/{id}"""
    found = call.account.find("payment_intent", id_)
    if found is None:
        raise missing("payment_intent", id_, param="intent")
    return found


def listing(call: Call) -> Obj:
    """GET /v1/payment_intents: filters created, customer."""
    customer = call.params.get("customer")
    ids = call.account.table("payment_intent").by("customer", customer) if customer is not None else None
    return page(call, "payment_intent", "/v1/payment_intents", ids=ids)


ROUTES: tuple[Route, ...] = (
    route("GET", "payment_intents", listing, "rak_payment_intent_read", LIST),
    route("GET", "payment_intents/*", retrieve, "rak_payment_intent_read"),
)
