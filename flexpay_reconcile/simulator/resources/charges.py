"""Charges: one try at a card or bank account, with its outcome; every one goes into the ledger.

A bank debit is recorded twice there: `pending` when it is sent, and again under the same id with what became of it (and
`at`, the instant of that). May not decide the answer (issuers do) nor touch the invoice (collection does).
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.issuers.answers import Answer
from flexpay_reconcile.simulator.issuers.banks import BankAccount
from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.payment_state import NEVER_CODES
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import instruments, method_build
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

DAY = 86400
LIST: Shape = {
    **PAGING,
    "created": "range",
    "customer": "string",
    "payment_intent": "string",
    "transfer_group": "string",
}
UPDATE: Shape = {
    "metadata": "map",
    "description": "string",
    "receipt_email": "string",
    "customer": "string",
    "transfer_group": "string",
    "fraud_details": {"user_report": ("fraudulent", "safe")},
}


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


def make(
    sim: Simulation,
    account: Account,
    *,
    intent: Obj,
    method: Obj,
    invoice: str | None,
    answer: Answer,
    source: str | None = None,
    authenticated: bool = False,
    capture: bool = True,
) -> Obj:
    """A new charge of a payment intent with this answer; reported and recorded in the ledger.

    Charges of bank debits are called `py_…`, as Stripe's are. `capture` False: only authorised.
    """
    instrument = instruments.of(account, method["id"])
    charge = _new(sim, account, intent, method, answer, capture=capture)
    charge["payment_method_details"] = method_build.charged(
        method, instrument, charge["amount"], approved=answer.approved, authenticated=authenticated
    )
    account.table("charge").add(charge)
    if answer.pending:
        account.payments.debits[charge["id"]] = False
    if source != "history":
        _remember(sim, account, method, charge)
    sim.ledger.charge(_row(sim, account, charge, invoice, source))
    emit(sim, account, f"charge.{charge['status']}", charge)
    if answer.pending and isinstance(instrument, BankAccount) and instrument.behaviour != "processing":
        days = account.payments.debit_days
        sim.agenda.add(sim.now + (instrument.days if days is None else days) * DAY, "debit", account.key, charge["id"])
    if answer.approved and isinstance(instrument, Card) and instrument.after is not None and source != "history":
        sim.agenda.add(sim.now, "aftermath", account.key, charge["id"])
    return charge


def _new(sim: Simulation, account: Account, intent: Obj, method: Obj, answer: Answer, *, capture: bool) -> Obj:
    """The object, without its `payment_method_details`."""
    approved, pending = answer.approved, answer.pending
    amount, captured = intent["amount"], (approved or pending) and capture
    return {
        "id": sim.new_id(account, "ch" if method["type"] == "card" else "py"),
        "object": "charge",
        "amount": amount,
        "amount_captured": amount if captured else 0,
        "amount_refunded": 0,
        "application": None,
        "application_fee": None,
        "application_fee_amount": None,
        "balance_transaction": sim.new_id(account, "txn") if approved and capture else None,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": account.name[:22],
        "captured": captured,
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
        "payment_method_details": None,
        "receipt_email": intent["receipt_email"],
        "receipt_number": None,
        "receipt_url": None,
        "refunded": False,
        "review": None,
        "shipping": None,
        "source": None,
        "source_transfer": None,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "succeeded" if approved else "pending" if pending else "failed",
        "transfer_data": None,
        "transfer_group": intent["transfer_group"],
    }


def _remember(sim: Simulation, account: Account, method: Obj, charge: Obj) -> None:
    """What later attempts on the same card are answered by."""
    print_ = instruments.fingerprint(method)
    account.attempts.setdefault((print_, charge["amount"]), []).append(sim.now)
    payments, outcome_ = account.payments, charge["outcome"]
    if payments.visa_retry_limit is None or outcome_["network_status"] != "declined_by_network":
        return
    if charge["payment_method_details"].get("card", {}).get("brand") == "visa":
        payments.declines.setdefault(print_, []).append(sim.now)
        if outcome_["network_decline_code"] in NEVER_CODES:
            payments.never.add(print_)


def returned(sim: Simulation, account: Account, charge: Obj, answer: Answer, invoice: str | None) -> None:
    """The bank answered a pending debit: it succeeded or failed."""
    approved = answer.approved
    charge.update(
        status="succeeded" if approved else "failed",
        paid=approved,
        amount_captured=charge["amount"] if approved else 0,
        captured=approved,
        balance_transaction=sim.new_id(account, "txn") if approved else None,
        failure_balance_transaction=None if approved else sim.new_id(account, "txn"),
        failure_code=answer.code,
        failure_message=answer.message,
        outcome=outcome(answer),
    )
    sim.ledger.charge({**_row(sim, account, charge, invoice, None), "at": sim.now})
    emit(sim, account, "charge.succeeded" if approved else "charge.failed", charge)


def capture(sim: Simulation, account: Account, charge: Obj, amount: int) -> None:
    """Take an authorised amount, or a part of it; the rest is released as a refund, as Stripe does."""
    charge.update(
        captured=True,
        amount_captured=amount,
        amount_refunded=charge["amount"] - amount,
        balance_transaction=sim.new_id(account, "txn"),
    )
    emit(sim, account, "charge.captured", charge)


def _row(sim: Simulation, account: Account, charge: Obj, invoice: str | None, source: str | None) -> dict[str, Any]:
    details = charge["payment_method_details"]
    used = details[details["type"]]
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
        "fingerprint": used["fingerprint"],
        "failure_code": charge["failure_code"],
        "reason": charge["outcome"]["reason"],
        "network_status": charge["outcome"]["network_status"],
        "payment_intent": charge["payment_intent"],
        "brand": used.get("brand", details["type"]),
        "advice_code": charge["outcome"]["advice_code"],
        "network_advice_code": charge["outcome"]["network_advice_code"],
    }


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/charges/{id}"""
    found = call.account.find("charge", id_)
    if found is None:
        raise missing("charge", id_)
    return found


def update(call: Call, id_: str) -> Obj:
    """POST /v1/charges/{id}"""
    charge = retrieve(call, id_)
    values = dict(call.params)
    if "metadata" in values:
        values["metadata"] = merge_metadata(charge["metadata"], values["metadata"])
    customer = values.get("customer")
    if customer is not None:
        if call.account.find("customer", customer) is None:
            raise missing("customer", customer, param="customer", status=400)
        if charge["customer"] is not None:
            raise not_allowed("You cannot change the customer of a charge that has one.", param="customer")
    change(call.sim, call.account, charge, "charge.updated", **values)
    if customer is not None:
        call.account.table("charge").reindex(charge, "customer", None)
    return charge


def listing(call: Call) -> Obj:
    """GET /v1/charges: filters created, customer, payment_intent, transfer_group."""
    params, table = call.params, call.account.table("charge")
    ids = None
    for name in ("payment_intent", "customer"):
        if name in params and ids is None:
            ids = table.by(name, params[name])
    wanted = [(name, params[name]) for name in ("customer", "transfer_group") if name in params]
    return page(call, "charge", "/v1/charges", ids=ids, keep=lambda row: all(row[name] == is_ for name, is_ in wanted))


ROUTES: tuple[Route, ...] = (
    route("GET", "charges", listing, "rak_charge_read", LIST),
    route("GET", "charges/*", retrieve, "rak_charge_read"),
    route("POST", "charges/*", update, "rak_charge_write", UPDATE),
)
