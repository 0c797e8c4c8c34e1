"""Subscriptions: what their endpoints answer and refuse. One item each, charged automatically.

May not charge itself: renewals and collection do. `cancel_at` is not built: it is refused as unknown.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.params import Shape, in_range, merge_metadata
from flexpay_reconcile.simulator.refusals import Refusal, invalid, missing, not_allowed
from flexpay_reconcile.simulator.resources import collection, invoice_build, renewals, subscription_build
from flexpay_reconcile.simulator.resources.customers import not_attached, required
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

_FEEDBACK = (
    "customer_service",
    "low_quality",
    "missing_features",
    "other",
    "switched_service",
    "too_complex",
    "too_expensive",
    "unused",
)
_DETAILS: Shape = {"comment": "string?", "feedback": _FEEDBACK}
CREATE: Shape = {
    "customer!": "string",
    "items!": [{"price!": "string", "quantity": "int"}],
    "default_payment_method": "string",
    "metadata": "map",
    "off_session": "bool",
    "cancel_at_period_end": "bool",
    "collection_method": ("charge_automatically",),
    "payment_behavior": ("allow_incomplete", "error_if_incomplete", "default_incomplete"),
}
UPDATE: Shape = {
    "metadata": "map",
    "cancel_at_period_end": "bool",
    "default_payment_method": "string?",
    "cancellation_details": _DETAILS,
    "off_session": "bool",
    "description": "string?",
    "proration_behavior": ("always_invoice", "create_prorations", "none"),
}
CANCEL: Shape = {"prorate": "bool", "invoice_now": "bool", "cancellation_details": _DETAILS}
STATUSES = ("active", "past_due", "unpaid", "canceled", "incomplete", "incomplete_expired", "trialing", "paused")
LIST: Shape = {
    **PAGING,
    "created": "range",
    "customer": "string",
    "price": "string",
    "status": (*STATUSES, "all", "ended"),
    "collection_method": ("charge_automatically", "send_invoice"),
    "current_period_end": "range",
    "current_period_start": "range",
    "test_clock": "string",
}
_CANCELED = "A canceled subscription can only update its cancellation_details and metadata."


def _method(call: Call, customer: str, id_: str) -> str:
    row = call.account.find("payment_method", id_)
    if row is None or row["customer"] != customer:
        raise not_attached(id_, "default_payment_method")
    return id_


def create(call: Call) -> Obj:
    """POST /v1/subscriptions: the first invoice is finalised and charged at once."""
    params, sim, account = call.params, call.sim, call.account
    customer = required(account, params["customer"])
    if len(params["items"]) != 1:
        raise invalid("This simulator builds subscriptions of one item.", param="items")
    item = params["items"][0]
    price = account.find("price", item["price"])
    if price is None:
        raise missing("price", item["price"], param="items[0][price]", status=400)
    quantity = item.get("quantity", 1)
    if quantity < 1:
        raise invalid("Invalid positive integer", param="items[0][quantity]", code="parameter_invalid_integer")
    default = params.get("default_payment_method")
    if default is not None:
        _method(call, customer["id"], default)
    if default is None and customer["invoice_settings"]["default_payment_method"] is None:
        raise Refusal(
            400,
            "This customer has no attached payment source or default payment method. Please consider "
            "adding a default payment method.",
            code="resource_missing",
            saved=True,
        )
    subscription = subscription_build.make(
        sim,
        account,
        customer=customer,
        price=price,
        quantity=quantity,
        anchor=sim.now,
        status="incomplete",
        payment_method=default,
        metadata=merge_metadata({}, params.get("metadata") or {}),
        cancel_at_period_end=params.get("cancel_at_period_end", False),
    )
    begin(sim, account, subscription, charge=params.get("payment_behavior") != "default_incomplete")
    return subscription


def begin(sim: Simulation, account: Account, subscription: Obj, *, charge: bool = True) -> None:
    """Bill the first period and try to collect it."""
    invoice = renewals.bill(sim, account, subscription, "subscription_create")
    subscription["latest_invoice"] = invoice["id"]
    emit(sim, account, "customer.subscription.created", subscription)
    emit(sim, account, "invoice.created", invoice)
    collection.finalize(sim, account, invoice)
    if charge and invoice["status"] == "open":
        collection.attempt_automatically(sim, account, invoice)
    renewals.schedule(sim, account, subscription)
    if subscription["status"] == "incomplete":
        sim.agenda.add(sim.now + renewals.INCOMPLETE_SECONDS, "expire", account.key, subscription["id"])


def found(call: Call, id_: str) -> Obj:
    """The subscription, or 404."""
    subscription = call.account.find("subscription", id_)
    if subscription is None:
        raise missing("subscription", id_, param="id")
    return subscription


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/subscriptions/{id}"""
    return found(call, id_)


def listing(call: Call) -> Obj:
    """GET /v1/subscriptions: canceled ones only when asked for (status canceled, ended or all)."""
    params = call.params
    status, price, customer = params.get("status"), params.get("price"), params.get("customer")
    ids = call.account.table("subscription").by("customer", customer) if customer is not None else None
    if params.get("collection_method") == "send_invoice":
        ids = []

    def keep(row: Obj) -> bool:
        item = subscription_build.item_of(row)
        if status is None and row["status"] in ("canceled", "incomplete_expired"):
            return False
        if status == "ended" and row["status"] not in ("canceled", "incomplete_expired"):
            return False
        if status not in (None, "all", "ended") and row["status"] != status:
            return False
        return (
            (price is None or item["price"]["id"] == price)
            and in_range(item["current_period_end"], params.get("current_period_end"))
            and in_range(item["current_period_start"], params.get("current_period_start"))
        )

    return page(call, "subscription", "/v1/subscriptions", ids=ids, keep=keep)


def update(call: Call, id_: str) -> Obj:
    """POST /v1/subscriptions/{id}"""
    subscription = found(call, id_)
    params = dict(call.params)
    over = subscription["status"] in ("canceled", "incomplete_expired")
    if over and set(params) - {"metadata", "cancellation_details"}:
        raise not_allowed(_CANCELED, code="invalid_canceled_subscription_fields")
    params.pop("off_session", None)
    params.pop("proration_behavior", None)
    if "metadata" in params:
        params["metadata"] = merge_metadata(subscription["metadata"], params["metadata"])
    if params.get("description") == "":
        params["description"] = None
    if "default_payment_method" in params:
        method = params["default_payment_method"]
        params["default_payment_method"] = _method(call, subscription["customer"], method) if method else None
    details = {**subscription["cancellation_details"], **params.get("cancellation_details", {})}
    if "cancel_at_period_end" in params and params["cancel_at_period_end"] != subscription["cancel_at_period_end"]:
        wanted = params["cancel_at_period_end"]
        end = subscription_build.item_of(subscription)["current_period_end"]
        params["cancel_at"] = end if wanted else None
        params["canceled_at"] = call.sim.now if wanted else None
        details["reason"] = "cancellation_requested" if wanted else None
    params["cancellation_details"] = details
    change(call.sim, call.account, subscription, "customer.subscription.updated", **params)
    return subscription


def cancel(call: Call, id_: str) -> Obj:
    """DELETE /v1/subscriptions/{id}: prorate and invoice_now are false unless given."""
    subscription = found(call, id_)
    if subscription["status"] in ("canceled", "incomplete_expired"):
        raise not_allowed(_CANCELED, code="invalid_canceled_subscription_fields")
    cancel_now(
        call.sim,
        call.account,
        subscription,
        prorate=call.params.get("prorate", False),
        invoice_now=call.params.get("invoice_now", False),
        details=call.params.get("cancellation_details"),
    )
    return subscription


def cancel_now(
    sim: Simulation,
    account: Account,
    subscription: Obj,
    *,
    prorate: bool = False,
    invoice_now: bool = False,
    details: Obj | None = None,
) -> None:
    """End the subscription; a proration becomes a pending credit, or with `invoice_now` a final invoice."""
    credit = subscription_build.unused_credit(subscription, sim.now) if prorate else 0
    renewals.end(sim, account, subscription, reason="cancellation_requested", details=details)
    customer = account.get("customer", subscription["customer"])
    if credit > 0:
        _credit(sim, account, subscription, credit)
    if invoice_now:
        _final_invoice(sim, account, subscription, customer)


def _credit(sim: Simulation, account: Account, subscription: Obj, credit: int) -> None:
    item = subscription_build.item_of(subscription)
    emit(
        sim,
        account,
        "invoiceitem.created",
        account.table("invoiceitem").add(
            {
                "id": sim.new_id(account, "ii"),
                "object": "invoiceitem",
                "amount": -credit,
                "currency": subscription["currency"],
                "customer": subscription["customer"],
                "customer_account": None,
                "date": sim.now,
                "description": "Unused time on subscription",
                "discountable": False,
                "discounts": [],
                "invoice": None,
                "livemode": account.livemode,
                "metadata": {},
                "proration": True,
                "quantity": 1,
                "quantity_decimal": "1",
                "parent": {
                    "type": "subscription_details",
                    "subscription_details": {"subscription": subscription["id"], "subscription_item": item["id"]},
                },
                "period": {"end": item["current_period_end"], "start": sim.now},
                "pricing": None,
                "tax_rates": [],
                "test_clock": subscription["test_clock"],
            }
        ),
    )
    sim.ledger.state(sim.now, account.id, subscription["id"], f"credit {credit} {subscription['currency']}")


def _final_invoice(sim: Simulation, account: Account, subscription: Obj, customer: Obj) -> None:
    """Collect pending items of the customer into one invoice; a negative total becomes customer balance."""
    table = account.table("invoiceitem")
    pending = [table.rows[id_] for id_ in table.by("customer", customer["id"]) if table.rows[id_]["invoice"] is None]
    if not pending:
        return
    lines = [
        invoice_build.line(
            sim,
            account,
            amount=row["amount"],
            currency=row["currency"],
            subscription=None,
            description=row["description"],
            start=row["period"]["start"],
            end=row["period"]["end"],
        )
        for row in pending
    ]
    invoice = invoice_build.make(
        sim,
        account,
        customer=customer,
        currency=subscription["currency"],
        lines=lines,
        reason="subscription_update",
        subscription=subscription,
        period=(sim.now, sim.now),
    )
    for row in pending:
        row["invoice"] = invoice["id"]
    subscription["latest_invoice"] = invoice["id"]
    emit(sim, account, "invoice.created", invoice)
    collection.finalize(sim, account, invoice)
    if invoice["total"] < 0:
        change(sim, account, customer, "customer.updated", balance=customer["balance"] + invoice["total"])


ROUTES: tuple[Route, ...] = (
    route("POST", "subscriptions", create, "rak_subscription_write", CREATE),
    route("GET", "subscriptions", listing, "rak_subscription_read", LIST),
    route("GET", "subscriptions/*", retrieve, "rak_subscription_read"),
    route("POST", "subscriptions/*", update, "rak_subscription_write", UPDATE),
    route("DELETE", "subscriptions/*", cancel, "rak_subscription_write", CANCEL),
)
