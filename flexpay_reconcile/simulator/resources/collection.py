"""Collection: finalising an invoice and trying to charge it. The only place that makes charges.

The order of the events of one try follows Stripe's: charge, payment intent, invoice payment, invoice, subscription.
May not answer requests: invoices and renewals call it. How an invoice ends is in `settlement`.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator.issuers.answers import APPROVED, Answer
from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.resources import (
    balances,
    charges,
    instruments,
    payment_intents,
    reminders,
    retry_plan,
    settlement,
    standing,
)
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.resources.invoice_build import number, transitions
from flexpay_reconcile.simulator.settings import Mail
from flexpay_reconcile.simulator.state import Account, Obj, Simulation

AUTOMATION_SECONDS = 60
"""How long after a failed try an automation sets `next_payment_attempt` [INFER: "in a following invoice.updated"]."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Try:
    """What came of a try to collect: the answer and the objects that tell of it."""

    answer: Answer
    charge: Obj | None
    intent: Obj
    method: Obj

    @property
    def refused(self) -> bool:
        """Whether the caller is told of a failure: a bank debit on its way is none."""
        return not self.answer.approved and not self.answer.pending


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
        method = account.find("payment_method", id_)
        if method is not None and method["customer"] == invoice["customer"]:  # a detached one is nobody's any more
            return method
    return None


def finalize(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Draft to open: number, payment intent, hosted page. An invoice over nothing is paid at once."""
    customer = account.get("customer", invoice["customer"])
    if customer["currency"] is None:
        customer["currency"] = invoice["currency"]
    left = balances.apply(sim, account, customer, invoice)
    invoice.update(
        status="open",
        number=invoice["number"] or number(customer),
        automatically_finalizes_at=None,
        effective_at=sim.now,
        status_transitions=transitions(invoice, finalized_at=sim.now),
        ending_balance=left,
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
        settlement.settle(sim, account, invoice, intent=None)
    elif invoice["due_date"] is not None:
        reminders.plan(sim, account, invoice)


def attempt(
    sim: Simulation,
    account: Account,
    invoice: Obj,
    method: Obj,
    *,
    automatic: bool,
    answer: Answer | None = None,
    source: str | None = None,
    off_session: bool = True,
    authenticated: bool = False,
) -> Try:
    """Charge the invoice once on this payment method. Manual tries count only when they are the first.

    A bank debit leaves the invoice open and its intent `processing`: `bank_debits` goes on days later.
    """
    before = dict(invoice)
    intent = _intent(sim, account, invoice)
    if answer is None:
        answer = instruments.ask(
            sim,
            account,
            customer=invoice["customer"],
            method=method,
            amount=intent["amount"],
            off_session=off_session,
            authenticated=authenticated,
        )
    charge = None
    if not answer.requires_action:
        charge = charges.make(
            sim,
            account,
            intent=intent,
            method=method,
            invoice=invoice["id"],
            answer=answer,
            source=source,
            authenticated=authenticated,
        )
    counts = automatic or invoice["attempt_count"] == 0
    if counts:
        invoice["attempt_count"] += 1
    invoice["attempted"] = True
    if automatic:
        invoice["next_payment_attempt"] = None
    if answer.approved and charge is not None:
        payment_intents.succeed(sim, account, intent, charge)
        settlement.settle(sim, account, invoice, intent=intent, before=before)
    elif answer.pending and charge is not None:
        account.payments.debits[charge["id"]] = counts
        payment_intents.process(sim, account, intent, charge)
    else:
        payment_intents.fail(sim, account, intent, answer, charge, method)
        failed(sim, account, invoice, method, counts=counts, action=answer.requires_action)
    return Try(answer=answer, charge=charge, intent=intent, method=method)


def _intent(sim: Simulation, account: Account, invoice: Obj) -> Obj:
    """The intent a try goes through, over what is still asked for; a new one where the old one was cancelled."""
    intent = payment_intents.of_invoice(account, invoice["id"])
    if intent is None or intent["status"] == "canceled":
        if intent is not None:
            account.get("invoice_payment", account.payment_of[intent["id"]])["is_default"] = False
        return payment_intents.make(sim, account, invoice)
    if intent["amount"] != invoice["amount_remaining"]:  # another payment was attached in between
        intent["amount"] = invoice["amount_remaining"]
        payment = account.get("invoice_payment", account.payment_of[intent["id"]])
        payment["amount_requested"] = invoice["amount_remaining"]
    return intent


def failed(
    sim: Simulation, account: Account, invoice: Obj, method: Obj | None, *, counts: bool, action: bool = False
) -> None:
    """A try came to nothing (or 3D Secure is asked for): plan what Stripe does next, and report it.

    `counts`: the try was Stripe's own or the first one; a manual one after that leaves Stripe's schedule alone.
    """
    settings = account.settings
    over = counts and invoice["next_payment_attempt"] is None and retry_plan.collects_itself(account, invoice)
    if over and settings.retries != "off":
        at = retry_plan.next_at(sim, account, invoice, method)
        over = at is None
        if at is not None and settings.retries == "automation":
            sim.agenda.add(sim.now + AUTOMATION_SECONDS, "automation", account.key, invoice["id"])
        elif at is not None:
            invoice["next_payment_attempt"] = at
            sim.agenda.add(at, "collect", account.key, invoice["id"])
    if counts and settings.emails:
        kind = "action_required" if action else "payment_failed"
        account.mails.append(Mail(sim.now, invoice["customer"], invoice["id"], kind))
    if action:
        emit(sim, account, "invoice.payment_action_required", invoice)
    emit(sim, account, "invoice.payment_failed", invoice)
    standing.after_failure(sim, account, invoice)
    if over and (settings.subscription != "past_due" or settings.invoice != "open"):
        sim.agenda.add(sim.now, "last_try", account.key, invoice["id"])


def attempt_automatically(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Stripe's own try; without any card the try fails and makes no charge."""
    method = method_for(account, invoice)
    if method is not None:
        attempt(sim, account, invoice, method, automatic=True)
        return
    invoice.update(attempt_count=invoice["attempt_count"] + 1, attempted=True, next_payment_attempt=None)
    failed(sim, account, invoice, None, counts=True)


def pay_on_hosted_page(sim: Simulation, account: Account, invoice: Obj, method: Obj) -> Try:
    """The customer pays the open invoice with a card of their own."""
    return attempt(sim, account, invoice, method, automatic=False, answer=APPROVED)


def declined(done: Try) -> Refusal:
    """The 402 a caller of `pay` gets for a try that failed."""
    error = payment_intents.error_of(done.answer, done.charge, done.method)
    error["payment_intent"] = dict(done.intent)
    code, message = str(error.pop("code")), str(error.pop("message"))
    type_ = str(error.pop("type"))
    error.pop("doc_url")
    return Refusal(402, message, type_=type_, code=code, saved=True, **error)
