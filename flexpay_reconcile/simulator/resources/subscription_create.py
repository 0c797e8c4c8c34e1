"""Creating a subscription: what is asked for, what is refused, and the first invoice, finalised and charged at once.

Facts: OpenAPI 2026-05-27.dahlia; the mode is flexible unless named (docs: changelog 2025-09-30.clover). A sent invoice
stays a draft for an hour and the subscription is active at once. Inferred: with `error_if_incomplete` a declined card
leaves nothing behind at all. May not change an existing subscription.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.issuers.answers import Answer
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid
from flexpay_reconcile.simulator.resources import (
    billing,
    cancellation,
    collection,
    instruments,
    payment_intents,
    renewals,
    subscription_build,
    subscription_items,
    trials,
)
from flexpay_reconcile.simulator.resources.customers import not_attached, required
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

BEHAVIORS = ("always_invoice", "create_prorations", "none")
METHODS = ("charge_automatically", "send_invoice")
TRIAL_SETTINGS: Shape = {"end_behavior!": {"missing_payment_method!": ("cancel", "create_invoice", "pause")}}
CREATE: Shape = {
    "customer!": "string",
    "items!": [subscription_items.NEW],
    "default_payment_method": "string",
    "metadata": "map",
    "description": "string",
    "currency": "currency",
    "off_session": "bool",
    "cancel_at": cancellation.CANCEL_AT,
    "cancel_at_period_end": "bool",
    "collection_method": METHODS,
    "days_until_due": "int",
    "payment_behavior": ("allow_incomplete", "error_if_incomplete", "default_incomplete", "pending_if_incomplete"),
    "proration_behavior": BEHAVIORS,
    "trial_end": "int|now",
    "trial_period_days": "int",
    "trial_settings": TRIAL_SETTINGS,
    "billing_mode": {
        "type!": ("classic", "flexible"),
        "flexible": {"proration_discounts": ("included", "itemized")},
    },
}
_NO_METHOD = (
    "This customer has no attached payment source or default payment method. Please consider "
    "adding a default payment method."
)


def method_of(account: Account, customer: str, id_: str) -> str:
    """A default payment method that is the customer's."""
    row = account.find("payment_method", id_)
    if row is None or row["customer"] != customer:
        raise not_attached(id_, "default_payment_method")
    return id_


def create(call: Call) -> Obj:
    """POST /v1/subscriptions"""
    params, sim, account = call.params, call.sim, call.account
    customer = required(account, params["customer"])
    mode = params.get("billing_mode", {"type": "flexible"})
    flexible = mode["type"] == "flexible"
    items = subscription_items.wanted(account, params["items"], flexible=flexible)
    trial_end = trials.asked(sim, params.get("trial_end"), params.get("trial_period_days"))
    values = _values(call, mode, trial_end)
    default = params.get("default_payment_method")
    if default is not None:
        method_of(account, customer["id"], default)
    due = 0 if trial_end is not None else sum(subscription_build.worth(price, number) for price, number, _ in items)
    sent = values["collection_method"] == "send_invoice"
    answer = None if sent else _payable(call, customer, default, due)
    _check_currency(params, items[0][0], customer)
    (price, quantity, _), *more = items
    subscription = subscription_build.make(
        sim,
        account,
        customer=customer,
        price=price,
        quantity=quantity,
        more=tuple((each, number) for each, number, _ in more),
        anchor=sim.now if trial_end is None else trial_end,
        status="trialing" if trial_end is not None else "active" if sent or due == 0 else "incomplete",
        payment_method=default,
        metadata=merge_metadata({}, params.get("metadata") or {}),
        cancel_at_period_end=params.get("cancel_at_period_end", False),
        **values,
    )
    _name_items(subscription, [metadata for _, _, metadata in items])
    whole = flexible and params.get("proration_behavior") == "none"
    _plan_end(call, subscription)
    charge = params.get("payment_behavior") != "default_incomplete"
    begin(sim, account, subscription, charge=charge, answer=answer, whole=whole)
    return subscription


def _values(call: Call, mode: Obj, trial_end: int | None) -> dict[str, Any]:
    """Further fields of the new subscription."""
    params, now = call.params, call.sim.now
    method, days = params.get("collection_method", "charge_automatically"), params.get("days_until_due")
    check_days(method, days)
    if params.get("payment_behavior") == "pending_if_incomplete":
        raise invalid("`payment_behavior=pending_if_incomplete` is only used when updating.", param="payment_behavior")
    if "cancel_at" in params and params.get("cancel_at_period_end"):
        raise cancellation.both_ends()
    values: dict[str, Any] = {
        "collection_method": method,
        "days_until_due": days,
        "created": now,
        "start_date": now,
        "billing_mode": subscription_build.mode(
            mode["type"], discounts=mode.get("flexible", {}).get("proration_discounts", "included")
        ),
    }
    if "description" in params:
        values["description"] = params["description"]
    if "trial_settings" in params:
        values["trial_settings"] = params["trial_settings"]
    if trial_end is not None:
        values.update(trial_start=now, trial_end=trial_end)
    return values


def check_days(method: str, days: int | None) -> None:
    """Days until an invoice is due belong to sent ones, and sent ones need them."""
    if method == "send_invoice" and days is None:
        raise invalid(
            "If collection_method is `send_invoice`, you must specify `days_until_due`.", param="days_until_due"
        )
    if method == "charge_automatically" and days is not None:
        raise invalid(
            "You can only specify `days_until_due` if collection_method is `send_invoice`.", param="days_until_due"
        )
    if days is not None and days < 0:
        raise invalid("Invalid non-negative integer", param="days_until_due", code="parameter_invalid_integer")


def _check_currency(params: dict[str, Any], price: Obj, customer: Obj) -> None:
    if str(params.get("currency", price["currency"])).lower() != price["currency"]:
        raise invalid(
            f"The price specified only supports `{price['currency']}`. This doesn't match the expected currency: "
            f"`{params['currency']}`.",
            param="currency",
        )
    if customer["currency"] not in (None, price["currency"]):
        raise invalid(
            "You cannot combine currencies on a single customer. This customer has an active subscription, "
            "subscription schedule, discount, quote, or invoice item with currency " + str(customer["currency"])
        )


def _payable(call: Call, customer: Obj, default: str | None, due: int) -> Answer | None:
    """Refuse what nobody could pay; with `error_if_incomplete`, ask the issuer before anything is written."""
    behavior = call.params.get("payment_behavior", "allow_incomplete")
    id_ = default or customer["invoice_settings"]["default_payment_method"]
    if due == 0 or behavior == "default_incomplete":
        return None
    if id_ is None:
        raise Refusal(400, _NO_METHOD, code="resource_missing", saved=True)
    if behavior != "error_if_incomplete":
        return None
    sim, account = call.sim, call.account
    method = account.get("payment_method", id_)
    off_session = call.params.get("off_session", False)
    answer = instruments.ask(sim, account, customer=customer["id"], method=method, amount=due, off_session=off_session)
    if answer.approved or answer.pending:
        return answer
    error = payment_intents.error_of(answer, None, method)
    message, code = str(error.pop("message")), str(error.pop("code"))
    type_ = str(error.pop("type"))
    error.pop("doc_url", None)
    if answer.requires_action:
        code = "subscription_payment_intent_requires_action"
    raise Refusal(402, message, type_=type_, code=code, saved=True, **error)


def _name_items(subscription: Obj, metadata: list[dict[str, str]]) -> None:
    if any(metadata):
        rows = subscription_build.items_of(subscription)
        named = [{**item, "metadata": each} for item, each in zip(rows, metadata, strict=True)]
        subscription["items"] = subscription_build.with_items(subscription, named)


def _plan_end(call: Call, subscription: Obj) -> None:
    """`cancel_at` and `cancel_at_period_end` of a subscription that is being created."""
    asked = call.params.get("cancel_at")
    if asked is not None:
        at = cancellation.instant_of(call.sim, call.account, subscription, asked)
        subscription.update(cancellation.planned(call.sim, call.account, subscription, at, prorate=False, new=True))
    elif subscription["cancel_at_period_end"]:
        subscription["canceled_at"] = call.sim.now
    if subscription["cancel_at"] is not None:
        reason = {**subscription["cancellation_details"], "reason": "cancellation_requested"}
        subscription["cancellation_details"] = reason


def begin(
    sim: Simulation,
    account: Account,
    subscription: Obj,
    *,
    charge: bool = True,
    answer: Answer | None = None,
    whole: bool = False,
) -> None:
    """Bill the first period and try to collect it; `answer` is what the issuer said already."""
    invoice = billing.bill(sim, account, subscription, "subscription_create", whole=whole)
    subscription["latest_invoice"] = invoice["id"]
    emit(sim, account, "customer.subscription.created", subscription)
    emit(sim, account, "invoice.created", invoice)
    if subscription["collection_method"] == "send_invoice":
        renewals.wait_an_hour(sim, account, invoice)
    else:
        collection.finalize(sim, account, invoice)
    if charge and invoice["status"] == "open":
        method = collection.method_for(account, invoice)
        if answer is not None and method is not None:
            collection.attempt(sim, account, invoice, method, automatic=True, answer=answer)
        else:
            collection.attempt_automatically(sim, account, invoice)
    cancellation.write_down(sim, account, subscription)
    if subscription["status"] == "trialing":
        trials.announce(sim, account, subscription)
    if subscription["status"] == "incomplete":
        _await_payment(sim, account, subscription, invoice)


def _await_payment(sim: Simulation, account: Account, subscription: Obj, invoice: Obj) -> None:
    """The first payment is still due; one that is on its way counts as made [INFER]."""
    intent = payment_intents.of_invoice(account, invoice["id"])
    if intent is not None and intent["status"] == "processing":
        renewals.activate(sim, account, subscription)
        return
    sim.agenda.add(sim.now + renewals.INCOMPLETE_SECONDS, "expire", account.key, subscription["id"])
