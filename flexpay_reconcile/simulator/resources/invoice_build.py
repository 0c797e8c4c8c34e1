"""How an invoice looks: the full object in the API's current shape, its line, its number.

May not move an invoice from one status to another.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def line(
    sim: Simulation,
    account: Account,
    *,
    amount: int,
    currency: str,
    description: str,
    start: int,
    end: int,
    subscription: Obj | None,
    quantity: int = 1,
    item: Obj | None = None,
) -> Obj:
    """One line of an invoice; `item` is the subscription's item it bills (its first one unless named)."""
    parent: Any = None
    pricing: Any = None
    if subscription is not None:
        if item is None:
            item = subscription["items"]["data"][0]
        parent = {
            "invoice_item_details": None,
            "type": "subscription_item_details",
            "subscription_item_details": {
                "invoice_item": None,
                "proration": False,
                "proration_details": None,
                "subscription": subscription["id"],
                "subscription_item": item["id"],
            },
        }
        pricing = {
            "type": "price_details",
            "unit_amount_decimal": item["price"]["unit_amount_decimal"],
            "price_details": {"price": item["price"]["id"], "product": item["price"]["product"]},
        }
    return {
        "id": sim.new_id(account, "il"),
        "object": "line_item",
        "amount": amount,
        "currency": currency,
        "description": description,
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": None,
        "livemode": account.livemode,
        "metadata": {},
        "parent": parent,
        "period": {"end": end, "start": start},
        "pretax_credit_amounts": [],
        "pricing": pricing,
        "quantity": quantity,
        "quantity_decimal": str(quantity),
        "subscription": None if subscription is None else subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


# The fields of a new invoice that are the same on every one. They are shared: nested values are never changed in place.
_CONSTANT: Obj = {
    "account_tax_ids": None,
    "amount_overpaid": 0,
    "amount_paid": 0,
    "amount_paid_off_stripe": 0,
    "amount_shipping": 0,
    "application": None,
    "attempt_count": 0,
    "attempted": False,
    "auto_advance": True,
    "automatic_tax": {
        "disabled_reason": None,
        "enabled": False,
        "liability": None,
        "provider": None,
        "status": None,
    },
    "automatically_finalizes_at": None,
    "collection_method": "charge_automatically",
    "custom_fields": None,
    "customer_account": None,
    "customer_shipping": None,
    "customer_tax_exempt": "none",
    "customer_tax_ids": [],
    "default_payment_method": None,
    "default_source": None,
    "default_tax_rates": [],
    "description": None,
    "discounts": [],
    "due_date": None,
    "effective_at": None,
    "ending_balance": None,
    "footer": None,
    "from_invoice": None,
    "hosted_invoice_url": None,
    "invoice_pdf": None,
    "issuer": {"type": "self"},
    "last_finalization_error": None,
    "latest_revision": None,
    "metadata": {},
    "next_payment_attempt": None,
    "number": None,
    "on_behalf_of": None,
    "parent": None,
    "payment_settings": {"default_mandate": None, "payment_method_options": None, "payment_method_types": None},
    "post_payment_credit_notes_amount": 0,
    "pre_payment_credit_notes_amount": 0,
    "receipt_number": None,
    "rendering": None,
    "shipping_cost": None,
    "shipping_details": None,
    "starting_balance": 0,
    "statement_descriptor": None,
    "status": "draft",
    "status_details": None,
    "status_transitions": {
        "finalized_at": None,
        "marked_uncollectible_at": None,
        "paid_at": None,
        "voided_at": None,
    },
    "test_clock": None,
    "total_discount_amounts": [],
    "total_pretax_credit_amounts": [],
    "total_taxes": [],
    "webhooks_delivered_at": None,
}


def make(
    sim: Simulation,
    account: Account,
    *,
    customer: Obj,
    currency: str,
    lines: list[Obj],
    reason: str,
    subscription: Obj | None,
    period: tuple[int, int],
) -> Obj:
    """A new draft invoice; nothing is reported yet."""
    id_ = sim.new_id(account, "in")
    total = sum(row["amount"] for row in lines)
    due = max(total, 0)
    invoice: Obj = {
        **_CONSTANT,
        "id": id_,
        "object": "invoice",
        "account_country": account.country,
        "account_name": account.name,
        "amount_due": due,
        "amount_remaining": due,
        "billing_reason": reason,
        "created": sim.now,
        "currency": currency,
        "customer": customer["id"],
        "customer_address": customer["address"],
        "customer_email": customer["email"],
        "customer_name": customer["name"],
        "customer_phone": customer["phone"],
        "lines": {
            "object": "list",
            "data": [{**row, "invoice": id_} for row in lines],
            "has_more": False,
            "url": f"/v1/invoices/{id_}/lines",
        },
        "livemode": account.livemode,
        "period_end": period[1],
        "period_start": period[0],
        "subtotal": total,
        "subtotal_excluding_tax": total,
        "test_clock": customer["test_clock"],
        "total": total,
        "total_excluding_tax": total,
    }
    if subscription is not None:
        invoice["parent"] = {
            "quote_details": None,
            "type": "subscription_details",
            "subscription_details": {"metadata": subscription["metadata"], "subscription": subscription["id"]},
        }
        account.invoices_of.setdefault(subscription["id"], []).append(id_)
    return account.table("invoice").add(invoice)


def number(customer: Obj) -> str:
    """The invoice number: the customer's prefix and a running sequence."""
    sequence = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = sequence + 1
    return f"{customer['invoice_prefix']}-{sequence:04d}"


def transitions(invoice: Obj, **at: int) -> Obj:
    """The `status_transitions` hash with some instants set."""
    return {**invoice["status_transitions"], **at}
