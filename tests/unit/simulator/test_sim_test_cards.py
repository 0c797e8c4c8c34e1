"""Every test card of Stripe's testing page that the project speaks of, made, attached and charged through the SDK."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from flexpay_reconcile.simulator.issuers import card_table, cards
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import client, small_world
from tests.unit.simulator.payments import charges_of, price, refused, rich_world


@dataclass(frozen=True, kw_only=True)
class Row:
    """One row of the table: the names of a card and what it answers."""

    id: str
    token: str
    number: str | None = None
    attaches: bool = True
    code: str | None = None
    decline_code: str | None = None
    outcome: str = "authorized"
    reason: str | None = None
    brand: str = "visa"


ROWS = (
    Row(id="approved", token="pm_card_visa", number="4242424242424242"),
    Row(
        id="attaches, then fails",
        token="pm_card_chargeCustomerFail",
        number="4000000000000341",
        code="card_declined",
        decline_code="generic_decline",
        outcome="issuer_declined",
        reason="generic_decline",
    ),
    Row(
        id="attaches, then fails (token)",
        token="tok_chargeCustomerFail",
        code="card_declined",
        decline_code="generic_decline",
        outcome="issuer_declined",
        reason="generic_decline",
    ),
    Row(
        id="attaches, then lost",
        token="tok_visa_chargeCustomerFailLostCard",
        code="card_declined",
        decline_code="lost_card",
        outcome="issuer_declined",
        reason="lost_card",
    ),
    Row(
        id="attaches, then stolen",
        token="tok_visa_chargeCustomerFailStolenCard",
        code="card_declined",
        decline_code="stolen_card",
        outcome="issuer_declined",
        reason="stolen_card",
    ),
    Row(
        id="generic decline",
        token="pm_card_visa_chargeDeclined",
        number="4000000000000002",
        attaches=False,
        code="card_declined",
        decline_code="generic_decline",
    ),
    Row(
        id="insufficient funds",
        token="pm_card_visa_chargeDeclinedInsufficientFunds",
        number="4000000000009995",
        attaches=False,
        code="card_declined",
        decline_code="insufficient_funds",
    ),
    Row(
        id="lost",
        token="pm_card_visa_chargeDeclinedLostCard",
        number="4000000000009987",
        attaches=False,
        code="card_declined",
        decline_code="lost_card",
    ),
    Row(
        id="stolen",
        token="pm_card_visa_chargeDeclinedStolenCard",
        number="4000000000009979",
        attaches=False,
        code="card_declined",
        decline_code="stolen_card",
    ),
    Row(
        id="expired",
        token="pm_card_chargeDeclinedExpiredCard",
        number="4000000000000069",
        attaches=False,
        code="expired_card",
    ),
    Row(
        id="incorrect CVC",
        token="pm_card_chargeDeclinedIncorrectCvc",
        number="4000000000000127",
        attaches=False,
        code="incorrect_cvc",
    ),
    Row(
        id="processing error",
        token="pm_card_chargeDeclinedProcessingError",
        number="4000000000000119",
        attaches=False,
        code="processing_error",
    ),
    Row(
        id="velocity",
        token="pm_card_visa_chargeDeclinedVelocityLimitExceeded",
        number="4000000000006975",
        attaches=False,
        code="card_declined",
        decline_code="card_velocity_exceeded",
    ),
    Row(
        id="3DS always",
        token="pm_card_authenticationRequired",
        number="4000002760003184",
        code="invoice_payment_intent_requires_action",
    ),
    Row(id="3DS 2 required", token="pm_card_threeDSecure2Required", code="invoice_payment_intent_requires_action"),
    Row(
        id="Radar always blocks",
        token="pm_card_radarBlock",
        number="4100000000000019",
        code="card_declined",
        decline_code="fraudulent",
        outcome="blocked",
        reason="highest_risk_level",
    ),
    Row(
        id="highest risk",
        token="pm_card_riskLevelHighest",
        number="4000000000004954",
        code="card_declined",
        decline_code="fraudulent",
        outcome="blocked",
        reason="highest_risk_level",
    ),
    Row(
        id="elevated risk",
        token="pm_card_riskLevelElevated",
        number="4000000000009235",
        outcome="manual_review",
        reason="elevated_risk_level",
    ),
    Row(id="refund pending", token="pm_card_pendingRefund", number="4000000000007726"),
    Row(id="refund fails", token="pm_card_refundFail", number="4000000000005126"),
    Row(id="debit card", token="tok_visa_debit", number="4000056655665556"),
    Row(id="mastercard", token="pm_card_mastercard", number="5555555555554444", brand="mastercard"),
    Row(id="amex", token="pm_card_amex", number="371449635398431", brand="amex"),
    Row(id="disputed", token="tok_createDispute", number="4000000000000259"),
)


def _method(world: World, row: Row, source: str) -> Any:
    """The payment method of the row's card, made by its token or by its number."""
    v1 = client(world).v1
    if source == "number":
        given = {"number": row.number, "exp_month": 7, "exp_year": 2031, "cvc": "123"}
        return v1.payment_methods.create({"type": "card", "card": given})
    token = row.token.replace("pm_card_", "tok_")
    return v1.payment_methods.create({"type": "card", "card": {"token": token}})


_MADE = [(row, source) for row in ROWS for source in ("token", "number") if source == "token" or row.number]


@pytest.mark.parametrize(("row", "source"), _MADE, ids=[f"{row.id}-{source}" for row, source in _MADE])
def test_each_card_answers_as_documented(row: Row, source: str) -> None:
    """Create, attach, make default, subscribe: the card attaches or not, and its charge ends as the page says."""
    world = rich_world()
    v1 = client(world).v1
    method = _method(world, row, source)
    assert method.card.brand == row.brand
    customer = v1.customers.create({"name": "Guest"})
    if not row.attaches:
        error = refused(v1.payment_methods.attach, method.id, {"customer": customer.id})
        assert (error.http_status, error.error.type) == (402, "card_error")
        assert (error.error.code, error.error.decline_code) == (row.code, row.decline_code)
        assert v1.payment_methods.retrieve(method.id).customer is None
        return
    v1.payment_methods.attach(method.id, {"customer": customer.id})
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": method.id}})
    made = {"customer": customer.id, "items": [{"price": price(world)}], "payment_behavior": "default_incomplete"}
    subscription = v1.subscriptions.create(made)
    invoice = subscription.latest_invoice
    if row.code is not None:
        error = refused(v1.invoices.pay, invoice)
        assert (error.http_status, error.error.type) == (402, "card_error")
        assert (error.error.code, error.error.decline_code) == (row.code, row.decline_code)
        assert v1.invoices.retrieve(invoice).status == "open"
    elif v1.invoices.retrieve(invoice).status == "open":
        assert v1.invoices.pay(invoice).status == "paid"
    if row.code == "invoice_payment_intent_requires_action":
        assert charges_of(world, customer.id) == []
        return
    charge = charges_of(world, customer.id)[0]
    assert charge.status == ("succeeded" if row.code is None else "failed")
    assert (charge.outcome.type, charge.outcome.reason) == (row.outcome, row.reason)
    sent = {"blocked": "not_sent_to_network", "issuer_declined": "declined_by_network"}
    assert charge.outcome.network_status == sent.get(row.outcome, "approved_by_network")


@pytest.mark.parametrize("row", [row for row in ROWS if row.token.startswith("pm_card_")], ids=lambda row: row.id)
def test_each_pm_card_name_stands_for_a_payment_method(row: Row) -> None:
    """A `pm_card_…` name may be attached directly; cards that cannot be attached refuse with their own 402."""
    world = small_world()
    v1 = client(world).v1
    customer = v1.customers.create({})
    if row.attaches:
        assert v1.payment_methods.attach(row.token, {"customer": customer.id}).customer == customer.id
    else:
        error = refused(v1.payment_methods.attach, row.token, {"customer": customer.id})
        assert (error.http_status, error.error.code) == (402, row.code)


def test_raw_numbers_are_refused_unless_the_account_may_handle_them() -> None:
    """Without the permission even test numbers get Stripe's refusal, and nothing is made."""
    world = small_world()
    given = {"type": "card", "card": {"number": "4242424242424242", "exp_month": 1, "exp_year": 2030}}
    error = refused(client(world).v1.payment_methods.create, given)
    assert error.http_status == 402
    assert "generally unsafe" in str(error)


@pytest.mark.parametrize(
    ("number", "code"),
    [("4242424242424241", "incorrect_number"), ("abc", "incorrect_number"), ("4012888888881880", "incorrect_number")],
)
def test_wrong_numbers_are_refused(number: str, code: str) -> None:
    """A number with a wrong check digit is incorrect_number."""
    given = {"type": "card", "card": {"number": number, "exp_month": 1, "exp_year": 2030}}
    error = refused(client(rich_world()).v1.payment_methods.create, given)
    assert (error.http_status, error.error.code) == (402, code)


def test_a_real_number_in_test_mode_is_declined() -> None:
    """A well-formed number that is no test card is declined, as in Stripe's test mode."""
    given = {"type": "card", "card": {"number": "4539578763621486", "exp_month": 1, "exp_year": 2030}}
    error = refused(client(rich_world()).v1.payment_methods.create, given)
    assert (error.http_status, error.error.code) == (402, "card_declined")
    assert "non test card" in str(error)


def test_every_number_of_the_table_has_a_right_check_digit_and_one_card() -> None:
    """The table holds valid numbers only, and each finds a card of its own brand."""
    for number in card_table.BY_NUMBER:
        found = cards.by_number(number)
        assert found is not None
        assert found.last4 == number[-4:]
        given = {"type": "card", "card": {"number": number, "exp_month": 1, "exp_year": 2030}}
        assert client(rich_world()).v1.payment_methods.create(given).card.last4 == number[-4:]


@pytest.mark.parametrize("suffix", sorted(card_table.ROWS))
def test_every_name_of_the_table_makes_a_payment_method(suffix: str) -> None:
    """Each `tok_…` makes a payment method; the country is the card's."""
    made = client(small_world()).v1.payment_methods.create({"type": "card", "card": {"token": f"tok_{suffix}"}})
    assert made.card.country == (suffix.upper() if len(suffix) == 2 else "US")
