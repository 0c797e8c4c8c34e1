"""Payment intents made by hand: confirmed, authenticated, captured, cancelled, attached to an invoice; their refunds."""

from __future__ import annotations

from typing import Any

from tests.conformance.tours.guide import Guide


def tour(guide: Guide) -> None:
    """Everything that can be asked of a payment outside of subscriptions."""
    _refunds(guide)
    _set_up(guide)
    if not guide.knows("payment_intents", "POST"):
        return
    intents = guide.v1.payment_intents
    customer, card = guide.new_customer()
    made = guide.read(intents.create({"amount": 1200, "currency": "usd", "customer": customer}))
    changed: Any = {"amount": 1300, "description": "d", "metadata": {"a": "b"}, "payment_method": card}
    guide.read(intents.update(made.id, changed))
    guide.read(intents.confirm(made.id, {"off_session": True}))
    guide.refused(lambda: intents.confirm(made.id), 400, "payment_intent_unexpected_state")
    held = _created(guide, customer, card, capture_method="manual", confirm=True)
    guide.read(intents.capture(held, {"amount_to_capture": 900}))
    gone = _created(guide, customer, card)
    guide.read(intents.cancel(gone, {"cancellation_reason": "abandoned"}))
    guest, secure = guide.new_customer("pm_card_authenticationRequired")
    asking = _created(guide, guest, secure, confirm=True)
    guide.read(intents.retrieve(asking))
    refused, lost = guide.new_customer("pm_card_chargeCustomerFail")
    wanted: Any = {"amount": 1000, "currency": "usd", "customer": refused, "payment_method": lost, "confirm": True}
    guide.refused(lambda: intents.create(wanted), 402, "card_declined")
    if guide.knows("invoices/*/attach_payment"):
        _attached(guide, customer, card)
    guide.wait(1)


def _created(guide: Guide, customer: str, card: str, **more: Any) -> str:
    wanted: Any = {"amount": 1000, "currency": "usd", "customer": customer, "payment_method": card, **more}
    return guide.read(guide.v1.payment_intents.create(wanted)).id


def _attached(guide: Guide, customer: str, card: str) -> None:
    """A payment made elsewhere pays an open invoice."""
    v1 = guide.v1
    guide.read(v1.invoice_items.create({"customer": customer, "amount": 1000, "currency": "usd"}))
    wanted: Any = {"customer": customer, "auto_advance": False, "pending_invoice_items_behavior": "include"}
    invoice = str(guide.read(v1.invoices.create(wanted)).id)
    guide.read(v1.invoices.finalize_invoice(invoice))
    paid = _created(guide, customer, card, confirm=True)
    guide.read(v1.invoices.attach_payment(invoice, {"payment_intent": paid}))


def _refunds(guide: Guide) -> None:
    if not guide.knows("refunds/*/cancel"):
        return
    v1 = guide.v1
    customer, card = guide.new_customer()
    wanted: Any = {"customer": customer, "items": [{"price": guide.price()}], "default_payment_method": card}
    guide.read(v1.subscriptions.create(wanted))
    charge = guide.read(v1.charges.list({"customer": customer})).data[0]
    (account,) = (each for each in guide.world.sim.accounts.values() if each.find("customer", customer))
    account.payments.refunds[customer] = "requires_action"  # as where a bank wants to hear from the customer first
    refund = guide.read(v1.refunds.create({"charge": charge.id}))
    guide.read(v1.refunds.update(refund.id, {"metadata": {"a": "b"}}))
    guide.read(v1.refunds.cancel(refund.id))


def _set_up(guide: Guide) -> None:
    """Cards kept for later, with and without authentication."""
    if not guide.knows("setup_intents", "POST"):
        return
    intents = guide.v1.setup_intents
    customer = guide.read(guide.v1.customers.create({"name": "Later"})).id
    made = guide.read(intents.create({"customer": customer, "usage": "off_session", "metadata": {"a": "b"}}))
    guide.read(intents.update(made.id, {"description": "d"}))
    guide.read(intents.confirm(made.id, {"payment_method": "pm_card_visa"}))
    guide.read(intents.retrieve(made.id, {"expand": ["customer", "payment_method"]}))
    asking: Any = {"customer": customer, "payment_method": "pm_card_authenticationRequired", "confirm": True}
    asked = guide.read(intents.create(asking))
    guide.read(intents.cancel(asked.id))
    guide.read(intents.list({"customer": customer}))
    refused: Any = {"customer": customer, "payment_method": "pm_card_visa_chargeDeclined", "confirm": True}
    guide.refused(lambda: intents.create(refused), 402, "card_declined")
