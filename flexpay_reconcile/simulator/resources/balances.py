"""The customer balance: credit and debt that the next finalised invoice takes in.

Facts: docs.stripe.com (customer credit balance) and the fields of `customer_balance_transaction`: a negative balance is
the customer's credit. An invoice over less than nothing adds to it. May not finalise an invoice.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol import currencies
from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources.events import change
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

KIND = "customer_balance_transaction"
_CREATE: Shape = {"amount!": "int", "currency!": "currency", "description": "string", "metadata": "map"}
_LIST: Shape = {**PAGING, "created": "range", "invoice": "string"}


def apply(sim: Simulation, account: Account, customer: Obj, invoice: Obj) -> int:
    """Take the balance into an invoice that is being finalised; the balance left (minor units).

    What asks for less than Stripe charges asks for nothing: the customer owes it to the next invoice.
    """
    if customer["currency"] in (None, invoice["currency"]):
        _take(sim, account, customer, invoice)
    due = invoice["amount_due"]
    if currencies.too_small(due, invoice["currency"]):
        invoice.update(amount_due=0, amount_remaining=0)
        _changed(sim, account, customer, due, "invoice_too_small", currency=invoice["currency"], invoice=invoice["id"])
    return int(customer["balance"])


def _take(sim: Simulation, account: Account, customer: Obj, invoice: Obj) -> None:
    balance, total = customer["balance"], invoice["total"]
    if total < 0:
        due, ending = 0, balance + total
    elif balance < 0:
        used = min(-balance, total)
        due, ending = total - used, balance + used
    else:
        due, ending = total + balance, 0
    if ending != balance:
        invoice.update(starting_balance=balance, amount_due=due, amount_remaining=due)
        _changed(sim, account, customer, ending - balance, "applied_to_invoice", invoice=invoice["id"])
    elif balance:
        invoice["starting_balance"] = balance


def credit(sim: Simulation, account: Account, invoice: Obj, over: int) -> None:
    """What was paid too much becomes the customer's credit."""
    customer = account.get("customer", invoice["customer"])
    currency, id_ = invoice["currency"], invoice["id"]
    _changed(sim, account, customer, -over, "invoice_overpaid", currency=currency, invoice=id_)


def unapply(sim: Simulation, account: Account, invoice: Obj) -> None:
    """A voided invoice gives back what it had taken from the balance, or had taken on from it."""
    customer = account.find("customer", invoice["customer"])
    if customer is None or customer.get("deleted"):
        return
    table = account.table(KIND)
    rows = [table.rows[id_] for id_ in table.by("customer", customer["id"])]
    taken = sum(
        row["amount"] for row in rows if row["invoice"] == invoice["id"] and row["type"] == "applied_to_invoice"
    )
    if taken:
        currency, id_ = invoice["currency"], invoice["id"]
        _changed(sim, account, customer, -taken, "unapplied_from_invoice", currency=currency, invoice=id_)


def _changed(
    sim: Simulation,
    account: Account,
    customer: Obj,
    amount: int,
    type_: str,
    *,
    currency: str | None = None,
    description: str | None = None,
    invoice: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Obj:
    change(sim, account, customer, "customer.updated", balance=customer["balance"] + amount)
    return account.table(KIND).add(
        {
            "id": sim.new_id(account, "cbtxn"),
            "object": KIND,
            "amount": amount,
            "checkout_session": None,
            "created": sim.now,
            "credit_note": None,
            "currency": currency or customer["currency"],
            "customer": customer["id"],
            "customer_account": None,
            "description": description,
            "ending_balance": customer["balance"],
            "invoice": invoice,
            "livemode": account.livemode,
            "metadata": metadata or {},
            "type": type_,
        }
    )


def _customer(call: Call, id_: str) -> Obj:
    customer = call.account.find("customer", id_)
    if customer is None:
        raise missing("customer", id_, param="customer")
    return customer


def create(call: Call, customer_id: str) -> Obj:
    """POST /v1/customers/{id}/balance_transactions: an adjustment; below zero it is credit."""
    customer, params = _customer(call, customer_id), call.params
    if customer["currency"] is None:
        customer["currency"] = params["currency"]
    if customer["currency"] != params["currency"]:
        raise invalid("This simulator keeps a customer's balance in the customer's own currency.", param="currency")
    return _changed(
        call.sim,
        call.account,
        customer,
        params["amount"],
        "adjustment",
        currency=params["currency"],
        description=params.get("description"),
        metadata=merge_metadata({}, params.get("metadata") or {}),
    )


def listing(call: Call, customer_id: str) -> Obj:
    """GET /v1/customers/{id}/balance_transactions"""
    _customer(call, customer_id)
    invoice = call.params.get("invoice")
    return page(
        call,
        KIND,
        f"/v1/customers/{customer_id}/balance_transactions",
        ids=call.account.table(KIND).by("customer", customer_id),
        keep=lambda row: invoice is None or row["invoice"] == invoice,
    )


def retrieve(call: Call, customer_id: str, id_: str) -> Obj:
    """GET /v1/customers/{id}/balance_transactions/{id}"""
    _customer(call, customer_id)
    found = call.account.find(KIND, id_)
    if found is None or found["customer"] != customer_id:
        raise missing(KIND, id_, param="transaction")
    return found


ROUTES: tuple[Route, ...] = (
    route("POST", "customers/*/balance_transactions", create, "rak_customer_write", _CREATE),
    route("GET", "customers/*/balance_transactions", listing, "rak_customer_read", _LIST),
    route("GET", "customers/*/balance_transactions/*", retrieve, "rak_customer_read"),
)
