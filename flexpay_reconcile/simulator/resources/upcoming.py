"""The invoice to come: told some days before a renewal, when the account's settings say so.

The object is a preview of the next invoice with an id of its own (`upcoming_in_…`) that nothing can be asked about;
what waits for the subscription is not in it. May not make an invoice.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.local_time import month_days
from flexpay_reconcile.simulator.resources import invoice_build
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.resources.subscription_build import amount_of, items_of, next_end
from flexpay_reconcile.simulator.settings import DAY, Mail
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def announce(sim: Simulation, account: Account, subscription_id: str) -> None:
    """A renewal is near, unless it was moved or will not come; with e-mails on, the customer is told, too."""
    subscription = account.find("subscription", subscription_id)
    if subscription is None or subscription["status"] not in ("active", "past_due", "trialing"):
        return
    end = next_end(subscription)
    if subscription["cancel_at_period_end"] or end - account.settings.upcoming_days * DAY != sim.now:
        return
    last = account.find("invoice", subscription["latest_invoice"])
    if last is None:
        return
    emit(sim, account, "invoice.upcoming", _preview(sim, account, subscription, last, end))
    if account.settings.emails:
        customer = subscription["customer"]
        account.mails.append(Mail(sim.now, customer, None, "upcoming"))
        if _expires(account, subscription, end):
            account.mails.append(Mail(sim.now, customer, None, "expiring_card"))


def _preview(sim: Simulation, account: Account, subscription: Obj, last: Obj, end: int) -> Obj:
    id_ = sim.new_id(account, "upcoming_in")
    lines = []
    for item in items_of(subscription):
        line = invoice_build.line(
            sim,
            account,
            amount=amount_of(item),
            currency=subscription["currency"],
            start=item["current_period_end"],
            end=2 * item["current_period_end"] - item["current_period_start"],
            description=f"{item['quantity']} × {item['price']['nickname'] or 'subscription'}",
            subscription=subscription,
            quantity=item["quantity"],
            item=item,
        )
        lines.append({**line, "invoice": id_})
    total = sum(line["amount"] for line in lines)
    sums = dict.fromkeys(("amount_due", "amount_remaining", "subtotal", "subtotal_excluding_tax"), total)
    sums.update(dict.fromkeys(("total", "total_excluding_tax"), total), amount_paid=0, amount_overpaid=0)
    gone = ("number", "effective_at", "ending_balance", "hosted_invoice_url", "invoice_pdf", "webhooks_delivered_at")
    return {
        **last,
        **sums,
        **dict.fromkeys(gone),
        "id": id_,
        "attempt_count": 0,
        "attempted": False,
        "auto_advance": False,
        "automatically_finalizes_at": None,
        "billing_reason": "upcoming",
        "created": end,
        "due_date": None,
        "lines": {"object": "list", "data": lines, "has_more": False, "url": f"/v1/invoices/{id_}/lines"},
        "metadata": {},
        "next_payment_attempt": end + 3600 if last["collection_method"] == "charge_automatically" else None,
        "period_end": end,
        "period_start": items_of(subscription)[0]["current_period_start"],
        "status": "draft",
        "status_details": None,
        "status_transitions": dict.fromkeys(last["status_transitions"]),
    }


def _expires(account: Account, subscription: Obj, end: int) -> bool:
    """Whether the card that would be charged is past its month at the renewal (by UTC)."""
    customer = account.get("customer", subscription["customer"])
    id_ = subscription["default_payment_method"] or customer["invoice_settings"]["default_payment_method"]
    method = account.find("payment_method", id_)
    if method is None or method["type"] != "card":
        return False
    year, month, _, _ = month_days(end // DAY)
    return (method["card"]["exp_year"], method["card"]["exp_month"]) < (year, month)
