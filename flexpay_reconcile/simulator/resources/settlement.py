"""Settling: how an invoice ends (paid, void, given up), what is too much, and when collection by itself stops.

Facts: Stripe's OpenAPI document (`amount_overpaid` is credited to the customer's balance; the types of
`customer_balance_transaction`; DELETE of a subscription stops automatic collection of all the customer's finalised
invoices) and docs.stripe.com/changelog/2019-12-03 (voiding gives back what the balance had taken or added, by
`unapplied_from_invoice`). Inferred: that a subscription's drafts are stopped with it. May not charge anything.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.resources import balances, payment_intents, standing
from flexpay_reconcile.simulator.resources.events import change, difference, emit
from flexpay_reconcile.simulator.resources.invoice_build import transitions
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def settle(
    sim: Simulation,
    account: Account,
    invoice: Obj,
    *,
    intent: Obj | None,
    before: Obj | None = None,
    attached: int | None = None,
) -> None:
    """The invoice is paid: by an intent, out of band, because it asks for nothing, or by an `attached` payment.

    `attached` is the amount of that payment; `before` the invoice as it was when the try began. A payment that comes
    after the invoice is paid, or brings more than it asks for, becomes the customer's credit.
    """
    before = dict(invoice) if before is None else before
    received = intent["amount_received"] if intent is not None else attached
    if invoice["status"] == "paid":
        if intent is not None:
            payment_intents.settle_payment(sim, account, intent)
        _overpaid(sim, account, invoice, int(received or 0), before)
        return
    over = max(0, int(received or 0) - invoice["amount_remaining"])
    outside = received is None and invoice["amount_remaining"] > 0
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
    # The judge compares it with the charges: too much is explained by a payment that was attached, and by nothing else.
    taken = invoice["amount_paid"] + (over if attached is not None else min(over, before["amount_paid"]))
    detail = "out_of_band" if outside else None
    sim.ledger.state(sim.now, account.id, invoice["id"], "paid", amount=taken, detail=detail)
    if intent is not None:
        payment_intents.settle_payment(sim, account, intent)
    if over:
        _credit(sim, account, invoice, over)
    emit(sim, account, "invoice.updated", invoice, difference(before, invoice))
    emit(sim, account, "invoice.paid", invoice)
    emit(sim, account, "invoice.payment_succeeded", invoice)
    if over:
        emit(sim, account, "invoice.overpaid", invoice)
    standing.after_settlement(sim, account, invoice)


def _overpaid(sim: Simulation, account: Account, invoice: Obj, amount: int, before: Obj) -> None:
    _credit(sim, account, invoice, amount)
    emit(sim, account, "invoice.updated", invoice, difference(before, invoice))
    emit(sim, account, "invoice.overpaid", invoice)


def _credit(sim: Simulation, account: Account, invoice: Obj, over: int) -> None:
    invoice["amount_overpaid"] += over
    balances.credit(sim, account, invoice, over)


def void(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Void an open or uncollectible invoice and report it; what the customer's balance gave to it goes back."""
    before = dict(invoice)
    payment_intents.cancel(sim, account, invoice["id"], "void_invoice")
    invoice.update(
        status="void",
        auto_advance=False,
        next_payment_attempt=None,
        status_details=None,
        status_transitions=transitions(invoice, voided_at=sim.now),
    )
    balances.unapply(sim, account, invoice)
    sim.ledger.state(sim.now, account.id, invoice["id"], "void")
    emit(sim, account, "invoice.voided", invoice)
    emit(sim, account, "invoice.updated", invoice, difference(before, invoice))
    standing.after_settlement(sim, account, invoice)


def mark_uncollectible(sim: Simulation, account: Account, invoice: Obj, reason: str) -> None:
    """Open to uncollectible, with the reason of `status_details` (one of the SDK's words); it can still be paid."""
    before = dict(invoice)
    invoice.update(
        status="uncollectible",
        auto_advance=False,
        next_payment_attempt=None,
        status_details={"uncollectible": {"reason": reason}},
        status_transitions=transitions(invoice, marked_uncollectible_at=sim.now),
    )
    sim.ledger.state(sim.now, account.id, invoice["id"], "uncollectible", amount=invoice["amount_due"], detail=reason)
    emit(sim, account, "invoice.marked_uncollectible", invoice)
    emit(sim, account, "invoice.updated", invoice, difference(before, invoice))


def stop(sim: Simulation, account: Account, subscription: Obj) -> None:
    """A subscription was cancelled: Stripe collects none of the customer's finalised invoices, and its drafts wait."""
    table = account.table("invoice")
    for id_ in table.by("customer", subscription["customer"]):
        invoice = table.rows[id_]
        if invoice["status"] == "open":
            change(sim, account, invoice, "invoice.updated", auto_advance=False, next_payment_attempt=None)
    for id_ in account.invoices_of.get(subscription["id"], []):
        invoice = table.rows[id_]
        if invoice["status"] == "draft":
            change(
                sim,
                account,
                invoice,
                "invoice.updated",
                auto_advance=False,
                next_payment_attempt=None,
                automatically_finalizes_at=None,
            )
