"""Subscriptions and invoices: made, renewed, refused, paid, voided, written off, cancelled."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.control import control
from tests.conformance.tours.guide import DAY, START, Guide

_PAYMENTS = ["data.payment.payment_intent.latest_charge"]


def tour(guide: Guide) -> None:
    """Everything that can be asked about what is owed, in every state it can be in."""
    _subscriptions(guide)
    _listed(guide)
    invoice = _failed(guide)
    _payments(guide, invoice)
    _ended(guide)


def _subscriptions(guide: Guide) -> None:
    v1, price = guide.v1, guide.price()
    customer, card = guide.new_customer()
    wanted: Any = {
        "customer": customer,
        "items": [{"price": price, "quantity": 2}],
        "default_payment_method": card,
        "metadata": {"seat": "2"},
        "expand": ["latest_invoice.payments"],
    }
    made = guide.read(v1.subscriptions.create(wanted))
    guide.read(v1.subscriptions.retrieve(made.id, {"expand": ["customer", "default_payment_method"]}))
    guide.read(v1.subscriptions.update(made.id, {"cancel_at_period_end": True, "metadata": {"seat": "3"}}))
    comment: Any = {"cancel_at_period_end": False, "cancellation_details": {"comment": "stays", "feedback": "other"}}
    guide.read(v1.subscriptions.update(made.id, comment))
    guide.read(v1.subscriptions.update(made.id, {"cancel_at_period_end": True}))
    gone = guide.read(v1.subscriptions.create({"customer": customer, "items": [{"price": price}]}))
    guide.wait(10)
    guide.read(v1.subscriptions.cancel(gone.id, {"prorate": True, "invoice_now": False}))
    guide.read(v1.invoice_items.list({"customer": customer}))
    guide.wait(40)
    guide.read(v1.subscriptions.retrieve(made.id))


def _listed(guide: Guide) -> None:
    v1 = guide.v1
    ada = guide.customer("ada")
    for status in ("active", "past_due", "canceled", "all", "ended"):
        narrowed: Any = {"status": status, "limit": 2}
        guide.read(v1.subscriptions.list(narrowed))
    guide.read(v1.subscriptions.list({"customer": ada, "collection_method": "charge_automatically"}))
    for params in (
        {},
        {"customer": ada},
        {"status": "paid", "limit": 3, "expand": ["data.payments"]},
        {"collection_method": "charge_automatically", "created": {"gt": START - 400 * DAY}},
    ):
        asked: Any = params
        page = guide.read(v1.invoices.list(asked))
    first = page.data[0]
    guide.read(v1.invoices.list({"subscription": _subscription_of(first), "limit": 1}))
    guide.read(v1.invoices.list({"limit": 1, "starting_after": first.id}))
    guide.read(v1.invoices.list({"limit": 1, "ending_before": page.data[-1].id}))


def _subscription_of(invoice: Any) -> str:
    return str(invoice.parent.subscription_details.subscription)


def _failed(guide: Guide) -> str:
    """Ben's renewal fails, in every way; the open invoice."""
    v1, world = guide.v1, guide.world
    control.decline(world, "ben", "insufficient_funds", network_advice_code="02", advice_code="try_again_later")
    guide.wait(32)
    invoice = next(row["id"] for row in control.open_invoices(world) if row["status"] == "open")
    guide.refused(lambda: v1.invoices.pay(invoice), 402, "card_declined")
    for code in ("expired_card", "incorrect_cvc", "processing_error", "do_not_honor", "lost_card"):
        control.decline(world, "ben", code)
        guide.refused(lambda: v1.invoices.pay(invoice, {"off_session": True}), 402)
    control.decline(world, "ben", "requires_action")
    guide.refused(lambda: v1.invoices.pay(invoice), 402, "invoice_payment_intent_requires_action")
    for type_, reason in (("blocked", "rule"), ("blocked", "highest_risk_level"), ("invalid", None)):
        control.decline(world, "ben", "fraudulent", outcome_type=type_, outcome_reason=reason)
        guide.refused(lambda: v1.invoices.pay(invoice), 402)
    guide.read(v1.invoices.update(invoice, {"metadata": {"a": "1"}, "auto_advance": False}))
    guide.read(v1.invoices.retrieve(invoice, {"expand": ["payments.data.payment.payment_intent", "customer"]}))
    return str(invoice)


def _payments(guide: Guide, invoice: str) -> None:
    v1 = guide.v1
    ben = guide.customer("ben")
    control.approve(guide.world, "ben")
    paid = guide.read(v1.invoices.pay(invoice, {"expand": ["payments"]}))
    assert paid.status == "paid"
    payments = guide.read(v1.invoice_payments.list({"invoice": invoice, "expand": _PAYMENTS}))
    payment = guide.read(v1.invoice_payments.retrieve(payments.data[0].id))
    intent: Any = payment.payment.payment_intent
    by_intent: Any = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    guide.read(v1.invoice_payments.list(by_intent))
    guide.read(v1.invoice_payments.list({"status": "paid"}))
    guide.read(v1.payment_intents.retrieve(intent, {"expand": ["latest_charge", "payment_method", "customer"]}))
    guide.read(v1.payment_intents.list({"customer": ben}))
    charges = guide.read(v1.charges.list({"payment_intent": intent}))
    guide.read(v1.charges.list({"customer": ben, "limit": 5}))
    if guide.knows("charges/*", "POST"):
        guide.read(v1.charges.update(charges.data[0].id, {"description": "d", "metadata": {"a": "b"}}))
    if guide.knows("invoices/*/lines"):
        guide.read(v1.invoices.line_items.list(invoice, {"limit": 1}))
    part: Any = {"charge": charges.data[0].id, "amount": 100, "reason": "requested_by_customer", "metadata": {"a": "b"}}
    refund = guide.read(v1.refunds.create(part))
    guide.read(v1.refunds.retrieve(refund.id, {"expand": ["charge"]}))
    guide.read(v1.refunds.create({"payment_intent": intent}))
    guide.read(v1.refunds.list({"charge": charges.data[0].id}))
    guide.read(v1.charges.retrieve(charges.data[0].id, {"expand": ["refunds", "payment_intent"]}))
    guide.wait(8)
    guide.refused(lambda: v1.refunds.create({"payment_intent": intent}), 400, "charge_already_refunded")
    guide.refused(lambda: v1.invoices.pay(invoice), 400)


def _ended(guide: Guide) -> None:
    """Open invoices written off, paid after that, voided, and paid elsewhere."""
    v1, world = guide.v1, guide.world
    control.decline(world, "ada", "do_not_honor")
    guide.wait(100)
    opened = [row["id"] for row in control.open_invoices(world) if row["status"] == "open"]
    assert len(opened) >= 3, opened
    guide.read(v1.invoices.mark_uncollectible(opened[0]))
    guide.refused(lambda: v1.invoices.mark_uncollectible(opened[0]), 400)
    control.approve(world, "ada")
    guide.read(v1.invoices.pay(opened[0]))
    guide.read(v1.invoices.void_invoice(opened[1]))
    guide.refused(lambda: v1.invoices.void_invoice(opened[1]), 400)
    guide.read(v1.invoices.pay(opened[2], {"paid_out_of_band": True}))
    price, (customer, _) = guide.price(), guide.new_customer()
    made = guide.read(v1.subscriptions.create({"customer": customer, "items": [{"price": price}]}))
    guide.wait(31.02)
    drafts = guide.read(v1.invoices.list({"customer": customer, "status": "draft"}))
    for draft in drafts.data:
        guide.read(v1.invoices.finalize_invoice(str(draft.id), {"auto_advance": False}))
    guide.read(v1.subscriptions.cancel(made.id))
    guide.refused(lambda: v1.subscriptions.update(made.id, {"cancel_at_period_end": True}), 400)
