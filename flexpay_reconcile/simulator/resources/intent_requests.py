"""What requests do with payment intents: create, update, confirm, capture, cancel.

Intents that Stripe made for an invoice can be confirmed and updated here too, and not cancelled (void the invoice).
The customer's own part of 3D Secure is a control verb (`authenticate`). May not decide what an issuer answers.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.protocol import currencies
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import (
    authentication,
    charges,
    charging,
    collection,
    instruments,
    method_sources,
    payment_intents,
    payment_methods,
)
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Call, Obj

_ANOTHERS = (
    "The provided PaymentMethod belongs to a Customer. Please include the Customer in the `customer` parameter on the "
    "PaymentIntent."
)
_TYPES = frozenset(payment_methods.TYPES)
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")
_COMMON: Shape = {
    "payment_method": "string",
    "payment_method_data": method_sources.INLINE,
    "payment_method_types": "strings",
    "receipt_email": "string",
    "setup_future_usage": ("off_session", "on_session"),
}
_DESCRIBED: Shape = {
    "customer": "string",
    "description": "string",
    "metadata": "map",
    "statement_descriptor": "string",
    "statement_descriptor_suffix": "string",
    "transfer_group": "string",
    "capture_method": ("automatic", "automatic_async", "manual"),
}
_CONFIRM_ONLY: Shape = {
    "off_session": "bool",
    "error_on_requires_action": "bool",
    "return_url": "string",
    "use_stripe_sdk": "bool",
    "mandate": "string",
}
CREATE: Shape = {
    **_COMMON,
    **_DESCRIBED,
    **_CONFIRM_ONLY,
    "amount!": "int",
    "currency!": "currency",
    "confirm": "bool",
    "confirmation_method": ("automatic", "manual"),
    "automatic_payment_methods": {"enabled!": "bool", "allow_redirects": ("always", "never")},
}
UPDATE: Shape = {**_COMMON, **_DESCRIBED, "amount": "int", "currency": "currency"}
CONFIRM: Shape = {**_COMMON, **_CONFIRM_ONLY}
CANCEL: Shape = {"cancellation_reason": ("abandoned", "duplicate", "fraudulent", "requested_by_customer")}
CAPTURE: Shape = {
    "amount_to_capture": "int",
    "metadata": "map",
    "statement_descriptor": "string",
    "statement_descriptor_suffix": "string",
}


def _unexpected(intent: Obj, message: str) -> Refusal:
    """400 for what the intent's status does not allow; the error carries the intent."""
    return Refusal(400, message, code="payment_intent_unexpected_state", saved=True, payment_intent=dict(intent))


def _values(call: Call, intent: Obj | None) -> dict[str, Any]:
    """The parameters as fields of the intent, checked against the account."""
    params, account = call.params, call.account
    values = {name: params[name] for name in (*_DESCRIBED, *_COMMON, "amount", "currency") if name in params}
    if values.get("amount", 1) < 1:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if {"amount", "currency"} & set(values):
        asked = {**(intent or {}), **values}
        currencies.check(asked["amount"], asked["currency"])
    if "metadata" in values:
        values["metadata"] = merge_metadata({} if intent is None else intent["metadata"], values["metadata"])
    customer = values.get("customer")
    if customer is not None and account.find("customer", customer) is None:
        raise missing("customer", customer, param="customer", status=400)
    for name in values.get("payment_method_types", ()):
        if name not in _TYPES:
            raise invalid(
                f"The payment method type provided: {name[:60]} is invalid.", param="payment_method_types", code=None
            )
    values.pop("payment_method_data", None)
    method = _method(call, customer or (intent or {}).get("customer"))
    if method is not None:
        values["payment_method"] = method["id"]
        known = values.get("payment_method_types") or (intent or {}).get("payment_method_types") or ["card"]
        if method["type"] not in known:
            if "payment_method_types" in params:
                raise invalid(
                    f"The PaymentMethod provided ({method['type']}) is not allowed for this PaymentIntent.",
                    param="payment_method",
                    code="payment_intent_incompatible_payment_method",
                )
            values["payment_method_types"] = [*known, method["type"]]
    return values


def _method(call: Call, customer: str | None) -> Obj | None:
    """The payment method a request names or describes; test names become new ones."""
    account, params = call.account, call.params
    if "payment_method_data" in params:
        return payment_methods.make_of(call, params["payment_method_data"], "payment_method_data")
    id_ = params.get("payment_method")
    if id_ is None:
        return None
    method = account.find("payment_method", id_)
    if method is None:
        if not id_.startswith("pm_") or instruments.find(id_) is None:
            raise missing("payment_method", id_, param="payment_method", status=400)
        found = method_sources.from_token(call, id_, "payment_method")
        return payment_methods.make(call.sim, account, found)
    if method["customer"] not in (None, customer):
        raise invalid(_ANOTHERS, param="payment_method")
    if id_ in account.payments.used:
        raise Refusal(
            400,
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be used "
            "again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            saved=True,
        )
    return method


def create(call: Call) -> Obj:
    """POST /v1/payment_intents"""
    params = call.params
    for name in ("off_session", "error_on_requires_action", "return_url"):
        if name in params and not params.get("confirm"):
            raise invalid(f"The parameter {name} can only be passed when confirm is true.", param=name)
    values = _values(call, None)
    for name in ("confirmation_method", "automatic_payment_methods"):
        if name in params:
            values[name] = params[name]
    if values.get("automatic_payment_methods", {}).get("enabled"):
        values["automatic_payment_methods"] = {"allow_redirects": "always", **values["automatic_payment_methods"]}
    if values.get("payment_method") is not None:
        values["status"] = "requires_confirmation"
    intent = payment_intents.base(call.sim, call.account, **values)
    emit(call.sim, call.account, "payment_intent.created", intent)
    return _confirmed(call, intent) if params.get("confirm") else intent


def update(call: Call, id_: str) -> Obj:
    """POST /v1/payment_intents/{id}: clears `last_payment_error`; one of an invoice keeps its amount and customer."""
    intent = payment_intents.retrieve(call, id_)
    if intent["status"] not in _OPEN:
        allowed = {"metadata", "description", "transfer_group", "receipt_email"}
        if not set(call.params) <= allowed:
            raise _unexpected(
                intent,
                f"This PaymentIntent's parameters could not be updated because it has a status of {intent['status']}.",
            )
    if id_ in call.account.invoice_of and {"amount", "currency", "customer"} & set(call.params):
        raise not_allowed(
            "You cannot change the amount, currency or customer of a PaymentIntent created by an invoice."
        )
    values = _values(call, intent)
    if values.get("payment_method") is not None:
        values.update(status="requires_confirmation", next_action=None)
    change(call.sim, call.account, intent, None, last_payment_error=None, **values)
    return intent


def confirm(call: Call, id_: str) -> Obj:
    """POST /v1/payment_intents/{id}/confirm"""
    intent = payment_intents.retrieve(call, id_)
    if intent["status"] not in _OPEN:
        raise _unexpected(
            intent,
            f"This PaymentIntent's state is {intent['status']}; it could not be confirmed. Only a PaymentIntent with "
            "one of the following statuses may be confirmed: requires_payment_method, requires_confirmation, "
            "requires_action.",
        )
    values = _values(call, intent)
    change(call.sim, call.account, intent, None, last_payment_error=None, **values)
    return _confirmed(call, intent)


def _confirmed(call: Call, intent: Obj) -> Obj:
    """Try the intent once; a refusal of the card is the 402 of this request, saved under its key."""
    sim, account, params = call.sim, call.account, call.params
    method = account.find("payment_method", intent["payment_method"])
    if method is not None and method["customer"] is None and intent["customer"] is not None:
        # A card of nobody's may be tried once; a detached one never again.
        method = None if method["id"] in account.payments.used else method
    if method is None:
        raise _unexpected(
            intent,
            "You cannot confirm this PaymentIntent because it's missing a payment method. You can either update the "
            "PaymentIntent with a payment method and then confirm it again, or confirm it again directly with a "
            "payment method or ConfirmationToken.",
        )
    if method["customer"] not in (None, intent["customer"]):
        raise invalid(_ANOTHERS, param="payment_method")
    away = params.get("off_session", False)
    invoice = account.find("invoice", account.invoice_of.get(intent["id"]))
    if invoice is not None and invoice["status"] not in ("open", "uncollectible"):
        raise _unexpected(intent, f"This PaymentIntent's invoice is {invoice['status']}; it could not be confirmed.")
    if invoice is not None:
        done = collection.attempt(sim, account, invoice, method, automatic=False, off_session=away)
        if done.refused and not done.answer.requires_action:
            raise authentication.refusal(done.answer, done.charge, done.intent, method)
        return intent
    answer = instruments.ask(
        sim, account, customer=intent["customer"], method=method, amount=intent["amount"], off_session=away
    )
    if answer.requires_action and (away or params.get("error_on_requires_action")):
        answer = authentication.NEEDED
    charge = charging.attempt(sim, account, intent, method, answer, return_url=params.get("return_url"))
    if not (answer.approved or answer.pending or answer.requires_action):
        raise authentication.refusal(answer, charge, intent, method)
    if answer.approved:
        _keep(call, intent, method)
    return intent


def _keep(call: Call, intent: Obj, method: Obj) -> None:
    """`setup_future_usage` attaches the payment method to the customer of a paid intent."""
    if intent["setup_future_usage"] is not None and intent["customer"] and method["customer"] is None:
        call.account.payments.used.discard(method["id"])
        payment_methods.attach_to(call, method["id"], intent["customer"])


def cancel(call: Call, id_: str) -> Obj:
    """POST /v1/payment_intents/{id}/cancel: an authorised amount is released; rarely allowed while processing."""
    sim, account = call.sim, call.account
    intent = payment_intents.retrieve(call, id_)
    if intent["status"] in ("succeeded", "canceled"):
        raise _unexpected(
            intent,
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}. Only a PaymentIntent "
            "with one of the following statuses may be canceled: requires_payment_method, requires_capture, "
            "requires_confirmation, requires_action, processing.",
        )
    if id_ in account.invoice_of:
        raise not_allowed("You cannot cancel a PaymentIntent created by an invoice. Void the invoice instead.")
    held = account.find("charge", intent["latest_charge"]) if intent["status"] == "requires_capture" else None
    payment_intents.cancel_one(sim, account, intent, call.params.get("cancellation_reason"))
    if held is not None:
        change(sim, account, held, "charge.refunded", amount_refunded=held["amount"], refunded=True)
    return intent


def capture(call: Call, id_: str) -> Obj:
    """POST /v1/payment_intents/{id}/capture"""
    sim, account, params = call.sim, call.account, call.params
    intent = payment_intents.retrieve(call, id_)
    if intent["status"] != "requires_capture":
        raise _unexpected(
            intent,
            f"This PaymentIntent could not be captured because it has a status of {intent['status']}. Only a "
            "PaymentIntent with one of the following statuses may be captured: requires_capture.",
        )
    amount: int = params["amount_to_capture"] if "amount_to_capture" in params else intent["amount_capturable"]
    if not 1 <= amount <= intent["amount_capturable"]:
        raise invalid(
            "The amount to capture must be positive and at most the authorized amount.", param="amount_to_capture"
        )
    if "metadata" in params:
        intent["metadata"] = merge_metadata(intent["metadata"], params["metadata"])
    charge = account.get("charge", intent["latest_charge"])
    charges.capture(sim, account, charge, amount)
    intent["amount_capturable"] = 0
    payment_intents.succeed(sim, account, intent, charge, received=amount)
    return intent


_WRITE = "rak_payment_intent_write"
ROUTES: tuple[Route, ...] = (
    route("POST", "payment_intents", create, _WRITE, CREATE),
    route("POST", "payment_intents/*", update, _WRITE, UPDATE),
    route("POST", "payment_intents/*/confirm", confirm, _WRITE, CONFIRM),
    route("POST", "payment_intents/*/cancel", cancel, _WRITE, CANCEL),
    route("POST", "payment_intents/*/capture", capture, _WRITE, CAPTURE),
)
