"""Collection: finalising an invoice, trying to charge it, and settling it. The only place that makes charges.

The order of the events of one try follows Stripe's: charge, payment intent, invoice payment, invoice, subscription.
May not answer requests: invoices and renewals call it.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator.answers import APPROVED, Answer
from flexpay_reconcile.simulator.refusals import Refusal
from flexpay_reconcile.simulator.resources import charges, payment_intents, standing
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.invoice_build import number, transitions
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What came of a try to collect: the answer and the objects that tell of it."""

    answer: Answer
    charge: Obj | None
    intent: Obj
    method: Obj


def method_for(account: Account, invoice: Obj, explicit: str | None = None) -> Obj | None:
    """The card that would be charged: explicit, then the invoice's, the subscription's, the customer's default."""
    subscription = standing.subscription_of(account, invoice)
    customer = account.get("customer", invoice["customer"])
    for id_ in (
        explicit,
        invoice["default_payment_method"],
        subscription["default_payment_method"] if subscription is not None else None,
        customer["invoice_settings"]["default_payment_method"],
    ):
        if id_ is not None:
            return account.get("payment_method", id_)
    return None


def finalize(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Draft to open: number, payment intent, hosted page. An invoice over nothing is paid at once."""
    customer = account.get("customer", invoice["customer"])
    if customer["currency"] is None:
        customer["currency"] = invoice["currency"]
    invoice.update(
        status="open",
        number=number(customer),
        automatically_finalizes_at=None,
        effective_at=sim.now,
        status_transitions=transitions(invoice, finalized_at=sim.now),
        ending_balance=0,
        hosted_invoice_url=f"https://invoice.stripe.com/i/{account.id}/test_{invoice['id'][3:]}",
        invoice_pdf=f"https://pay.stripe.com/invoice/{account.id}/test_{invoice['id'][3:]}/pdf",
        customer_address=customer["address"],
        customer_email=customer["email"],
        customer_name=customer["name"],
        customer_phone=customer["phone"],
    )
    sim.ledger.state(sim.now, account.id, invoice["id"], "open", amount=invoice["amount_due"])
    if invoice["amount_remaining"] > 0:
        payment_intents.make(sim, account, invoice)
    emit(sim, account, "invoice.finalized", invoice)
    if invoice["amount_remaining"] == 0:
        settle(sim, account, invoice, intent=None)


def attempt(
    sim: Simulation,
    account: Account,
    invoice: Obj,
    method: Obj,
    *,
    automatic: bool,
    answer: Answer | None = None,
    source: str | None = None,
) -> Try:
    """Charge the invoice once on this card. Manual tries count only when they are the first."""
    intent = payment_intents.of_invoice(account, invoice["id"])
    if intent is None or intent["status"] == "canceled":
        intent = payment_intents.make(sim, account, invoice)
    card = account.cards[method["id"]]
    if answer is None:
        earlier = account.attempts.get((card.fingerprint, intent["amount"]), [])
        answer = sim.issuers.ask(invoice["customer"], card, sim.now, earlier, intent["amount"])
    charge = None
    if not answer.requires_action:
        charge = charges.make(
            sim, account, intent=intent, method=method, invoice=invoice["id"], answer=answer, source=source
        )
    if automatic or invoice["attempt_count"] == 0:
        invoice["attempt_count"] += 1
    invoice["attempted"] = True
    if automatic:
        invoice["next_payment_attempt"] = None
    if answer.approved and charge is not None:
        payment_intents.succeed(sim, account, intent, charge)
        settle(sim, account, invoice, intent=intent)
    else:
        payment_intents.fail(sim, account, intent, answer, charge, method)
        if answer.requires_action:
            emit(sim, account, "invoice.payment_action_required", invoice)
        emit(sim, account, "invoice.payment_failed", invoice)
        standing.after_failure(sim, account, invoice)
    return Try(answer=answer, charge=charge, intent=intent, method=method)


def attempt_automatically(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Stripe's own try; without any card the try fails and makes no charge."""
    method = method_for(account, invoice)
    if method is not None:
        attempt(sim, account, invoice, method, automatic=True)
        return
    invoice.update(attempt_count=invoice["attempt_count"] + 1, attempted=True, next_payment_attempt=None)
    emit(sim, account, "invoice.payment_failed", invoice)
    standing.after_failure(sim, account, invoice)


def settle(sim: Simulation, account: Account, invoice: Obj, *, intent: Obj | None) -> None:
    """The invoice is paid (by an intent, out of band, or because it asks for nothing)."""
    previous = {"status": invoice["status"], "amount_paid": invoice["amount_paid"]}
    invoice.update(
        status="paid",
        amount_paid=invoice["amount_due"],
        amount_remaining=0,
        attempted=True,
        next_payment_attempt=None,
        auto_advance=False,
        status_details=None,
        status_transitions=transitions(invoice, paid_at=sim.now),
    )
    outside = "out_of_band" if intent is None and invoice["amount_due"] > 0 else None
    sim.ledger.state(sim.now, account.id, invoice["id"], "paid", amount=invoice["amount_paid"], detail=outside)
    if intent is not None:
        payment_intents.settle_payment(sim, account, intent)
    emit(sim, account, "invoice.updated", invoice, previous)
    emit(sim, account, "invoice.paid", invoice)
    emit(sim, account, "invoice.payment_succeeded", invoice)
    standing.after_settlement(sim, account, invoice)


def pay_on_hosted_page(sim: Simulation, account: Account, invoice: Obj, method: Obj) -> Try:
    """The customer pays the open invoice with a card of their own."""
    return attempt(sim, account, invoice, method, automatic=False, answer=APPROVED)


def void(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Void an open or uncollectible invoice and report it."""
    previous = {"status": invoice["status"]}
    payment_intents.cancel(sim, account, invoice["id"], "void_invoice")
    invoice.update(
        status="void",
        auto_advance=False,
        next_payment_attempt=None,
        status_details=None,
        status_transitions=transitions(invoice, voided_at=sim.now),
    )
    sim.ledger.state(sim.now, account.id, invoice["id"], "void")
    emit(sim, account, "invoice.voided", invoice)
    emit(sim, account, "invoice.updated", invoice, previous)
    standing.after_settlement(sim, account, invoice)


def stop(sim: Simulation, account: Account, subscription_id: str) -> None:
    """A subscription was cancelled: Stripe no longer collects its invoices by itself."""
    rows = account.table("invoice").rows
    for id_ in account.invoices_of.get(subscription_id, []):
        invoice = rows[id_]
        if invoice["status"] in ("draft", "open"):
            change(
                sim,
                account,
                invoice,
                "invoice.updated",
                auto_advance=False,
                next_payment_attempt=None,
                automatically_finalizes_at=None,
            )


def declined(done: Try) -> Refusal:
    """The 402 a caller of `pay` gets for a try that failed."""
    error = payment_intents.error_of(done.answer, done.charge, done.method)
    error["payment_intent"] = dict(done.intent)
    code, message = str(error.pop("code")), str(error.pop("message"))
    type_ = str(error.pop("type"))
    error.pop("doc_url")
    return Refusal(402, message, type_=type_, code=code, saved=True, **error)
