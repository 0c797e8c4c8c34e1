"""Charges: one try at a card, with the issuer's outcome; every one goes into the ledger.

May not decide the answer (issuers do) nor touch the invoice (collection does).
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.answers import Answer
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.params import Shape
from flexpay_reconcile.simulator.refusals import missing
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

LIST: Shape = {**PAGING, "created": "range", "customer": "string", "payment_intent": "string"}


def outcome(answer: Answer) -> Obj:
    """The `outcome` hash; `rule` is only there where a rule of Radar decided."""
    named: Obj = {} if answer.rule is None else {"rule": answer.rule}
    return {
        **named,
        "advice_code": answer.advice_code,
        "network_advice_code": answer.network_advice_code,
        "network_decline_code": answer.network_decline_code,
        "network_status": answer.network_status,
        "reason": answer.reason,
        "risk_level": answer.risk_level,
        "seller_message": answer.seller_message,
        "type": answer.outcome_type,
    }


def _details(method: Obj, amount: int, approved: bool) -> Obj:
    card = method["card"]
    return {
        "card": {
            "amount_authorized": amount if approved else None,
            "authorization_code": None,
            "brand": card["brand"],
            "checks": card["checks"],
            "country": card["country"],
            "exp_month": card["exp_month"],
            "exp_year": card["exp_year"],
            "fingerprint": card["fingerprint"],
            "funding": card["funding"],
            "installments": None,
            "last4": card["last4"],
            "mandate": None,
            "network": card["brand"],
            "network_token": {"used": False},
            "network_transaction_id": None,
            "regulated_status": "unregulated",
            "three_d_secure": None,
            "wallet": None,
        },
        "type": "card",
    }


def make(
    sim: Simulation,
    account: Account,
    *,
    intent: Obj,
    method: Obj,
    invoice: str | None,
    answer: Answer,
    source: str | None = None,
) -> Obj:
    """A new charge of a payment intent with this answer; reported and recorded in the ledger."""
    approved = answer.approved
    id_ = sim.new_id(account, "ch")
    amount = intent["amount"]
    charge: Obj = {
        "id": id_,
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if approved else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": sim.new_id(account, "txn") if approved else None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": account.name[:22],
        "captured": approved,
        "created": sim.now,
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "failure_balance_transaction": None,
        "failure_code": answer.code,
        "failure_message": answer.message,
        "fraud_details": {},
        "livemode": account.livemode,
        "metadata": {},
        "on_behalf_of": None,
        "outcome": outcome(answer),
        "paid": approved,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": _details(method, amount, approved),
        "receipt_email": None,
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": None,
        "statement_descriptor_suffix": None,
        "status": "succeeded" if approved else "failed",
        "transfer_data": None,
        "transfer_group": None,
    }
    account.table("charge").add(charge)
    if source != "history":
        account.attempts.setdefault((method["card"]["fingerprint"], amount), []).append(sim.now)
    sim.ledger.charge(_row(sim, account, charge, invoice, source))
    emit(sim, account, "charge.succeeded" if approved else "charge.failed", charge)
    return charge


def _row(sim: Simulation, account: Account, charge: Obj, invoice: str | None, source: str | None) -> dict[str, Any]:
    return {
        "id": charge["id"],
        "account": account.id,
        "livemode": account.livemode,
        "invoice": invoice,
        "customer": charge["customer"],
        "amount": charge["amount"],
        "currency": charge["currency"],
        "status": charge["status"],
        "created": charge["created"],
        "idempotency_key": sim.cause.idempotency_key,
        "request": sim.cause.request_id,
        "source": source or sim.cause.source,
        "key_name": sim.cause.key_name,
        "payment_method": charge["payment_method"],
        "fingerprint": charge["payment_method_details"]["card"]["fingerprint"],
        "failure_code": charge["failure_code"],
        "reason": charge["outcome"]["reason"],
        "network_status": charge["outcome"]["network_status"],
        "payment_intent": charge["payment_intent"],
        "brand": charge["payment_method_details"]["card"]["brand"],
        "advice_code": charge["outcome"]["advice_code"],
        "network_advice_code": charge["outcome"]["network_advice_code"],
    }


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/charges/{id}"""
    found = call.account.find("charge", id_)
    if found is None:
        raise missing("charge", id_)
    return found


def listing(call: Call) -> Obj:
    """GET /v1/charges: filters created, customer, payment_intent."""
    customer, intent = call.params.get("customer"), call.params.get("payment_intent")
    table = call.account.table("charge")
    if intent is not None:
        ids = table.by("payment_intent", intent)
        return page(
            call, "charge", "/v1/charges", ids=ids, keep=lambda row: customer is None or row["customer"] == customer
        )
    if customer is not None:
        return page(call, "charge", "/v1/charges", ids=table.by("customer", customer))
    return page(call, "charge", "/v1/charges")


ROUTES: tuple[Route, ...] = (
    route("GET", "charges", listing, "rak_charge_read", LIST),
    route("GET", "charges/*", retrieve, "rak_charge_read"),
)
