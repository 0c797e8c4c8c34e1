"""Refunds: money given back for a charge, at once or later, as the card's nature says.

May not touch invoices: a refund does not reopen one.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.params import Shape, merge_metadata
from flexpay_reconcile.simulator.refusals import Refusal, invalid, missing
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

CREATE: Shape = {
    "charge": "string",
    "payment_intent": "string",
    "amount": "int",
    "metadata": "map",
    "reason": ("duplicate", "fraudulent", "requested_by_customer"),
}
LIST: Shape = {**PAGING, "created": "range", "charge": "string", "payment_intent": "string"}
SETTLES_AFTER = 86400


def make(
    sim: Simulation, account: Account, charge: Obj, amount: int, reason: str | None, metadata: dict[str, str]
) -> Obj:
    """A new refund of a charge, reported and recorded."""
    card = account.cards.get(charge["payment_method"])
    nature = card.refund if card is not None else "succeeded"
    refund = account.table("refund").add(
        {
            "id": sim.new_id(account, "re"),
            "object": "refund",
            "amount": amount,
            "balance_transaction": None,
            "charge": charge["id"],
            "created": sim.now,
            "currency": charge["currency"],
            "destination_details": {"card": {"type": "refund", "reference_status": "pending"}, "type": "card"},
            "metadata": metadata,
            "payment_intent": charge["payment_intent"],
            "reason": reason,
            "receipt_number": None,
            "source_transfer_reversal": None,
            "status": "pending" if nature == "pending" else "succeeded",
            "transfer_reversal": None,
        }
    )
    total = charge["amount_refunded"] + amount
    sim.ledger.refund(
        {
            "id": refund["id"],
            "account": account.id,
            "charge": charge["id"],
            "amount": amount,
            "currency": charge["currency"],
            "status": refund["status"],
            "created": sim.now,
            "invoice": account.invoice_of.get(charge["payment_intent"]),
        }
    )
    emit(sim, account, "refund.created", refund)
    change(sim, account, charge, "charge.refunded", amount_refunded=total, refunded=total == charge["amount"])
    if nature != "succeeded":
        sim.agenda.add(sim.now + SETTLES_AFTER, "refund", account.key, refund["id"])
    return refund


def settle(sim: Simulation, account: Account, refund_id: str) -> None:
    """A day later: a pending refund succeeds, one that is bound to fail fails."""
    refund = account.get("refund", refund_id)
    charge = account.get("charge", refund["charge"])
    card = account.cards.get(charge["payment_method"])
    if card is not None and card.refund == "failed":
        refund["failure_reason"] = "expired_or_canceled_card"
        change(sim, account, refund, "refund.updated", status="failed")
        emit(sim, account, "refund.failed", refund)
        left = charge["amount_refunded"] - refund["amount"]
        change(sim, account, charge, "charge.updated", amount_refunded=left, refunded=False)
    else:
        change(sim, account, refund, "refund.updated", status="succeeded")


def create(call: Call) -> Obj:
    """POST /v1/refunds"""
    params = call.params
    charge_id = params.get("charge")
    if charge_id is None:
        if "payment_intent" not in params:
            raise invalid("One of the following params should be provided for this request: payment_intent or charge.")
        intent = call.account.find("payment_intent", params["payment_intent"])
        if intent is None:
            raise missing("payment_intent", params["payment_intent"], param="payment_intent", status=400)
        charge_id = intent["latest_charge"]
        if charge_id is None:
            raise Refusal(
                400, f"This PaymentIntent ({intent['id']}) does not have a successful charge to refund.", saved=True
            )
    charge = call.account.find("charge", charge_id)
    if charge is None:
        raise missing("charge", charge_id, param="charge", status=400)
    if charge["status"] != "succeeded":
        raise Refusal(400, f"This charge ({charge['id']}) has not succeeded and cannot be refunded.", saved=True)
    left = charge["amount"] - charge["amount_refunded"]
    if left <= 0:
        raise Refusal(
            400, f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded", saved=True
        )
    amount = params.get("amount", left)
    if amount <= 0:
        raise invalid("Invalid positive integer", param="amount", code="parameter_invalid_integer")
    if amount > left:
        raise Refusal(
            400,
            f"Refund amount ({amount}) is greater than unrefunded amount on charge ({left})",
            param="amount",
            saved=True,
        )
    return make(
        call.sim, call.account, charge, amount, params.get("reason"), merge_metadata({}, params.get("metadata") or {})
    )


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/refunds/{id}"""
    found = call.account.find("refund", id_)
    if found is None:
        raise missing("refund", id_)
    return found


def listing(call: Call) -> Obj:
    """GET /v1/refunds: filters charge, payment_intent, created."""
    charge, intent = call.params.get("charge"), call.params.get("payment_intent")
    table = call.account.table("refund")
    ids = table.by("charge", charge) if charge is not None else None
    return page(
        call, "refund", "/v1/refunds", ids=ids, keep=lambda row: intent is None or row["payment_intent"] == intent
    )


ROUTES: tuple[Route, ...] = (
    route("POST", "refunds", create, "rak_charge_write", CREATE),
    route("GET", "refunds", listing, "rak_charge_read", LIST),
    route("GET", "refunds/*", retrieve, "rak_charge_read"),
)
