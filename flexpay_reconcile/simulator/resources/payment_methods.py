"""Payment methods: cards and bank accounts made from test tokens or numbers, attached to customers.

`pm_card_…` and `pm_usBankAccount_…` names may be used wherever a payment method is asked for: Stripe makes a new one of
it. Raw card numbers are refused, unless the account may handle them (`raw_card_data` of a scenario). May not charge
anything.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexpay_reconcile.simulator.issuers import cards
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid, missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import detachment, instruments, method_build, method_sources
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.instruments import Instrument
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

TYPES = ("card", "us_bank_account", "sepa_debit")
_REDISPLAY = ("always", "limited", "unspecified")
LIST: Shape = {**PAGING, "customer": "string", "type": TYPES, "allow_redisplay": _REDISPLAY}
LIST_OF_CUSTOMER: Shape = {**PAGING, "type": TYPES, "allow_redisplay": _REDISPLAY}
ATTACH: Shape = {"customer!": "string"}
UPDATE: Shape = {
    "metadata": "map",
    "billing_details": method_sources.BILLING_DETAILS,
    "allow_redisplay": _REDISPLAY,
    "card": {"exp_month": "int", "exp_year": "int"},
    "us_bank_account": {"account_holder_type": ("company", "individual"), "account_type": ("checking", "savings")},
}


def make(
    sim: Simulation, account: Account, instrument: Instrument, *, customer: str | None = None, **values: Any
) -> Obj:
    """A new payment method of a card or bank account."""
    type_ = method_build.kind(instrument)
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
        type_: method_build.shown(instrument),
        "created": sim.now,
        "customer": customer,
        "customer_account": None,
        "livemode": account.livemode,
        "metadata": {},
        "type": type_,
    }
    method.update(values)
    instruments.keep(account, method["id"], instrument)
    account.table("payment_method").add(method)
    if customer is not None:
        sim.ledger.seen(sim.now, account.id, "payment_method.attached", method)
    return method


def make_of(call: Call, given: dict[str, Any], path: str = "") -> Obj:
    """A new payment method of request parameters (`path`: where they stand in the request)."""
    instrument = method_sources.from_params(call, given, path)
    extra: dict[str, Any] = {"metadata": merge_metadata({}, given.get("metadata") or {})}
    if "billing_details" in given:
        extra["billing_details"] = method_sources.merged_billing(None, given["billing_details"])
    if "allow_redisplay" in given:
        extra["allow_redisplay"] = given["allow_redisplay"]
    return make(call.sim, call.account, instrument, **extra)


def create(call: Call) -> Obj:
    """POST /v1/payment_methods"""
    return make_of(call, call.params)


def usable(call: Call, id_: str, param: str) -> Instrument:
    """What is behind a payment method's id or a test name, when it can be attached; refuses otherwise."""
    found = instruments.of(call.account, id_)
    if found is None and id_.startswith("pm_") and instruments.find(id_) is not None:
        found = method_sources.from_token(call, id_, param)
    if found is None:
        raise missing("payment_method", id_, param=param, status=400)
    if isinstance(found, Card) and found.attach_fails:
        answer = cards.ANSWERS[found.behaviour]
        fields: Obj = {"decline_code": answer.decline_code} if answer.decline_code else {}
        raise Refusal(
            402, answer.message or "Your card was declined.", type_="card_error", code=answer.code, saved=True, **fields
        )
    return found


def attach_to(call: Call, id_: str, customer: str) -> Obj:
    """Attach to a customer and report it; a test name becomes a new payment method."""
    instrument = usable(call, id_, "payment_method")
    method = call.account.find("payment_method", id_) or make(call.sim, call.account, instrument)
    if method["customer"] not in (None, customer):
        raise Refusal(
            400,
            "The payment method you provided has already been attached to a customer.",
            code="payment_method_unexpected_state",
            saved=True,
        )
    if method["id"] in call.account.payments.used:
        raise Refusal(
            400,
            "The provided PaymentMethod was previously used with a PaymentIntent without Customer attachment, shared "
            "with a connected account without Customer attachment, or was detached from a Customer. It may not be used "
            "again. To use a PaymentMethod multiple times, you must attach it to a Customer first.",
            saved=True,
        )
    if method["customer"] is None:
        method["customer"] = customer
        call.account.table("payment_method").reindex(method, "customer", None)
        emit(call.sim, call.account, "payment_method.attached", method)
    return method


def attach(call: Call, id_: str) -> Obj:
    """POST /v1/payment_methods/{id}/attach"""
    if call.account.find("payment_method", id_) is None and instruments.find(id_) is None:
        raise missing("payment_method", id_)
    if call.account.find("customer", call.params["customer"]) is None:
        raise missing("customer", call.params["customer"], param="customer", status=400)
    return attach_to(call, id_, call.params["customer"])


def detach(call: Call, id_: str) -> Obj:
    """POST /v1/payment_methods/{id}/detach: also taken from wherever it was a default; it cannot be used again."""
    method = retrieve(call, id_)
    if method["customer"] is None:
        raise Refusal(
            400,
            "The payment method you provided is not attached to a customer so detachment is impossible.",
            saved=True,
        )
    detachment.let_go(call.sim, call.account, method, report=True)
    return method


def update(call: Call, id_: str) -> Obj:
    """POST /v1/payment_methods/{id}: attached ones only."""
    method = retrieve(call, id_)
    if method["customer"] is None:
        raise Refusal(400, "You must save this PaymentMethod to a customer before you can update it.", saved=True)
    params = call.params
    values: dict[str, Any] = {}
    if "metadata" in params:
        values["metadata"] = merge_metadata(method["metadata"], params["metadata"])
    if "billing_details" in params:
        values["billing_details"] = method_sources.merged_billing(method["billing_details"], params["billing_details"])
    if "allow_redisplay" in params:
        values["allow_redisplay"] = params["allow_redisplay"]
    for type_ in ("card", "us_bank_account"):
        if type_ not in params:
            continue
        if method["type"] != type_:
            raise invalid(f"You cannot update {type_} of a PaymentMethod of type {method['type']}.", param=type_)
        values[type_] = {**method[type_], **params[type_]}
    if "card" in values:
        if not 1 <= values["card"]["exp_month"] <= 12:
            raise invalid(
                "Your card's expiration month is invalid.", param="card[exp_month]", code="invalid_expiry_month"
            )
        card = call.account.cards[id_]
        dates = {name: values["card"][name] for name in ("exp_month", "exp_year")}
        call.account.cards[id_] = replace(card, **dates)
    change(call.sim, call.account, method, "payment_method.updated", **values)
    return method


def update_automatically(sim: Simulation, account: Account, method: Obj, card: Card) -> None:
    """The card's network told Stripe of a new number or date, or of a closed account.

    payment_method.automatically_updated is emitted when the payment method shows something else than before; a closed
    account shows nothing and only declines from now on [INFER].
    """
    account.cards[method["id"]] = card
    change(sim, account, method, "payment_method.automatically_updated", card=method_build.shown(card))


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/payment_methods/{id}"""
    method = call.account.find("payment_method", id_)
    if method is None:
        raise missing("payment_method", id_)
    return method


def retrieve_of_customer(call: Call, customer: str, id_: str) -> Obj:
    """GET /v1/customers/{customer}/payment_methods/{id}"""
    if call.account.find("customer", customer) is None:
        raise missing("customer", customer)
    method = retrieve(call, id_)
    if method["customer"] != customer:
        raise missing("payment_method", id_)
    return method


def listing(call: Call, customer: str | None = None) -> Obj:
    """GET /v1/payment_methods and GET /v1/customers/{id}/payment_methods: filters customer, type, allow_redisplay."""
    in_path = customer is not None
    owner = customer or call.params.get("customer")
    ids = None
    if owner is not None:
        if call.account.find("customer", owner) is None:
            raise missing("customer", owner, param="customer", status=404 if in_path else 400)
        ids = call.account.table("payment_method").by("customer", owner)
    url = f"/v1/customers/{owner}/payment_methods" if in_path else "/v1/payment_methods"
    wanted = [(name, call.params[name]) for name in ("type", "allow_redisplay") if name in call.params]
    return page(call, "payment_method", url, ids=ids, keep=lambda row: all(row[name] == is_ for name, is_ in wanted))


_READ, _WRITE = "rak_payment_method_read", "rak_payment_method_write"
ROUTES: tuple[Route, ...] = (
    route("GET", "customers/*/payment_methods", listing, _READ, LIST_OF_CUSTOMER),
    route("GET", "customers/*/payment_methods/*", retrieve_of_customer, _READ),
    route("POST", "payment_methods", create, _WRITE, method_sources.DATA),
    route("GET", "payment_methods", listing, _READ, LIST),
    route("GET", "payment_methods/*", retrieve, _READ),
    route("POST", "payment_methods/*", update, _WRITE, UPDATE),
    route("POST", "payment_methods/*/attach", attach, _WRITE, ATTACH),
    route("POST", "payment_methods/*/detach", detach, _WRITE),
)
