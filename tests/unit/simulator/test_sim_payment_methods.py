"""Payment methods: made, listed, updated, detached, and updated by the card's network."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control.control import ControlError
from tests.unit.simulator.helpers import client, small_world
from tests.unit.simulator.payments import events, new_customer, refused, rich_world, verb


def _visa(world: Any, customer: str) -> Any:
    return client(world).v1.payment_methods.attach("pm_card_visa", {"customer": customer})


def test_lists_by_customer_and_type() -> None:
    """A customer's cards and bank accounts are listed together or by type, and by the path of the customer."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world)
    bank = v1.payment_methods.attach("pm_usBankAccount_success", {"customer": customer})
    assert {row.id for row in v1.payment_methods.list({"customer": customer}).data} == {card, bank.id}
    assert [row.id for row in v1.payment_methods.list({"customer": customer, "type": "card"}).data] == [card]
    only = v1.customers.payment_methods.list(customer, {"type": "us_bank_account"})
    assert [row.id for row in only.data] == [bank.id]
    assert len(v1.payment_methods.list({"limit": 100}).data) >= 4


def test_a_customers_payment_method_is_found_under_that_customer_only() -> None:
    """GET /v1/customers/{id}/payment_methods/{pm} is 404 for somebody else's."""
    world = small_world()
    v1 = client(world).v1
    (mine, card), (other, _) = new_customer(world), new_customer(world)
    assert v1.customers.payment_methods.retrieve(mine, card).id == card
    assert refused(v1.customers.payment_methods.retrieve, other, card).http_status == 404


def test_update_changes_what_stripe_lets_change() -> None:
    """Billing details, metadata and dates change with payment_method.updated and its previous attributes."""
    world = small_world()
    v1 = client(world).v1
    _, card = new_customer(world)
    changes = {
        "billing_details": {"name": "New Name", "address": {"city": "Oslo"}},
        "metadata": {"a": "b"},
        "card": {"exp_month": 9, "exp_year": 2040},
    }
    changed = v1.payment_methods.update(card, changes)
    assert changed.billing_details.name == "New Name"
    assert changed.billing_details.address.city == "Oslo"
    assert (changed.card.exp_month, changed.card.exp_year, changed.metadata["a"]) == (9, 2040, "b")
    (event,) = events(world, "payment_method.updated")
    assert event["data"]["previous_attributes"]["card"] == {"exp_month": 4, "exp_year": 2034}
    cleared = v1.payment_methods.update(card, {"billing_details": {"name": ""}, "metadata": ""})
    assert cleared.billing_details.name is None
    assert cleared.billing_details.address.city == "Oslo"


def test_update_refuses_what_is_wrong() -> None:
    """Unattached ones, months that are none, and fields of another type are refused."""
    world = small_world()
    v1 = client(world).v1
    loose = v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa"}})
    assert refused(v1.payment_methods.update, loose.id, {"metadata": {"a": "b"}}).http_status == 400
    _, card = new_customer(world)
    assert refused(v1.payment_methods.update, card, {"card": {"exp_month": 13}}).code == "invalid_expiry_month"
    assert refused(v1.payment_methods.update, card, {"us_bank_account": {"account_type": "savings"}}).http_status == 400


def test_detaching_takes_it_from_everywhere_and_for_good() -> None:
    """Defaults are cleared with events, and a detached payment method cannot be attached again."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world)
    assert v1.payment_methods.detach(card).customer is None
    assert v1.customers.retrieve(customer).invoice_settings.default_payment_method is None
    (event,) = events(world, "payment_method.detached")
    assert event["data"]["previous_attributes"] == {"customer": customer}
    assert "may not be used again" in str(refused(v1.payment_methods.attach, card, {"customer": customer}))


@pytest.mark.parametrize(
    ("given", "param"),
    [
        ({"type": "card"}, "card"),
        ({"type": "card", "card": {"exp_month": 1}}, "card[token]"),
        ({"type": "card", "card": {"token": "tok_nope"}}, "card[token]"),
        ({"type": "us_bank_account", "us_bank_account": {"account_number": "000123456789"}}, "billing_details[name]"),
        (
            {"type": "sepa_debit", "sepa_debit": {"iban": "DE89370400440532013000"}, "billing_details": {"name": "A"}},
            "billing_details[email]",
        ),
        (
            {
                "type": "us_bank_account",
                "us_bank_account": {
                    "account_number": "000123456789",
                    "routing_number": "12",
                    "account_holder_type": "company",
                },
                "billing_details": {"name": "A"},
            },
            "us_bank_account[routing_number]",
        ),
        (
            {
                "type": "sepa_debit",
                "sepa_debit": {"iban": "DE1"},
                "billing_details": {"name": "A", "email": "a@example.com"},
            },
            "sepa_debit[iban]",
        ),
    ],
)
def test_incomplete_payment_methods_are_refused(given: dict[str, Any], param: str) -> None:
    """What is missing or malformed is named by its parameter."""
    error = refused(client(rich_world()).v1.payment_methods.create, given)
    assert (error.http_status, error.param) == (400, param)


def test_the_account_updater_brings_a_new_number() -> None:
    """payment_method.automatically_updated tells what was before; charges succeed again."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world, "pm_card_chargeCustomerFail")
    before = v1.payment_methods.retrieve(card).card
    verb(world, "card-updated", customer=customer, last4="1881", exp_month=11, exp_year=2036)
    after = v1.payment_methods.retrieve(card).card
    assert (after.last4, after.exp_month, after.exp_year) == ("1881", 11, 2036)
    assert after.fingerprint != before.fingerprint
    (event,) = events(world, "payment_method.automatically_updated")
    assert event["request"]["id"] is None
    assert event["data"]["previous_attributes"]["card"] == {
        "last4": "0341",
        "exp_month": 4,
        "exp_year": 2034,
        "fingerprint": before.fingerprint,
    }
    intent = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    assert v1.payment_intents.create(intent).status == "succeeded"


def test_the_account_updater_brings_a_new_date_alone() -> None:
    """Without a new number the card stays the same card."""
    world = small_world()
    customer, card = new_customer(world)
    before = client(world).v1.payment_methods.retrieve(card).card
    verb(world, "card-updated", customer=customer, network_token="yes")
    after = client(world).v1.payment_methods.retrieve(card).card
    assert (after.fingerprint, after.exp_year) == (before.fingerprint, before.exp_year + 4)
    intent = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    client(world).v1.payment_intents.create(intent)
    (charge,) = client(world).v1.charges.list({"customer": customer}).data
    assert charge.payment_method_details.card.network_token.used is True


def test_a_closed_account_only_shows_in_its_declines() -> None:
    """A card the network reports closed declines for good, with advice never to try again."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world)
    verb(world, "card-updated", customer=customer, closed="yes")
    assert events(world, "payment_method.automatically_updated") == []
    intent = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    error = refused(v1.payment_intents.create, intent)
    assert (error.error.decline_code, error.error.advice_code) == ("invalid_account", "do_not_try_again")


@pytest.mark.parametrize(
    "fields",
    [
        {"customer": "nobody"},
        {"customer": "ada", "last4": "12"},
        {"customer": "ada", "exp_month": 13},
        {"customer": "ada", "closed": "perhaps"},
        {"customer": "ada", "token": "tok_nope"},
        {"customer": "ada", "payment_method": "pm_none"},
    ],
)
def test_the_verb_says_what_is_wrong(fields: dict[str, Any]) -> None:
    """Wrong fields are refused without a change."""
    world = small_world()
    with pytest.raises(ControlError):
        verb(world, "card-updated", **fields)


def test_cards_issued_in_india_say_so() -> None:
    """`tok_in` is a card of India (whose cards Stripe never retries by itself)."""
    made = client(small_world()).v1.payment_methods.create({"type": "card", "card": {"token": "tok_in"}})
    assert made.card.country == "IN"
