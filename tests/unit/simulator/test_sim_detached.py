"""A payment method that is let go is no default any more, and is charged by nobody; and which of the defaults counts."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, START, client, failed_invoice, small_world
from tests.unit.simulator.payments import refused
from tests.unit.simulator.test_sim_payment_debits import _customers


def _everywhere() -> tuple[Any, Any, str, str, str]:
    """A card that is the default of customer, subscription and open invoice, and of an untried intent."""
    world = small_world()
    invoice = failed_invoice(world)
    api = client(world)
    row = api.v1.invoices.retrieve(invoice)
    card = api.v1.payment_methods.attach("pm_card_visa", {"customer": row.customer}).id
    api.v1.customers.update(row.customer, {"invoice_settings": {"default_payment_method": card}})
    api.v1.subscriptions.update(row.parent.subscription_details.subscription, {"default_payment_method": card})
    api.v1.invoices.update(invoice, {"default_payment_method": card})
    given = {"amount": 900, "currency": "usd", "customer": row.customer, "payment_method": card}
    intent = api.v1.payment_intents.create({**given, "payment_method_types": ["card"]}).id
    assert api.v1.payment_intents.retrieve(intent).status == "requires_confirmation"
    control.approve(world, "ada")
    return world, api, invoice, card, intent


def test_a_detached_card_is_let_go_everywhere() -> None:
    """Default of customer, subscription and invoice and method of the open intent: null, and the intent waits."""
    _, api, invoice, card, intent = _everywhere()
    api.v1.payment_methods.detach(card)
    row = api.v1.invoices.retrieve(invoice)
    assert row.default_payment_method is None
    assert api.v1.customers.retrieve(row.customer).invoice_settings.default_payment_method is None
    subscription = api.v1.subscriptions.retrieve(row.parent.subscription_details.subscription)
    assert subscription.default_payment_method is None
    found = api.v1.payment_intents.retrieve(intent)
    assert (found.payment_method, found.status) == (None, "requires_payment_method")


def test_an_intent_cannot_be_confirmed_with_a_detached_card() -> None:
    """By hand, with the card it had or naming it again: refused, and nothing is charged."""
    world, api, _, card, intent = _everywhere()
    api.v1.payment_methods.detach(card)
    tried = len(world.ledger.charges)
    assert refused(api.v1.payment_intents.confirm, intent).http_status == 400
    assert refused(api.v1.payment_intents.confirm, intent, {"payment_method": card}).http_status == 400
    assert len(world.ledger.charges) == tried


def test_deleting_a_customer_lets_the_cards_go() -> None:
    """The open invoice and the intent name no card any more, and the intent cannot be confirmed."""
    world, api, invoice, card, intent = _everywhere()
    api.v1.customers.delete(api.v1.invoices.retrieve(invoice).customer)
    assert api.v1.payment_methods.retrieve(card).customer is None
    assert api.v1.invoices.retrieve(invoice).default_payment_method is None
    assert api.v1.payment_intents.retrieve(intent).payment_method is None
    tried = len(world.ledger.charges)
    assert refused(api.v1.payment_intents.confirm, intent).http_status == 400
    assert len(world.ledger.charges) == tried


PLACES = ("invoice", "subscription", "customer")
SETS = [each for size in (1, 2, 3) for each in itertools.combinations(PLACES, size)]


@pytest.mark.parametrize("places", SETS, ids="+".join)
def test_the_card_of_the_invoice_comes_before_the_subscriptions_and_the_customers(places: tuple[str, ...]) -> None:
    """Each default alone and each combination: the first of invoice, subscription, customer is charged."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    api = client(world)
    row = api.v1.invoices.retrieve(invoice)
    old = api.v1.customers.retrieve(row.customer).invoice_settings.default_payment_method
    api.v1.payment_methods.detach(old)
    cards = {each: api.v1.payment_methods.attach("pm_card_visa", {"customer": row.customer}).id for each in PLACES}
    if "customer" in places:
        api.v1.customers.update(row.customer, {"invoice_settings": {"default_payment_method": cards["customer"]}})
    if "subscription" in places:
        subscription = row.parent.subscription_details.subscription
        api.v1.subscriptions.update(subscription, {"default_payment_method": cards["subscription"]})
    if "invoice" in places:
        api.v1.invoices.update(invoice, {"default_payment_method": cards["invoice"]})
    api.v1.invoices.pay(invoice)
    charge = api.v1.charges.list({"customer": row.customer}).data[0]
    assert (charge.status, charge.payment_method) == ("succeeded", cards[places[0]])


@pytest.mark.parametrize(
    ("bank", "tries"),
    [("pm_usBankAccount_insufficientFunds", True), ("pm_insufficientFunds_de", False)],
    ids=["ach", "sepa"],
)
def test_smart_retries_try_ach_debits_again_and_no_sepa_debits(bank: str, tries: bool) -> None:
    """After a returned ACH debit a retry is planned and carried out; after a SEPA debit none ever is."""
    eur = {"gold": {"amount": 2900, "currency": "usd" if tries else "eur", "interval": "month"}}
    world = small_world(customers=_customers(bank), prices=eur, billing={"retries": "smart", "tries": 8})
    world.advance_to(START + 29 * DAY + 11 * 3600)
    (invoice,) = control.open_invoices(world)
    world.advance_to(START + 75 * DAY)
    attempts = [row for row in world.ledger.charges if row["invoice"] == invoice["id"] and row["status"] == "failed"]
    assert (len(attempts) > 1) is tries
