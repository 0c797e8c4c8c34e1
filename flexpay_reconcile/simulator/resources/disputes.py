"""Disputes: a cardholder's bank takes the money of a charge back, and what becomes of it.

A chargeback begins as needs_response with the money withdrawn; evidence makes it under_review; the bank decides. An
inquiry begins as warning_needs_response and moves no money. Facts: docs.stripe.com/disputes (lifecycle, testing: the
words winning_evidence and losing_evidence decide at once). Inferred: the bank decides 60 days after the evidence and,
without a word from a test, against the merchant; answers are due within 20 days; disputes of bank debits are lost from
the start, since they cannot be contested; the fee of 15.00 in the charge's currency. May not touch invoices.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.issuers.cards import Card
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import dispute_build, fraud_warnings, instruments, reviews
from flexpay_reconcile.simulator.resources.dispute_build import EVIDENCE
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

DAY = 86400
DUE_AFTER, DECIDED_AFTER = 20 * DAY, 60 * DAY
CLOSED = ("won", "lost", "warning_closed")
LIST: Shape = {**PAGING, "created": "range", "charge": "string", "payment_intent": "string"}
UPDATE: Shape = {"evidence": dict.fromkeys(EVIDENCE, "string?"), "metadata": "map", "submit": "bool"}


def open_dispute(
    sim: Simulation, account: Account, charge: Obj, reason: str, *, inquiry: bool = False, case: str | None = None
) -> Obj:
    """The bank disputes a paid charge; reported, and for a chargeback the money is withdrawn.

    The amount is what is left of the charge. `case` is the dispute's case type, where it is not plain.
    """
    debit = charge["payment_method_details"]["type"] != "card"
    status = "warning_needs_response" if inquiry else "lost" if debit else "needs_response"
    dispute = dispute_build.make(sim, account, charge, reason, status, case=case, due_by=sim.now + DUE_AFTER)
    if not inquiry:
        charge["disputed"] = True
    account.table("dispute").add(dispute)
    emit(sim, account, "charge.dispute.created", dispute)
    reviews.close(sim, account, charge["review"], "disputed")
    if not inquiry:
        fraud_warnings.settled(sim, account, charge)
        _move_money(sim, account, dispute, back=False)
    if debit:
        emit(sim, account, "charge.dispute.closed", dispute)
    else:
        sim.agenda.add(sim.now + DUE_AFTER, "dispute", account.key, dispute["id"])
    return dispute


def _move_money(sim: Simulation, account: Account, dispute: Obj, *, back: bool) -> None:
    moved = dispute_build.transaction(sim, account, dispute, back=back)
    type_ = "charge.dispute.funds_reinstated" if back else "charge.dispute.funds_withdrawn"
    dispute["balance_transactions"] = [*dispute["balance_transactions"], moved]
    emit(sim, account, type_, dispute)


def due(sim: Simulation, account: Account, dispute_id: str) -> None:
    """Its time has come: lost without evidence, or decided by the bank (against the merchant)."""
    dispute = account.find("dispute", dispute_id)
    if dispute is None or dispute["status"] in CLOSED:
        return
    answered = dispute["status"] in ("under_review", "warning_under_review")
    if answered and sim.now < account.payments.submitted[dispute_id] + DECIDED_AFTER:
        return
    due_by = dispute["evidence_details"]["due_by"]
    if not answered and due_by is not None and sim.now < due_by:  # an inquiry that became a chargeback meanwhile
        return
    if dispute["status"].startswith("warning"):
        decide(sim, account, dispute, "warning_closed")
    else:
        decide(sim, account, dispute, "lost")


def decide(sim: Simulation, account: Account, dispute: Obj, status: str) -> None:
    """The dispute is over: won, lost, or an inquiry that came to nothing (warning_closed)."""
    late = not dispute["evidence_details"]["submission_count"] and dispute["evidence_details"]["due_by"] is not None
    past = late and sim.now >= dispute["evidence_details"]["due_by"]
    details = {**dispute["evidence_details"], "past_due": bool(past)}
    previous = {"status": dispute["status"]}
    dispute.update(status=status, evidence_details=details, is_charge_refundable=status == "warning_closed")
    emit(sim, account, "charge.dispute.closed", dispute, previous)
    if status == "won":
        _move_money(sim, account, dispute, back=True)


def escalate(sim: Simulation, account: Account, dispute: Obj) -> None:
    """An inquiry becomes a chargeback of the same id; the money is withdrawn now."""
    charge = account.get("charge", dispute["charge"])
    charge["disputed"] = True
    details = {**dispute["evidence_details"], "due_by": sim.now + DUE_AFTER}
    change(
        sim,
        account,
        dispute,
        "charge.dispute.updated",
        status="needs_response",
        is_charge_refundable=False,
        evidence_details=details,
    )
    _move_money(sim, account, dispute, back=False)
    sim.agenda.add(sim.now + DUE_AFTER, "dispute", account.key, dispute["id"])


def follow(sim: Simulation, account: Account, charge_id: str) -> None:
    """What a test card brings upon its paid charge."""
    charge = account.find("charge", charge_id)
    if charge is None:
        return
    card = instruments.of(account, charge["payment_method"])
    after = card.after if isinstance(card, Card) else None
    if after == "early_fraud_warning":
        fraud_warnings.warn(sim, account, charge, "made_with_stolen_card")
    elif after == "inquiry":
        open_dispute(sim, account, charge, "general", inquiry=True)
    elif after == "compliance":
        open_dispute(sim, account, charge, "noncompliant", case="compliance")
    elif after == "multiple":
        open_dispute(sim, account, charge, "fraudulent")
        open_dispute(sim, account, charge, "product_not_received")
    elif after is not None:
        open_dispute(sim, account, charge, after)


def open_of(account: Account, charge: Obj) -> Obj | None:
    """The chargeback that keeps a charge from being refunded: any that was not won."""
    table = account.table("dispute")
    rows = (table.rows[id_] for id_ in table.by("charge", charge["id"]))
    return next((row for row in rows if not row["is_charge_refundable"] and row["status"] != "won"), None)


def update(call: Call, id_: str) -> Obj:
    """POST /v1/disputes/{id}: evidence is staged, and submitted unless `submit` is false."""
    sim, account, params = call.sim, call.account, call.params
    dispute = retrieve(call, id_)
    values: dict[str, Any] = {}
    if "metadata" in params:
        values["metadata"] = merge_metadata(dispute["metadata"], params["metadata"])
    given = {name: value or None for name, value in (params.get("evidence") or {}).items()}
    submits = params.get("submit", "evidence" in params)
    if given or submits:
        if dispute["status"] not in ("needs_response", "warning_needs_response"):
            raise not_allowed("This dispute is already closed or under review, and its evidence can't be updated.")
        evidence = {**dispute["evidence"], **given}
        if sum(len(str(value)) for name, value in evidence.items() if name in EVIDENCE and value) > 150_000:
            raise invalid("The combined character count of evidence exceeds the limit of 150,000.", param="evidence")
        values["evidence"] = evidence
        values["evidence_details"] = dispute_build.details(dispute, evidence, submits=submits)
        if submits:
            under = "under_review" if dispute["status"] == "needs_response" else "warning_under_review"
            values["status"] = under
            account.payments.submitted[id_] = sim.now
            sim.agenda.add(sim.now + DECIDED_AFTER, "dispute", account.key, id_)
    change(sim, account, dispute, "charge.dispute.updated", **values)
    if submits:
        _decide_by_word(sim, account, dispute)
    return dispute


def _decide_by_word(sim: Simulation, account: Account, dispute: Obj) -> None:
    """The words by which a sandbox decides at once."""
    word = dispute["evidence"]["uncategorized_text"]
    inquiry = dispute["status"].startswith("warning")
    if word == "winning_evidence":
        decide(sim, account, dispute, "warning_closed" if inquiry else "won")
    elif word == "losing_evidence":
        decide(sim, account, dispute, "warning_closed" if inquiry else "lost")
    elif word == "escalate_inquiry_evidence" and inquiry:
        escalate(sim, account, dispute)


def close(call: Call, id_: str) -> Obj:
    """POST /v1/disputes/{id}/close: the merchant gives in; irreversible."""
    dispute = retrieve(call, id_)
    if dispute["status"] not in ("needs_response", "under_review"):
        raise not_allowed("This dispute cannot be closed, since it is not awaiting a decision.")
    decide(call.sim, call.account, dispute, "lost")
    return dispute


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/disputes/{id}"""
    found = call.account.find("dispute", id_)
    if found is None:
        raise missing("dispute", id_)
    return found


def listing(call: Call) -> Obj:
    """GET /v1/disputes: filters charge, payment_intent, created."""
    table, params = call.account.table("dispute"), call.params
    name = next((each for each in ("charge", "payment_intent") if each in params), None)
    ids = None if name is None else table.by(name, params[name])
    intent = params.get("payment_intent")
    return page(call, "dispute", "/v1/disputes", ids=ids, keep=lambda row: intent in (None, row["payment_intent"]))


ROUTES: tuple[Route, ...] = (
    route("GET", "disputes", listing, "rak_dispute_read", LIST),
    route("GET", "disputes/*", retrieve, "rak_dispute_read"),
    route("POST", "disputes/*", update, "rak_dispute_write", UPDATE),
    route("POST", "disputes/*/close", close, "rak_dispute_write"),
)
