"""Currencies in any case, unknown ones refused, and what is less than Stripe charges."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import client, small_world
from tests.unit.simulator.payments import events, new_customer, refused
from tests.unit.simulator.test_sim_invoice_life import oneoff

ACCOUNT = "acct_1AcmeUS"


def _ada(world: Any) -> str:
    return str(world.sim.account(ACCOUNT, False).names["ada"])


def _price(api: Any, currency: str) -> Any:
    wanted = {"unit_amount": 900, "recurring": {"interval": "month"}, "product_data": {"name": "Plan"}}
    return api.v1.prices.create({**wanted, "currency": currency})


def _invoice(api: Any, currency: str) -> Any:
    return api.v1.invoices.create({"customer": api.v1.customers.create({}).id, "currency": currency})


def _item(api: Any, currency: str) -> Any:
    owner = api.v1.customers.create({}).id
    return api.v1.invoice_items.create({"customer": owner, "amount": 900, "currency": currency})


def _transaction(api: Any, currency: str) -> Any:
    owner = api.v1.customers.create({}).id
    return api.v1.customers.balance_transactions.create(owner, {"amount": -900, "currency": currency})


def _intent(api: Any, currency: str) -> Any:
    return api.v1.payment_intents.create({"amount": 900, "currency": currency})


def _changed_intent(api: Any, currency: str) -> Any:
    return api.v1.payment_intents.update(_intent(api, "usd").id, {"currency": currency})


TAKEN = [_price, _invoice, _item, _transaction, _intent, _changed_intent]


@pytest.mark.parametrize("make", TAKEN, ids=lambda make: make.__name__.strip("_"))
def test_a_currency_is_taken_in_any_case_and_an_unknown_one_is_refused(make: Any) -> None:
    """`EUR` is kept as eur; `xyz` is 400 with Stripe's sentence and its list, about `currency`."""
    api = client(small_world())
    assert make(api, "EUR").currency == "eur"
    error = refused(make, api, "XYZ")
    assert (error.http_status, error.param) == (400, "currency")
    assert error.user_message.startswith("Invalid currency: xyz. Stripe currently supports these currencies: aed, ")


def test_a_scenarios_prices_take_a_currency_in_any_case() -> None:
    """`EUR` in a scenario is a price in eur."""
    world = small_world(prices={"gold": {"amount": 2900, "currency": "EUR", "interval": "month"}})
    assert client(world).v1.prices.list().data[0].currency == "eur"


def test_an_invoice_below_the_minimum_is_paid_and_carried_over() -> None:
    """49 cents ask for nothing: paid without a charge, `invoice_too_small`, and the next invoice asks for them."""
    world = small_world()
    api = client(world)
    tried = len(world.ledger.charges)
    invoice = api.v1.invoices.finalize_invoice(oneoff(api, world, amount=49))
    assert (invoice.status, invoice.amount_due, invoice.amount_paid, invoice.total) == ("paid", 0, 0, 49)
    assert len(world.ledger.charges) == tried
    (row,) = api.v1.customers.balance_transactions.list(_ada(world)).data
    assert (row.type, row.amount, row.invoice, row.ending_balance) == ("invoice_too_small", 49, invoice.id, 49)
    assert len(events(world, "invoice.paid", about=invoice.id)) == 1
    following = api.v1.invoices.finalize_invoice(oneoff(api, world, amount=700))
    assert (following.starting_balance, following.amount_due) == (49, 749)
    assert api.v1.invoices.pay(following.id).amount_paid == 749
    assert api.v1.customers.retrieve(_ada(world)).balance == 0


def test_what_credit_leaves_below_the_minimum_is_carried_over_too() -> None:
    """700 less 690 of credit are 10: not charged, owed to the next invoice."""
    world = small_world()
    api = client(world)
    api.v1.customers.balance_transactions.create(_ada(world), {"amount": -690, "currency": "usd"})
    assert api.v1.invoices.finalize_invoice(oneoff(api, world)).status == "paid"
    assert api.v1.customers.retrieve(_ada(world)).balance == 10


def test_at_the_minimum_an_invoice_is_charged() -> None:
    """50 cents are asked for and paid by a charge."""
    world = small_world()
    api = client(world)
    invoice = api.v1.invoices.finalize_invoice(oneoff(api, world, amount=50))
    assert (invoice.status, invoice.amount_due) == ("open", 50)
    assert api.v1.invoices.pay(invoice.id).status == "paid"
    assert world.ledger.charges[-1]["amount"] == 50
    assert control.open_invoices(world) == []


@pytest.mark.parametrize(
    ("currency", "least", "words"),
    [("usd", 50, "$0.50 usd"), ("eur", 50, "€0.50 eur"), ("gbp", 30, "£0.30 gbp"), ("jpy", 50, "¥50 jpy")],
)
def test_an_intent_below_the_minimum_is_refused(currency: str, least: int, words: str) -> None:
    """400 amount_too_small with the least amount, on creation and on update; at the minimum it is charged."""
    world = small_world()
    api = client(world)
    customer, card = new_customer(world)
    given = {"currency": currency, "customer": customer, "payment_method": card, "confirm": True}
    given["payment_method_types"] = ["card"]
    error = refused(api.v1.payment_intents.create, {**given, "amount": least - 1})
    assert (error.http_status, error.code, error.param) == (400, "amount_too_small", "amount")
    assert words in error.user_message
    assert api.v1.charges.list({"customer": customer}).data == []
    assert api.v1.payment_intents.create({**given, "amount": least}).amount_received == least
    waiting = api.v1.payment_intents.create({"amount": 900, "currency": currency})
    assert refused(api.v1.payment_intents.update, waiting.id, {"amount": least - 1}).code == "amount_too_small"
