"""Every test card and every test bank account: attached, charged by a first invoice and a renewal, refunded."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import stripe

from flexpay_reconcile.simulator.issuers import banks, card_table
from tests.conformance.tours.guide import Guide


def tour(guide: Guide) -> None:
    """What is answered about a payment depends on what pays: each of them pays, or is refused, once by itself."""
    price, debit = guide.price(), guide.price(currency="eur")
    paid = [_paid(guide, f"pm_card_{suffix}", price) for suffix in card_table.ROWS]
    paid += [_paid(guide, token, debit if token.endswith("_de") else price) for token in banks.TOKENS]
    guide.wait(9)
    for customer in filter(None, paid):
        _looked_at(guide, customer)
    guide.wait(24)
    _made_by_hand(guide)


def _paid(guide: Guide, token: str, price: str) -> str | None:
    """A customer with this payment method and a subscription; None where it cannot be attached."""
    v1 = guide.v1
    customer = guide.read(v1.customers.create({"name": token}))
    try:
        method = guide.read(v1.payment_methods.attach(token, {"customer": customer.id}))
    except stripe.CardError:
        return None
    wanted: Any = {
        "customer": customer.id,
        "items": [{"price": price}],
        "default_payment_method": method.id,
        "payment_behavior": "allow_incomplete",
        "expand": ["latest_invoice.payments"],
    }
    guide.read(v1.subscriptions.create(wanted))
    return customer.id


def _looked_at(guide: Guide, customer: str) -> None:
    v1 = guide.v1
    wide: Any = {"customer": customer, "expand": ["data.latest_charge", "data.payment_method"]}
    guide.read(v1.payment_intents.list(wide))
    for charge in guide.read(v1.charges.list({"customer": customer})).data:
        if charge.status == "succeeded" and not charge.disputed:
            guide.read(v1.refunds.create({"charge": charge.id}))


def _made_by_hand(guide: Guide) -> None:
    for wanted in _details():
        asked: Any = wanted
        guide.read(guide.v1.payment_methods.create(asked))


def _details() -> Iterator[dict[str, Any]]:
    owner = {"name": "Ada Example", "email": "ada@example.com"}
    account = {"account_number": "000123456789", "routing_number": banks.ACH_ROUTING, "account_holder_type": "company"}
    yield {"type": "us_bank_account", "us_bank_account": account, "billing_details": owner}
    yield {"type": "sepa_debit", "sepa_debit": {"iban": banks.IBANS[0]}, "billing_details": owner}
