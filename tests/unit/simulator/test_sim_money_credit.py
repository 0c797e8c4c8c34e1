"""Money that is too much, given back or too little: overpayments, voids, sums below Stripe's least charge, currencies."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.findings import Code
from flexpay_reconcile.simulator.judge import judge
from flexpay_reconcile.simulator.protocol import currencies
from flexpay_reconcile.simulator.scenario.scenario import build_world
from flexpay_reconcile.simulator.scenario.scenario_checks import ScenarioError
from tests.unit.simulator.helpers import DAY, client, document, small_world
from tests.unit.simulator.payments import new_customer, refused


def _invoice(v1: Any, customer: str, amount: int = 1000, currency: str = "usd") -> str:
    """A finalised one-off invoice that only we collect."""
    v1.invoice_items.create({"customer": customer, "amount": amount, "currency": currency})
    draft = v1.invoices.create(
        {"customer": customer, "pending_invoice_items_behavior": "include", "currency": currency}
    )
    return str(v1.invoices.finalize_invoice(draft.id).id)


def _payment(v1: Any, customer: str, amount: int) -> str:
    """A payment intent of the customer's that succeeded, and belongs to no invoice yet."""
    card = v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    wanted = {"amount": amount, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    return str(v1.payment_intents.create({**wanted, "payment_method_types": ["card"]}).id)


def _balance(v1: Any, customer: str) -> list[tuple[str, int, int, str | None]]:
    """(type, amount, ending balance, invoice) of the customer's balance transactions, oldest first."""
    rows = v1.customers.balance_transactions.list(customer).data[::-1]
    return [(row.type, row.amount, row.ending_balance, row.invoice) for row in rows]


@pytest.mark.parametrize(("attached", "over"), [(1000, 1000), (300, 300), (1200, 1200)])
def test_what_is_attached_beside_a_debit_on_its_way_becomes_credit(attached: int, over: int) -> None:
    """Both payments count: the invoice is paid once, the rest is the customer's credit, and the judge sees the second."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world, "pm_usBankAccount_success")
    invoice = _invoice(v1, customer)
    assert v1.invoices.pay(invoice).status == "open"
    v1.invoices.attach_payment(invoice, {"payment_intent": _payment(v1, customer, attached)})
    world.advance_to(world.now + 5 * DAY)
    paid = v1.invoices.retrieve(invoice)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 1000, 0)
    assert paid.amount_overpaid == over
    assert v1.customers.retrieve(customer).balance == -over
    assert sum(amount for _, amount, _, _ in _balance(v1, customer)) == -over
    assert {type_ for type_, _, _, _ in _balance(v1, customer)} == {"invoice_overpaid"}
    rows = [row for row in world.ledger.of(invoice) if row.get("status") == "part_paid"]
    assert [row["amount"] for row in rows] == [attached]
    found = [each for each in judge(world.ledger) if invoice in each.objects]
    assert [each.code for each in found] == [Code.CHARGED_TWICE]


def test_an_overpayment_has_a_balance_transaction() -> None:
    """`invoice_overpaid`, over what is too much alone, of the invoice and with the balance it left."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    invoice = _invoice(v1, customer)
    v1.invoices.attach_payment(invoice, {"payment_intent": _payment(v1, customer, 1300)})
    assert _balance(v1, customer) == [("invoice_overpaid", -300, -300, invoice)]
    assert v1.customers.retrieve(customer).balance == -300


@pytest.mark.parametrize(("before", "due"), [(-400, 600), (250, 1250)])
@pytest.mark.parametrize("uncollectible", [False, True])
def test_voiding_gives_back_what_the_balance_gave(before: int, due: int, uncollectible: bool) -> None:
    """Credit returns to the customer and debt to what is owed, by `unapplied_from_invoice`; from uncollectible too."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    v1.customers.balance_transactions.create(customer, {"amount": before, "currency": "usd"})
    invoice = _invoice(v1, customer)
    assert v1.invoices.retrieve(invoice).amount_due == due
    assert v1.customers.retrieve(customer).balance == 0
    if uncollectible:
        v1.invoices.mark_uncollectible(invoice)
    v1.invoices.void_invoice(invoice)
    assert v1.customers.retrieve(customer).balance == before
    assert _balance(v1, customer)[1:] == [
        ("applied_to_invoice", -before, 0, invoice),
        ("unapplied_from_invoice", before, before, invoice),
    ]


def test_voiding_gives_back_nothing_where_nothing_was_taken() -> None:
    """Without a balance there is no transaction, and another invoice's share stays where it is."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    v1.customers.balance_transactions.create(customer, {"amount": -400, "currency": "usd"})
    first, second = _invoice(v1, customer), _invoice(v1, customer)
    v1.invoices.void_invoice(second)
    assert [row[0] for row in _balance(v1, customer)] == ["adjustment", "applied_to_invoice"]
    v1.invoices.void_invoice(first)
    assert v1.customers.retrieve(customer).balance == -400


@pytest.mark.parametrize(("currency", "least"), sorted(currencies.MINIMUM.items()))
def test_an_invoice_below_the_least_charge_is_carried_over(currency: str, least: int) -> None:
    """Paid without a charge, owed by the customer, and asked for with the next invoice; the least itself is charged."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    small = _invoice(v1, customer, least - 1, currency)
    paid = v1.invoices.retrieve(small)
    assert (paid.status, paid.amount_due, paid.amount_paid, paid.total) == ("paid", 0, 0, least - 1)
    assert _balance(v1, customer) == [("invoice_too_small", least - 1, least - 1, small)]
    assert v1.charges.list({"customer": customer}).data == []
    following = v1.invoices.retrieve(_invoice(v1, customer, least, currency))
    assert (following.status, following.amount_due, following.starting_balance) == ("open", 2 * least - 1, least - 1)
    assert v1.customers.retrieve(customer).balance == 0
    other, _ = new_customer(world)
    assert v1.invoices.retrieve(_invoice(v1, other, least, currency)).status == "open"


def test_credit_that_leaves_too_little_is_carried_over_too() -> None:
    """What remains after the customer's credit counts, not the total."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    v1.customers.balance_transactions.create(customer, {"amount": -970, "currency": "usd"})
    assert v1.invoices.retrieve(_invoice(v1, customer)).status == "paid"
    assert [(row[0], row[2]) for row in _balance(v1, customer)][1:] == [
        ("applied_to_invoice", 0),
        ("invoice_too_small", 30),
    ]


@pytest.mark.parametrize(("currency", "least"), sorted(currencies.MINIMUM.items()))
def test_a_payment_below_the_least_charge_is_refused(currency: str, least: int) -> None:
    """400 `amount_too_small` with its parameter, on creation and on change; the least itself is taken."""
    world = small_world()
    v1 = client(world).v1
    error = refused(v1.payment_intents.create, {"amount": least - 1, "currency": currency})
    assert (error.http_status, error.code, error.param) == (400, "amount_too_small", "amount")
    intent = v1.payment_intents.create({"amount": least, "currency": currency})
    assert refused(v1.payment_intents.update, intent.id, {"amount": least - 1}).code == "amount_too_small"
    assert v1.payment_intents.retrieve(intent.id).amount == least


def test_a_currency_changed_to_one_with_a_higher_least_is_refused() -> None:
    """The amount is held against the new currency."""
    v1 = client(small_world()).v1
    intent = v1.payment_intents.create({"amount": 60, "currency": "usd"})
    assert refused(v1.payment_intents.update, intent.id, {"currency": "hkd"}).code == "amount_too_small"


@pytest.mark.parametrize("written", ["EUR", "Eur", "eur"])
def test_a_currency_is_the_same_in_any_case(written: str) -> None:
    """Balance transactions, items, drafts, prices and intents answer in small letters, and belong together."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    made = v1.customers.balance_transactions.create(customer, {"amount": -400, "currency": written})
    assert (made.currency, v1.customers.retrieve(customer).currency) == ("eur", "eur")
    item = v1.invoice_items.create({"customer": customer, "amount": 1000, "currency": "eur"})
    wanted = {"customer": customer, "currency": written, "pending_invoice_items_behavior": "include"}
    draft = v1.invoices.create(wanted)
    assert (item.currency, draft.currency, draft.total) == ("eur", "eur", 1000)
    assert v1.invoices.finalize_invoice(draft.id).amount_due == 600
    assert v1.invoice_items.create({"customer": customer, "amount": 1, "currency": written}).currency == "eur"
    assert v1.payment_intents.create({"amount": 100, "currency": written}).currency == "eur"
    price = {"currency": written, "unit_amount": 100, "product_data": {"name": "Plan"}}
    assert v1.prices.create(price).currency == "eur"


@pytest.mark.parametrize("unknown", ["xyz", "eu", "euro", "€"])
def test_an_unknown_currency_is_refused(unknown: str) -> None:
    """400 that names the parameter, wherever a currency is taken; nothing is left behind."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world)
    for ask, *arguments in (
        (v1.customers.balance_transactions.create, customer, {"amount": -400, "currency": unknown}),
        (v1.invoice_items.create, {"customer": customer, "amount": 1000, "currency": unknown}),
        (v1.invoices.create, {"customer": customer, "currency": unknown}),
        (v1.payment_intents.create, {"amount": 1000, "currency": unknown}),
        (v1.prices.create, {"currency": unknown, "unit_amount": 100, "product_data": {"name": "Plan"}}),
    ):
        error = refused(ask, *arguments)
        assert (error.http_status, error.param) == (400, "currency")
        assert "Invalid currency" in str(error)
    assert v1.customers.retrieve(customer).currency is None
    assert _balance(v1, customer) == []


def test_a_scenarios_price_may_write_its_currency_large() -> None:
    """The subscription and its invoices are in euros all the same."""
    world = build_world(document(prices={"gold": {"amount": 2900, "currency": "EUR", "interval": "month"}}))
    v1 = client(world).v1
    assert {row.currency for row in v1.prices.list({}).data} == {"eur"}
    assert {row.currency for row in v1.subscriptions.list({}).data} == {"eur"}


def test_a_scenarios_price_in_an_unknown_currency_is_refused() -> None:
    """The scenario is wrong at its path, rather than a world that Stripe could not hold."""
    with pytest.raises(ScenarioError, match="currency"):
        build_world(document(prices={"gold": {"amount": 2900, "currency": "xyz", "interval": "month"}}))
