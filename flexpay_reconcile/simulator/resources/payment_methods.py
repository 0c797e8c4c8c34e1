"""Payment methods: cards made from test tokens, attached to customers.

`pm_card_…` names may be used wherever a payment method is asked for: Stripe makes a new one of it. Raw card numbers are
refused, as for any account that may not handle them. May not charge anything.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator import cards
from flexpay_reconcile.simulator.cards import Card
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.params import Shape
from flexpay_reconcile.simulator.refusals import Refusal, invalid, missing
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

_ADDRESS = ("city", "country", "line1", "line2", "postal_code", "state")
CREATE: Shape = {
    "type!": ("card",),
    "card": {"token!": "string"},
    "metadata": "map",
    "billing_details": {
        "name": "string",
        "email": "string",
        "phone": "string",
        "address": dict.fromkeys(_ADDRESS, "string"),
    },
}
LIST: Shape = {**PAGING, "customer!": "string", "type": ("card",)}
LIST_OF_CUSTOMER: Shape = {**PAGING, "type": ("card",)}
ATTACH: Shape = {"customer!": "string"}


def card_details(card: Card) -> Obj:
    """The `card` hash of a payment method."""
    return {
        "brand": card.brand,
        "checks": {"address_line1_check": None, "address_postal_code_check": None, "cvc_check": "pass"},
        "country": card.country,
        "display_brand": card.brand,
        "exp_month": card.exp_month,
        "exp_year": card.exp_year,
        "fingerprint": card.fingerprint,
        "funding": card.funding,
        "generated_from": None,
        "last4": card.last4,
        "networks": {"available": [card.brand], "preferred": None},
        "regulated_status": "unregulated",
        "three_d_secure_usage": {"supported": True},
        "wallet": None,
    }


def make(sim: Simulation, account: Account, card: Card, *, customer: str | None = None, **values: Any) -> Obj:
    """A new payment method of a card."""
    method: Obj = {
        "id": sim.new_id(account, "pm"),
        "object": "payment_method",
        "allow_redisplay": "unspecified",
        "billing_details": {
            "address": dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state")),
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
        },
        "card": card_details(card),
        "created": sim.now,
        "customer": customer,
        "customer_account": None,
        "livemode": account.livemode,
        "metadata": {},
        "type": "card",
    }
    method.update(values)
    account.cards[method["id"]] = card
    account.table("payment_method").add(method)
    if customer is not None:
        sim.ledger.seen(sim.now, account.id, "payment_method.attached", method)
    return method


def _from_token(call: Call, token: str, param: str) -> Card:
    card = cards.find(token)
    if card is None:
        raise missing("token", token, param=param, status=400)
    if call.account.livemode:
        raise Refusal(
            402,
            "Your card was declined. Your request was in live mode, but used a known test card.",
            type_="card_error",
            code="card_declined",
            param=param,
            decline_code="test_mode_live_card",
        )
    return card


def create(call: Call) -> Obj:
    """POST /v1/payment_methods"""
    params = call.params
    if "card" not in params:
        raise invalid("Missing required param: card.", param="card", code="parameter_missing")
    card = _from_token(call, params["card"]["token"], "card[token]")
    extra: dict[str, Any] = {"metadata": params.get("metadata") or {}}
    if "billing_details" in params:
        extra["billing_details"] = {
            "address": None,
            "email": None,
            "name": None,
            "phone": None,
            "tax_id": None,
            **params["billing_details"],
        }
    return make(call.sim, call.account, card, **extra)


def usable(call: Call, id_: str, param: str) -> Card:
    """The card behind a payment method's id or a `pm_card_…` name that can be attached; refuses otherwise."""
    card = call.account.cards.get(id_)
    if card is None and id_.startswith("pm_card_"):
        card = _from_token(call, id_, param)
    if card is None:
        raise missing("payment_method", id_, param=param, status=400)
    if card.attach_fails:
        answer = cards.ANSWERS[card.behaviour]
        fields: Obj = {"decline_code": answer.decline_code} if answer.decline_code else {}
        raise Refusal(
            402, answer.message or "Your card was declined.", type_="card_error", code=answer.code, saved=True, **fields
        )
    return card


def attach_to(call: Call, id_: str, customer: str) -> Obj:
    """Attach to a customer and report it; a `pm_card_…` name becomes a new payment method."""
    card = usable(call, id_, "payment_method")
    method = call.account.find("payment_method", id_) or make(call.sim, call.account, card)
    if method["customer"] not in (None, customer):
        raise Refusal(
            400,
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
            saved=True,
        )
    if method["customer"] is None:
        method["customer"] = customer
        call.account.table("payment_method").reindex(method, "customer", None)
        emit(call.sim, call.account, "payment_method.attached", method)
    return method


def attach(call: Call, id_: str) -> Obj:
    """POST /v1/payment_methods/{id}/attach"""
    if call.account.find("payment_method", id_) is None and cards.find(id_) is None:
        raise missing("payment_method", id_)
    if call.account.find("customer", call.params["customer"]) is None:
        raise missing("customer", call.params["customer"], param="customer", status=400)
    return attach_to(call, id_, call.params["customer"])


def detach(call: Call, id_: str) -> Obj:
    """POST /v1/payment_methods/{id}/detach: also taken from wherever it was a default."""
    method = retrieve(call, id_)
    customer = method["customer"]
    if customer is None:
        raise Refusal(
            400,
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            saved=True,
        )
    owner = call.account.get("customer", customer)
    method["customer"] = None
    call.account.table("payment_method").reindex(method, "customer", customer)
    emit(call.sim, call.account, "payment_method.detached", method, {"customer": customer})
    if owner["invoice_settings"]["default_payment_method"] == id_:
        change(
            call.sim,
            call.account,
            owner,
            "customer.updated",
            invoice_settings={**owner["invoice_settings"], "default_payment_method": None},
        )
    subscriptions = call.account.table("subscription")
    for sub_id in subscriptions.by("customer", customer):
        if subscriptions.rows[sub_id]["default_payment_method"] == id_:
            change(
                call.sim,
                call.account,
                subscriptions.rows[sub_id],
                "customer.subscription.updated",
                default_payment_method=None,
            )
    return method


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/payment_methods/{id}"""
    method = call.account.find("payment_method", id_)
    if method is None:
        raise missing("payment_method", id_)
    return method


def listing(call: Call, customer: str | None = None) -> Obj:
    """GET /v1/payment_methods?customer= and GET /v1/customers/{id}/payment_methods"""
    in_path = customer is not None
    owner = customer or call.params["customer"]
    if call.account.find("customer", owner) is None:
        raise missing("customer", owner, param="customer", status=404 if in_path else 400)
    url = f"/v1/customers/{owner}/payment_methods" if in_path else "/v1/payment_methods"
    return page(call, "payment_method", url, ids=call.account.table("payment_method").by("customer", owner))


ROUTES: tuple[Route, ...] = (
    route(
        "GET",
        "customers/*/payment_methods",
        listing,
        "rak_payment_method_read",
        LIST_OF_CUSTOMER,
    ),
    route("POST", "payment_methods", create, "rak_payment_method_write", CREATE),
    route("GET", "payment_methods", listing, "rak_payment_method_read", LIST),
    route("GET", "payment_methods/*", retrieve, "rak_payment_method_read"),
    route("POST", "payment_methods/*/attach", attach, "rak_payment_method_write", ATTACH),
    route("POST", "payment_methods/*/detach", detach, "rak_payment_method_write"),
)
