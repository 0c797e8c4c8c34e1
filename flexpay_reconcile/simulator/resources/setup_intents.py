"""Setup intents: a payment method is saved for later use without its customer, with 3D Secure where it asks for it.

A setup intent that succeeds attaches its payment method to the customer and remembers that it was authenticated. May
not charge anything.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.issuers import answers, cards
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import Refusal, missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import instruments, method_sources, payment_methods
from flexpay_reconcile.simulator.resources.customers import required
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.payment_intents import error_of
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

_COMMON: Shape = {
    "payment_method": "string",
    "customer": "string",
    "description": "string",
    "metadata": "map",
    "payment_method_types": "strings",
}
CREATE: Shape = {
    **_COMMON,
    "confirm": "bool",
    "usage": ("off_session", "on_session"),
    "payment_method_data": method_sources.INLINE,
    "return_url": "string",
    "use_stripe_sdk": "bool",
    "automatic_payment_methods": {"enabled!": "bool", "allow_redirects": ("always", "never")},
}
UPDATE: Shape = _COMMON
CONFIRM: Shape = {
    "payment_method": "string",
    "payment_method_data": method_sources.INLINE,
    "return_url": "string",
    "use_stripe_sdk": "bool",
}
CANCEL: Shape = {"cancellation_reason": ("abandoned", "duplicate", "requested_by_customer")}
LIST: Shape = {**PAGING, "created": "range", "customer": "string", "payment_method": "string"}
_OPEN = ("requires_payment_method", "requires_confirmation", "requires_action")


def _make(sim: Simulation, account: Account, **values: Any) -> Obj:
    id_ = sim.new_id(account, "seti")
    intent: Obj = {
        "id": id_,
        "object": "setup_intent",
        "application": None,
        "automatic_payment_methods": None,
        "cancellation_reason": None,
        "client_secret": f"{id_}_secret_simulated",
        "created": sim.now,
        "customer": None,
        "customer_account": None,
        "description": None,
        "excluded_payment_method_types": None,
        "flow_directions": None,
        "last_setup_error": None,
        "latest_attempt": None,
        "livemode": account.livemode,
        "managed_payments": None,
        "mandate": None,
        "metadata": {},
        "next_action": None,
        "on_behalf_of": None,
        "payment_method": None,
        "payment_method_configuration_details": None,
        "payment_method_options": {},
        "payment_method_types": ["card"],
        "single_use_mandate": None,
        "status": "requires_payment_method",
        "usage": "off_session",
    }
    intent.update(values)
    return account.table("setup_intent").add(intent)


def _values(call: Call, intent: Obj | None) -> dict[str, Any]:
    """The parameters as fields, checked."""
    params, account = call.params, call.account
    values = {name: params[name] for name in (*_COMMON, "usage") if name in params}
    if "customer" in values:
        required(account, values["customer"])
    if "metadata" in values:
        values["metadata"] = merge_metadata({} if intent is None else intent["metadata"], values["metadata"])
    method = values.pop("payment_method", None)
    if "payment_method_data" in params:
        method = payment_methods.make_of(call, params["payment_method_data"], "payment_method_data")["id"]
    elif method is not None and account.find("payment_method", method) is None:
        if instruments.find(method) is None or not method.startswith("pm_"):
            raise missing("payment_method", method, param="payment_method", status=400)
        found = method_sources.from_token(call, method, "payment_method")
        method = payment_methods.make(call.sim, account, found)["id"]
    if method is not None:
        type_ = account.get("payment_method", method)["type"]
        known = values.get("payment_method_types") or (intent or {}).get("payment_method_types") or ["card"]
        values.update(payment_method=method, status="requires_confirmation", next_action=None)
        values["payment_method_types"] = known if type_ in known else [*known, type_]
    return values


def create(call: Call) -> Obj:
    """POST /v1/setup_intents"""
    values = _values(call, None)
    automatic = call.params.get("automatic_payment_methods")
    if automatic is not None and automatic["enabled"]:
        values["automatic_payment_methods"] = {"allow_redirects": "always", **automatic}
    intent = _make(call.sim, call.account, **values)
    emit(call.sim, call.account, "setup_intent.created", intent)
    return _confirmed(call, intent) if call.params.get("confirm") else intent


def update(call: Call, id_: str) -> Obj:
    """POST /v1/setup_intents/{id}"""
    intent = retrieve(call, id_)
    if intent["status"] not in _OPEN:
        raise _unexpected(intent, f"This SetupIntent cannot be updated because it has a status of {intent['status']}.")
    change(call.sim, call.account, intent, None, **_values(call, intent))
    return intent


def confirm(call: Call, id_: str) -> Obj:
    """POST /v1/setup_intents/{id}/confirm"""
    intent = retrieve(call, id_)
    if intent["status"] not in _OPEN:
        raise _unexpected(
            intent,
            f"You cannot confirm this SetupIntent because it has a status of {intent['status']}. Only a SetupIntent "
            "with one of the following statuses may be confirmed: requires_payment_method, requires_confirmation, "
            "requires_action.",
        )
    change(call.sim, call.account, intent, None, **_values(call, intent))
    return _confirmed(call, intent)


def _confirmed(call: Call, intent: Obj) -> Obj:
    sim, account = call.sim, call.account
    method = account.find("payment_method", intent["payment_method"])
    if method is None:
        raise _unexpected(intent, "You cannot confirm this SetupIntent because it's missing a payment method.")
    instrument = instruments.of(account, method["id"])
    if isinstance(instrument, Card) and instrument.attach_fails:
        answer = cards.ANSWERS[instrument.behaviour]
        error = error_of(answer, None, method)
        intent.update(status="requires_payment_method", payment_method=None, last_setup_error=error)
        emit(sim, account, "setup_intent.setup_failed", intent)
        fields = {name: value for name, value in error.items() if name not in ("code", "message", "type", "doc_url")}
        raise Refusal(
            402,
            str(answer.message),
            type_="card_error",
            code=answer.code,
            saved=True,
            setup_intent=dict(intent),
            **fields,
        )
    if isinstance(instrument, Card) and instrument.behaviour.startswith("action"):
        url = call.params.get("return_url")
        action: Obj = {"type": "use_stripe_sdk", "use_stripe_sdk": {}}
        if url is not None:
            page_ = f"https://hooks.stripe.com/3d_secure_2/hosted?setup_intent={intent['id']}"
            action = {"redirect_to_url": {"return_url": url, "url": page_}, "type": "redirect_to_url"}
        intent.update(status="requires_action", next_action=action)
        emit(sim, account, "setup_intent.requires_action", intent)
        return intent
    succeed(sim, account, intent)
    return intent


def succeed(sim: Simulation, account: Account, intent: Obj) -> None:
    """The payment method is saved for its customer."""
    method = account.get("payment_method", intent["payment_method"])
    if intent["customer"] is not None and method["customer"] is None:
        method["customer"] = intent["customer"]
        account.table("payment_method").reindex(method, "customer", None)
        emit(sim, account, "payment_method.attached", method)
    account.payments.set_up.add(method["id"])
    intent.update(status="succeeded", next_action=None, last_setup_error=None)
    emit(sim, account, "setup_intent.succeeded", intent)


def complete(sim: Simulation, account: Account, intent: Obj, *, succeeded: bool) -> None:
    """The customer answered the challenge."""
    if succeeded:
        succeed(sim, account, intent)
        return
    method = account.get("payment_method", intent["payment_method"])
    error = {**error_of(answers.AUTHENTICATION_FAILED, None, method), "code": "setup_intent_authentication_failure"}
    error["doc_url"] = "https://stripe.com/docs/error-codes/setup-intent-authentication-failure"
    error["message"] = "The latest attempt to set up the payment method has failed because authentication failed."
    intent.update(status="requires_payment_method", next_action=None, payment_method=None, last_setup_error=error)
    emit(sim, account, "setup_intent.setup_failed", intent)


def cancel(call: Call, id_: str) -> Obj:
    """POST /v1/setup_intents/{id}/cancel"""
    intent = retrieve(call, id_)
    if intent["status"] not in _OPEN:
        raise _unexpected(intent, f"You cannot cancel this SetupIntent because it has a status of {intent['status']}.")
    reason = call.params.get("cancellation_reason")
    intent.update(status="canceled", cancellation_reason=reason, next_action=None)
    emit(call.sim, call.account, "setup_intent.canceled", intent)
    return intent


def _unexpected(intent: Obj, message: str) -> Refusal:
    return Refusal(400, message, code="setup_intent_unexpected_state", saved=True, setup_intent=dict(intent))


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/setup_intents/{id}"""
    found = call.account.find("setup_intent", id_)
    if found is None:
        raise missing("setupintent", id_, param="intent")
    return found


def listing(call: Call) -> Obj:
    """GET /v1/setup_intents: filters customer, payment_method, created."""
    params = call.params
    ids = call.account.table("setup_intent").by("customer", params["customer"]) if "customer" in params else None
    method = params.get("payment_method")
    return page(
        call, "setup_intent", "/v1/setup_intents", ids=ids, keep=lambda row: method in (None, row["payment_method"])
    )


_READ, _WRITE = "rak_setup_intent_read", "rak_setup_intent_write"
ROUTES: tuple[Route, ...] = (
    route("POST", "setup_intents", create, _WRITE, CREATE),
    route("GET", "setup_intents", listing, _READ, LIST),
    route("GET", "setup_intents/*", retrieve, _READ),
    route("POST", "setup_intents/*", update, _WRITE, UPDATE),
    route("POST", "setup_intents/*/confirm", confirm, _WRITE, CONFIRM),
    route("POST", "setup_intents/*/cancel", cancel, _WRITE, CANCEL),
)
