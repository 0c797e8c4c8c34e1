"""Payments attached to an invoice: several payments pay it in parts, and one may be too much.

Facts: Stripe's OpenAPI document (attach_payment: a PaymentIntent that succeeded is credited at once; what is too much
goes to the customer's balance). Built for succeeded intents alone. May not charge anything.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import payment_intents, settlement
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.invoices import found
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

ATTACH: Shape = {"payment_intent": "string"}


def attach(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/attach_payment: open invoices; sentences inferred."""
    account, invoice = call.account, found(call, id_)
    if "payment_intent" not in call.params:
        raise invalid("Missing required param: payment_intent.", param="payment_intent", code="parameter_missing")
    wanted = call.params["payment_intent"]
    intent = account.find("payment_intent", wanted)
    if intent is None:
        raise missing("payment_intent", wanted, param="payment_intent", status=400)
    if invoice["status"] != "open":
        raise not_allowed("You can only attach payments to open invoices. This invoice isn't open.")
    if wanted in account.payment_of:
        raise not_allowed("This PaymentIntent is already attached to an invoice.", param="payment_intent")
    if intent["customer"] != invoice["customer"] or intent["currency"] != invoice["currency"]:
        raise not_allowed(
            "The PaymentIntent must have the customer and the currency of the invoice.", param="payment_intent"
        )
    if intent["status"] != "succeeded":
        raise not_allowed("This simulator attaches PaymentIntents that have succeeded.", param="payment_intent")
    if account.table("refund").by("charge", intent["latest_charge"]):
        raise not_allowed("You can't attach a PaymentIntent whose payment was refunded.", param="payment_intent")
    _credit(call.sim, account, invoice, intent)
    return invoice


def _credit(sim: Simulation, account: Account, invoice: Obj, intent: Obj) -> None:
    amount, asked = intent["amount_received"], invoice["amount_remaining"]
    payment: Obj = {
        "id": sim.new_id(account, "inpay"),
        "object": "invoice_payment",
        "amount_paid": amount,
        "amount_requested": intent["amount"],
        "created": sim.now,
        "currency": invoice["currency"],
        "invoice": invoice["id"],
        "is_default": False,
        "livemode": account.livemode,
        "payment": {"payment_intent": intent["id"], "type": "payment_intent"},
        "status": "paid",
        "status_transitions": {"canceled_at": None, "paid_at": sim.now},
    }
    account.table("invoice_payment").add(payment)
    account.payment_of[intent["id"]] = payment["id"]
    account.invoice_of[intent["id"]] = invoice["id"]
    emit(sim, account, "invoice_payment.paid", payment)
    sim.ledger.state(sim.now, account.id, invoice["id"], "part_paid", amount=amount, detail=intent["latest_charge"])
    if amount < asked:
        values = {"amount_paid": invoice["amount_paid"] + amount, "amount_remaining": asked - amount}
        change(sim, account, invoice, "invoice.updated", **values)
        return
    default = payment_intents.of_invoice(account, invoice["id"])
    if default is None or default["status"] != "processing":  # a debit on its way cannot be called back: it is credited
        payment_intents.cancel(sim, account, invoice["id"], "automatic")
    settlement.settle(sim, account, invoice, intent=None, attached=amount)


ROUTES: tuple[Route, ...] = (route("POST", "invoices/*/attach_payment", attach, "rak_invoice_write", ATTACH),)
