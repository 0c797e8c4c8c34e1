"""One-off invoices: items waiting, drafts made, changed, finalised, sent, deleted."""

from __future__ import annotations

from typing import Any

from tests.conformance.tours.guide import Guide


def tour(guide: Guide) -> None:
    """Everything that can be asked of invoice items and drafts."""
    _items(guide)
    _drafts(guide)


def _items(guide: Guide) -> None:
    if not guide.knows("invoiceitems/*"):
        return
    items = guide.v1.invoice_items
    customer, _ = guide.new_customer()
    wanted: Any = {"customer": customer, "amount": 700, "currency": "usd", "description": "d", "metadata": {"a": "b"}}
    made = guide.read(items.create(wanted))
    guide.read(items.retrieve(made.id))
    guide.read(items.update(made.id, {"amount": 800, "description": "e"}))
    guide.read(items.list({"customer": customer}))
    guide.read(items.delete(made.id))


def _drafts(guide: Guide) -> None:
    v1 = guide.v1
    if not guide.knows("invoices", "POST"):
        return
    customer, card = guide.new_customer()
    guide.read(v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd"}))
    wanted: Any = {
        "customer": customer,
        "collection_method": "charge_automatically",
        "auto_advance": False,
        "description": "one-off",
        "metadata": {"a": "b"},
        "pending_invoice_items_behavior": "include",
        "default_payment_method": card,
    }
    draft = guide.read(v1.invoices.create(wanted))
    guide.read(v1.invoices.update(str(draft.id), {"description": "changed", "footer": "f"}))
    guide.read(v1.invoices.finalize_invoice(str(draft.id)))
    guide.read(v1.invoices.pay(str(draft.id)))
    sent: Any = {
        "customer": customer,
        "collection_method": "send_invoice",
        "days_until_due": 30,
        "pending_invoice_items_behavior": "include",
    }
    if guide.knows("invoices/*/send"):
        guide.read(v1.invoice_items.create({"customer": customer, "amount": 500, "currency": "usd"}))
        made = guide.read(v1.invoices.create(sent))
        guide.read(v1.invoices.send_invoice(str(made.id)))
        guide.read(v1.invoices.list({"collection_method": "send_invoice", "due_date": {"gt": 1}}))
    gone = guide.read(v1.invoices.create({"customer": customer, "auto_advance": False}))
    guide.read(v1.invoices.delete(str(gone.id)))
