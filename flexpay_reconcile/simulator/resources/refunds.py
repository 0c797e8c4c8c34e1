"""Refunds: money given back for a charge, at once or later, as the card's nature or a test says.

Refunds of bank debits are pending for days. May not touch invoices: a refund does not reopen one.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import disputes, fraud_warnings, instruments, reviews
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

CREATE: Shape = {
    "charge": "string",
    "payment_intent": "string",
    "amount": "int",
    "instructions_email": "string",
    "metadata": "map",
    "reason": ("duplicate", "fraudulent", "requested_by_customer"),
}
UPDATE: Shape = {"metadata": "map"}
LIST: Shape = {**PAGING, "created": "range", "charge": "string", "payment_intent": "string"}
SETTLES_AFTER = 86400
OUTCOMES = ("succeeded", "pending", "failed", "requires_action")
"""What can become of a refund: at once, a day later, failed a day later, waiting for the customer's bank details."""
_BEGINS = {"succeeded": "succeeded", "failed": "succeeded", "pending": "pending", "requires_action": "requires_action"}


def make(
    sim: Simulation, account: Account, charge: Obj, amount: int, reason: str | None, metadata: dict[str, str]
) -> Obj:
    """A new refund of a charge, reported and recorded.

    One that is bound to fail succeeds first, as with Stripe's test card; of a bank debit it is pending first.
    """
    type_ = charge["payment_method_details"]["type"]
    nature = _nature(account, charge)
    status = "pending" if nature == "failed" and type_ != "card" else _BEGINS[nature]
    destination: Obj = {}
    if type_ == "card":  # Stripe's document names no details for refunds of bank debits
        details = {"card": {"type": "refund", "reference_status": "pending"}, "type": "card"}
        destination["destination_details"] = details
    refund: Obj = {
        "id": sim.new_id(account, "re" if type_ == "card" else "pyr"),
        "object": "refund",
        "amount": amount,
        "balance_transaction": None,
        "charge": charge["id"],
        "created": sim.now,
        "currency": charge["currency"],
        **destination,
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "reason": reason,
        "receipt_number": None,
        "source_transfer_reversal": None,
        "status": status,
        "transfer_reversal": None,
    }
    if status == "pending":
        refund["pending_reason"] = "processing"
    if status == "requires_action":
        sent = {"email_sent": {"email_sent_at": sim.now, "email_sent_to": charge["billing_details"]["email"] or ""}}
        refund["next_action"] = {
            "display_details": {**sent, "expires_at": sim.now + 45 * 86400},
            "type": "display_details",
        }
    account.table("refund").add(refund)
    account.payments.natures[refund["id"]] = nature
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
    if charge["refunded"]:
        reviews.close(sim, account, charge["review"], "refunded_as_fraud" if reason == "fraudulent" else "refunded")
        fraud_warnings.settled(sim, account, charge)
    if status == "pending" or nature == "failed":
        sim.agenda.add(sim.now + SETTLES_AFTER, "refund", account.key, refund["id"])
    return refund


def _nature(account: Account, charge: Obj) -> str:
    """What becomes of a refund of this charge: as a test scripted for the customer, else as its card always does."""
    scripted = account.payments.refunds.get(charge["customer"] or "")
    if scripted is not None:
        return scripted
    instrument = instruments.of(account, charge["payment_method"])
    if isinstance(instrument, Card):
        return instrument.refund
    return "succeeded" if instrument is None else "pending"


def settle(sim: Simulation, account: Account, refund_id: str) -> None:
    """A day later: a pending refund succeeds, one that is bound to fail fails."""
    refund = account.find("refund", refund_id)
    if refund is None or refund["status"] not in ("pending", "succeeded"):
        return
    if account.payments.natures[refund_id] == "failed":
        fail(sim, account, refund, "expired_or_canceled_card")
    else:
        refund.pop("pending_reason", None)
        change(sim, account, refund, "refund.updated", status="succeeded")


def fail(sim: Simulation, account: Account, refund: Obj, reason: str) -> None:
    """The money came back: the charge counts as not refunded again, by this amount."""
    refund["failure_reason"] = reason
    refund["failure_balance_transaction"] = sim.new_id(account, "txn")
    refund.pop("pending_reason", None)
    change(sim, account, refund, "refund.updated", status="failed")
    emit(sim, account, "charge.refund.updated", refund)
    emit(sim, account, "refund.failed", refund)
    _give_back(sim, account, refund)


def _give_back(sim: Simulation, account: Account, refund: Obj) -> None:
    charge = account.get("charge", refund["charge"])
    left = charge["amount_refunded"] - refund["amount"]
    change(sim, account, charge, "charge.updated", amount_refunded=left, refunded=False)


def _charge_of(call: Call) -> Obj:
    """The charge a request wants refunded."""
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
    return charge


def create(call: Call) -> Obj:
    """POST /v1/refunds"""
    params, account = call.params, call.account
    charge = _charge_of(call)
    if charge["status"] != "succeeded":
        raise Refusal(400, f"This charge ({charge['id']}) has not succeeded and cannot be refunded.", saved=True)
    if not charge["captured"]:
        raise not_allowed(
            f"Charge {charge['id']} has not been captured; cancel its PaymentIntent instead.",
            code="charge_not_refundable",
        )
    if disputes.open_of(account, charge) is not None:
        raise not_allowed(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.", code="charge_disputed"
        )
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
    metadata = merge_metadata({}, params.get("metadata") or {})
    refund = make(call.sim, account, charge, amount, params.get("reason"), metadata)
    if "instructions_email" in params:
        refund["instructions_email"] = params["instructions_email"]
    return refund


def update(call: Call, id_: str) -> Obj:
    """POST /v1/refunds/{id}: metadata only."""
    refund = retrieve(call, id_)
    values: dict[str, Any] = {}
    if "metadata" in call.params:
        values["metadata"] = merge_metadata(refund["metadata"], call.params["metadata"])
    change(call.sim, call.account, refund, "refund.updated", **values)
    return refund


def cancel(call: Call, id_: str) -> Obj:
    """POST /v1/refunds/{id}/cancel: only while it waits for the customer."""
    refund = retrieve(call, id_)
    if refund["status"] != "requires_action":
        raise not_allowed(
            f"You cannot cancel this refund because it has a status of {refund['status']}. Only refunds with a status "
            "of requires_action may be canceled."
        )
    del refund["next_action"]
    change(call.sim, call.account, refund, "refund.updated", status="canceled")
    _give_back(call.sim, call.account, refund)
    return refund


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/refunds/{id}"""
    found = call.account.find("refund", id_)
    if found is None:
        raise missing("refund", id_)
    return found


def listing(call: Call) -> Obj:
    """GET /v1/refunds: filters charge, payment_intent, created."""
    params, table = call.params, call.account.table("refund")
    name = next((each for each in ("charge", "payment_intent") if each in params), None)
    ids = None if name is None else table.by(name, params[name])
    intent = params.get("payment_intent")
    return page(call, "refund", "/v1/refunds", ids=ids, keep=lambda row: intent in (None, row["payment_intent"]))


ROUTES: tuple[Route, ...] = (
    route("POST", "refunds", create, "rak_charge_write", CREATE),
    route("GET", "refunds", listing, "rak_charge_read", LIST),
    route("GET", "refunds/*", retrieve, "rak_charge_read"),
    route("POST", "refunds/*", update, "rak_charge_write", UPDATE),
    route("POST", "refunds/*/cancel", cancel, "rak_charge_write"),
)
