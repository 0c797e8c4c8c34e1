"""A detached card is nobody's: neither a request nor Stripe's own retries charge it."""

from __future__ import annotations

import pytest
import stripe

from tests.unit.simulator.helpers import client, failed_invoice, small_world


def test_a_detached_card_of_an_invoice_is_passed_over() -> None:
    """The invoice's own default was detached: the next in order is charged, not the detached one."""
    world = small_world()
    invoice = failed_invoice(world)
    api = client(world)
    customer = api.v1.invoices.retrieve(invoice).customer
    card = api.v1.payment_methods.attach("pm_card_mastercard", {"customer": customer}).id
    api.v1.invoices.update(invoice, {"default_payment_method": card})
    api.v1.payment_methods.detach(card)
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice)
    assert card not in {row["method"] for row in world.ledger.charges if row.get("method")}
    assert api.v1.charges.list({"customer": customer}).data[0].payment_method != card
