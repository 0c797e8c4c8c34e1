"""Customers: who is billed, and the card that is charged when nothing nearer says otherwise.

May not charge anybody.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import Refusal, missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import payment_methods
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

_ADDRESS: Shape = dict.fromkeys(("city", "country", "line1", "line2", "postal_code", "state"), "string?")
UPDATE: Shape = {
    "name": "string?",
    "email": "string?",
    "phone": "string?",
    "description": "string?",
    "address": _ADDRESS,
    "metadata": "map",
    "invoice_settings": {"default_payment_method": "string?"},
    "preferred_locales": "strings",
}
CREATE: Shape = {**UPDATE, "payment_method": "string", "test_clock": "string"}
LIST: Shape = {**PAGING, "created": "range", "email": "string", "test_clock": "string"}


def make(sim: Simulation, account: Account, **values: Any) -> Obj:
    """A new customer."""
    id_ = sim.new_id(account, "cus")
    customer: Obj = {
        "id": id_,
        "object": "customer",
        "address": None,
        "balance": 0,
        "created": sim.now,
        "currency": None,
        "customer_account": None,
        "default_source": None,
        "delinquent": False,
        "description": None,
        "discount": None,
        "email": None,
        "invoice_prefix": id_[4:12].upper(),
        "invoice_settings": {
            "custom_fields": None,
            "default_payment_method": None,
            "footer": None,
            "rendering_options": None,
        },
        "livemode": account.livemode,
        "metadata": {},
        "name": None,
        "next_invoice_sequence": 1,
        "phone": None,
        "preferred_locales": [],
        "shipping": None,
        "tax_exempt": "none",
        "test_clock": None,
    }
    customer.update(values)
    account.table("customer").add(customer)
    emit(sim, account, "customer.created", customer)
    return customer


def required(account: Account, id_: str) -> Obj:
    """The customer named in a parameter, or Stripe's 400."""
    found = account.find("customer", id_)
    if found is None:
        raise missing("customer", id_, param="customer", status=400)
    return found


def _settled(call: Call, customer: Obj | None) -> dict[str, Any]:
    """The parameters as fields; a default card must be attached to this customer."""
    values = dict(call.params)
    values.pop("payment_method", None)
    for name in ("name", "email", "phone", "description"):
        if values.get(name) == "":
            values[name] = None
    if "address" in values:
        old = (customer or {}).get("address") or {}
        given = {key: (value or None) for key, value in values["address"].items()}
        values["address"] = {**dict.fromkeys(_ADDRESS), **old, **given}
    if "metadata" in values:
        values["metadata"] = merge_metadata((customer or {}).get("metadata", {}), values["metadata"])
    if "invoice_settings" in values:
        default = values["invoice_settings"].get("default_payment_method") or None
        if default is not None:
            method = call.account.find("payment_method", default)
            attached = customer is not None and method is not None and method["customer"] == customer["id"]
            created_with = customer is None and call.params.get("payment_method") == default
            if not attached and not created_with:
                raise not_attached(default, "invoice_settings[default_payment_method]")
        settings = (customer or {}).get("invoice_settings") or {
            "custom_fields": None,
            "footer": None,
            "rendering_options": None,
        }
        values["invoice_settings"] = {**settings, "default_payment_method": default}
    return values


def not_attached(payment_method: str, param: str) -> Refusal:
    """Stripe's refusal of a card that is not the customer's."""
    return Refusal(
        400,
        f"The customer does not have a payment method with the ID {payment_method}. The payment method must be "
        "attached to the customer.",
        code="resource_missing",
        param=param,
    )


def create(call: Call) -> Obj:
    """POST /v1/customers"""
    values = _settled(call, None)
    method = call.params.get("payment_method")
    if method is not None:
        payment_methods.usable(call, method, "payment_method")
    customer = make(call.sim, call.account, **values)
    if method is not None:
        attached = payment_methods.attach_to(call, method, customer["id"])
        settings = customer["invoice_settings"]
        if settings["default_payment_method"] not in (None, attached["id"]):
            change(
                call.sim,
                call.account,
                customer,
                None,
                invoice_settings={**settings, "default_payment_method": attached["id"]},
            )
    return customer


def update(call: Call, id_: str) -> Obj:
    """POST /v1/customers/{id}"""
    customer = call.account.find("customer", id_)
    if customer is None:
        raise missing("customer", id_)
    change(call.sim, call.account, customer, "customer.updated", **_settled(call, customer))
    return customer


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/customers/{id}: of a deleted one its stub."""
    customer = call.account.table("customer").rows.get(id_)
    if customer is None:
        raise missing("customer", id_)
    return {"id": id_, "object": "customer", "deleted": True} if "deleted" in customer else customer


def listing(call: Call) -> Obj:
    """GET /v1/customers"""
    email = call.params.get("email")

    def keep(row: Obj) -> bool:
        return "deleted" not in row and (email is None or row["email"] == email)

    return page(call, "customer", "/v1/customers", keep=keep)


ROUTES: tuple[Route, ...] = (
    route("POST", "customers", create, "rak_customer_write", CREATE),
    route("GET", "customers", listing, "rak_customer_read", LIST),
    route("GET", "customers/*", retrieve, "rak_customer_read"),
    route("POST", "customers/*", update, "rak_customer_write", UPDATE),
)
