"""Invoices: what their endpoints answer and refuse.

Messages and transitions as Stripe's (docs: workflow-transitions). May not make charges itself: collection does.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.params import Shape, merge_metadata
from flexpay_reconcile.simulator.refusals import Refusal, missing, not_allowed
from flexpay_reconcile.simulator.resources import collection, payment_intents, standing
from flexpay_reconcile.simulator.resources.customers import not_attached
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.invoice_build import transitions
from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

STATUSES = ("draft", "open", "paid", "uncollectible", "void")
LIST: Shape = {
    **PAGING,
    "created": "range",
    "customer": "string",
    "subscription": "string",
    "status": STATUSES,
    "collection_method": ("charge_automatically", "send_invoice"),
    "due_date": "range",
    "customer_account": "string",
}
UPDATE: Shape = {
    "metadata": "map",
    "auto_advance": "bool",
    "default_payment_method": "string?",
    "description": "string?",
    "footer": "string?",
}
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


def found(call: Call, id_: str) -> Obj:
    """The invoice, or 404."""
    invoice = call.account.find("invoice", id_)
    if invoice is None:
        raise missing("invoice", id_, param="invoice")
    return invoice


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/invoices/{id}"""
    return found(call, id_)


def listing(call: Call) -> Obj:
    """GET /v1/invoices: filters customer, subscription, status, collection_method, created, due_date."""
    params = call.params
    status, customer, subscription = params.get("status"), params.get("customer"), params.get("subscription")
    ids: list[str] | None = None
    if customer is not None:
        if call.account.find("customer", customer) is None:
            raise missing("customer", customer, param="customer", status=400)
        ids = call.account.table("invoice").by("customer", customer)
    if subscription is not None:
        if call.account.find("subscription", subscription) is None:
            raise missing("subscription", subscription, param="subscription", status=400)
        of_subscription = call.account.invoices_of.get(subscription, [])
        ids = of_subscription if ids is None else [id_ for id_ in of_subscription if id_ in ids]
    if params.get("collection_method") == "send_invoice" or "due_date" in params or "customer_account" in params:
        ids = []  # every invoice here is charged automatically and has no due date
    return page(
        call, "invoice", "/v1/invoices", ids=ids, keep=None if status is None else lambda row: row["status"] == status
    )


def update(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}: metadata and auto_advance always, the rest only while it is a draft or open."""
    invoice = found(call, id_)
    values = dict(call.params)
    if "metadata" in values:
        values["metadata"] = merge_metadata(invoice["metadata"], values["metadata"])
    for name in ("description", "footer", "default_payment_method"):
        if values.get(name) == "":
            values[name] = None
    if invoice["status"] != "draft" and ("description" in values or "footer" in values):
        raise not_allowed("Finalized invoices can't be updated in this way")
    if "auto_advance" in values and invoice["status"] in ("paid", "void") and values["auto_advance"]:
        raise not_allowed(
            f"You can't set auto_advance on an invoice that is {invoice['status']}.", param="auto_advance"
        )
    method = values.get("default_payment_method")
    if method is not None:
        row = call.account.find("payment_method", method)
        if row is None or row["customer"] != invoice["customer"]:
            raise not_attached(method, "default_payment_method")
    if values.get("auto_advance") is False:
        values["next_payment_attempt"] = None
    change(call.sim, call.account, invoice, "invoice.updated", **values)
    return invoice


def pay(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/pay"""
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
    done = collection.attempt(call.sim, call.account, invoice, method, automatic=False)
    if not done.answer.approved:
        raise collection.declined(done)
    return invoice


def settle_out_of_band(sim: Simulation, account: Account, invoice: Obj) -> None:
    """Paid outside Stripe: no charge, the payment intent is cancelled."""
    payment_intents.cancel(sim, account, invoice["id"], "automatic")
    collection.settle(sim, account, invoice, intent=None)


def finalize(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/finalize"""
    invoice = found(call, id_)
    if invoice["status"] != "draft":
        raise not_allowed(
            "This invoice is already finalized, you can't re-finalize a non-draft invoice.", code="invoice_not_editable"
        )
    collection.finalize(call.sim, call.account, invoice)
    if "auto_advance" in call.params:
        invoice["auto_advance"] = call.params["auto_advance"]
    return invoice


def mark_uncollectible(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/mark_uncollectible: open only; by API the customer is no longer delinquent."""
    invoice = found(call, id_)
    if invoice["status"] != "open":
        raise not_allowed(_NOT_OPEN)
    sim, account = call.sim, call.account
    previous = {
        "status": "open",
        "auto_advance": invoice["auto_advance"],
        "next_payment_attempt": invoice["next_payment_attempt"],
    }
    invoice.update(
        status="uncollectible",
        auto_advance=False,
        next_payment_attempt=None,
        status_details={"uncollectible": {"reason": "user_forgiven"}},
        status_transitions=transitions(invoice, marked_uncollectible_at=sim.now),
    )
    sim.ledger.state(sim.now, account.id, invoice["id"], "uncollectible")
    emit(sim, account, "invoice.marked_uncollectible", invoice)
    emit(sim, account, "invoice.updated", invoice, previous)
    standing.after_settlement(sim, account, invoice)
    return invoice


def void(call: Call, id_: str) -> Obj:
    """POST /v1/invoices/{id}/void: open and uncollectible only, irreversible."""
    invoice = found(call, id_)
    if invoice["status"] not in ("open", "uncollectible"):
        raise not_allowed(_NOT_OPEN)
    collection.void(call.sim, call.account, invoice)
    return invoice


ROUTES: tuple[Route, ...] = (
    route("GET", "invoices", listing, "rak_invoice_read", LIST),
    route("GET", "invoices/*", retrieve, "rak_invoice_read"),
    route("POST", "invoices/*", update, "rak_invoice_write", UPDATE),
    route("POST", "invoices/*/pay", pay, "rak_invoice_write", PAY),
    route("POST", "invoices/*/finalize", finalize, "rak_invoice_write", FINALIZE),
    route("POST", "invoices/*/mark_uncollectible", mark_uncollectible, "rak_invoice_write"),
    route("POST", "invoices/*/void", void, "rak_invoice_write"),
)
