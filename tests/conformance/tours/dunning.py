"""Stripe's own retries under every setting, to every final state, and the reminders of sent invoices."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.settings import INVOICE_ENDS, SUBSCRIPTION_ENDS
from tests.conformance.tours.guide import Guide

_PLANS: tuple[dict[str, Any], ...] = (
    {"retries": "smart", "tries": 3, "window_days": 7},
    {"retries": "custom", "rules": (1, 2)},
    {"retries": "automation", "rules": (1,)},
    {"retries": "off"},
)


def tour(guide: Guide) -> None:
    """Each plan of retries with each final state, one customer after the other; then invoices nobody pays."""
    accounts = [each for each in guide.world.sim.accounts.values() if "ada" in each.names]
    plans = [(plan, end, "open") for plan, end in zip(_PLANS, SUBSCRIPTION_ENDS, strict=True)]
    plans += [(plan, "past_due", INVOICE_ENDS[1]) for plan in _PLANS]
    for plan, end, invoice in plans:
        for account in accounts:
            account.settings = replace(account.settings, subscription=end, invoice=invoice, upcoming_days=3, **plan)
        _fails(guide)
    for account in accounts:
        account.settings = replace(account.settings, will_be_due_days=2, overdue_days=2, invoice=INVOICE_ENDS[1])
    _sent(guide)


def _fails(guide: Guide) -> None:
    """A new customer whose card is refused at the first renewal and ever after."""
    customer, card = guide.new_customer()
    wanted: Any = {"customer": customer, "items": [{"price": guide.price()}], "default_payment_method": card}
    flexible: Any = {**wanted, "billing_mode": {"type": "flexible"}}
    made = guide.read(guide.v1.subscriptions.create(flexible))
    control.decline(guide.world, customer, "insufficient_funds")
    guide.wait(55)
    guide.read(guide.v1.subscriptions.retrieve(made.id))
    guide.read(guide.v1.invoices.list({"customer": customer}))
    guide.read(guide.v1.customers.retrieve(customer))


def _sent(guide: Guide) -> None:
    """An invoice that is sent, falls due, and is written off."""
    customer, _ = guide.new_customer()
    wanted: Any = {
        "customer": customer,
        "items": [{"price": guide.price()}],
        "collection_method": "send_invoice",
        "days_until_due": 5,
    }
    guide.read(guide.v1.subscriptions.create(wanted))
    guide.wait(20)
    guide.read(guide.v1.invoices.list({"customer": customer}))
