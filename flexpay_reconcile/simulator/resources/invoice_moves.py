"""Invoices from one status to the next: finalize, send, pay, void, mark uncollectible, and what each refuses.

Messages and transitions as Stripe's (docs: workflow-transitions). Where a payment is still processing, pay and void are
refused; that, and the sentences about it, are inferred. May not make charges itself: collection does.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import Refusal, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import collection, finalisation, payment_intents, settlement, standing
from flexpay_reconcile.simulator.resources.customers import not_attached
from flexpay_reconcile.simulator.resources.invoices import found, settle_out_of_band
from flexpay_reconcile.simulator.state import Call, Obj

PAY: Shape = {
    "forgive": "bool",
    "mandate": "string?",
    "off_session": "bool",
    "paid_out_of_band": "bool",
    "payment_method": "string",
    "source": "string",
}
FINALIZE: Shape = {"auto_advance": "bool"}
_NOT_OPEN = "You can only pass in open invoices. This invoice isn't open."


def _not_processing(call: Call, invoice: Obj, what: str) -> None:
    """400 while a bank has not answered yet."""
    intent = payment_intents.of_invoice(call.account, invoice["id"])
    if intent is not None and intent["status"] == "processing":
        raise not_allowed(f"You can't {what} this invoice because a payment for it is already processing.")


def pay(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/pay: open and uncollectible invoices.

    `forgive` is taken and changes nothing: it concerns sources that hold a balance, which do not exist here. An answer
    of 200 with status open means that a bank debit is on its way.
    """
    invoice = found(call, id_)
    params = call.params
    status = invoice["status"]
    if status == "paid":
        raise not_allowed("Invoice is already paid")
    if status == "void":
        raise not_allowed("Voided invoices cannot be paid.")
    if status == "draft":
        raise not_allowed("You can only pay finalized invoices. This invoice is a draft.", code="invoice_not_editable")
    if "source" in params:
        raise missing("source", params["source"], param="source", status=400)
    _not_processing(call, invoice, "pay")
    if params.get("paid_out_of_band"):
        settle_out_of_band(call.sim, call.account, invoice)
        return invoice
    explicit = params.get("payment_method")
    if explicit is not None:
        row = call.account.find("payment_method", explicit)
        if row is None:
            raise missing("payment_method", explicit, param="payment_method", status=400)
        if row["customer"] != invoice["customer"]:
            raise not_attached(explicit, "payment_method")
    method = collection.method_for(call.account, invoice, explicit)
    if method is None:
        raise Refusal(
            400,
            "This customer has no attached payment source or default payment method. Please consider "
            "adding a default payment method.",
            code="resource_missing",
            saved=True,
        )
    away = params.get("off_session", True)
    done = collection.attempt(call.sim, call.account, invoice, method, automatic=False, off_session=away)
    if done.refused:
        raise collection.declined(done)
    return invoice


def finalize(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/finalize: with `auto_advance` (the draft's unless given) Stripe collects by itself."""
    invoice = found(call, id_)
    if invoice["status"] != "draft":
        raise not_allowed(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.", code="invoice_not_editable"
        )
    _finalize(call, invoice)
    return invoice


def _finalize(call: Call, invoice: Obj) -> None:
    invoice.update(auto_advance=call.params.get("auto_advance", invoice["auto_advance"]), next_payment_attempt=None)
    finalisation.finalize(call.sim, call.account, invoice)
    finalisation.collect_soon(call.sim, call.account, invoice)


def send(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/send: a draft is finalised first; in a sandbox no mail goes out, but the event does."""
    invoice = found(call, id_)
    if invoice["collection_method"] != "send_invoice":
        raise not_allowed("You can only manually send an invoice if its collection method is 'send_invoice'.")
    if invoice["status"] == "draft":
        _finalize(call, invoice)
    if invoice["status"] not in ("open", "uncollectible"):
        raise not_allowed(f"You can't send an invoice that is {invoice['status']}.")
    finalisation.send(call.sim, call.account, invoice)
    return invoice


def mark_uncollectible(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/mark_uncollectible: open only; by API the customer is no longer delinquent."""
    invoice = found(call, id_)
    if invoice["status"] != "open":
        raise not_allowed(_NOT_OPEN)
    settlement.mark_uncollectible(call.sim, call.account, invoice, "user_forgiven")
    standing.after_settlement(call.sim, call.account, invoice)
    return invoice


def void(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/void: open and uncollectible only, irreversible."""
    invoice = found(call, id_)
    if invoice["status"] not in ("open", "uncollectible"):
        raise not_allowed(_NOT_OPEN)
    _not_processing(call, invoice, "void")
    if invoice["amount_paid"]:
        raise not_allowed("You can't void an invoice that was paid in part.")
    settlement.void(call.sim, call.account, invoice)
    return invoice


ROUTES: tuple[Route, ...] = (
    route("POST", "invoices/*/pay", pay, "rak_invoice_write", PAY),
    route("POST", "invoices/*/finalize", finalize, "rak_invoice_write", FINALIZE),
    route("POST", "invoices/*/send", send, "rak_invoice_write"),
    route("POST", "invoices/*/mark_uncollectible", mark_uncollectible, "rak_invoice_write"),
    route("POST", "invoices/*/void", void, "rak_invoice_write"),
)
