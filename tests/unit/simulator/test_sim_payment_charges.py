"""Charges: every shape of the outcome, Stripe's own blocks, filters, and what may be changed."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, client, failed_invoice, small_world
from tests.unit.simulator.payments import charges_of, events, new_customer, refused, verb


def _ada(world: World) -> str:
    return str(world.sim.accounts[("acct_1AcmeUS", False)].names["ada"])


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (
            {"code": "insufficient_funds", "network_advice_code": "02", "advice_code": "try_again_later"},
            ("issuer_declined", "declined_by_network", "insufficient_funds", "51", "02", "try_again_later"),
        ),
        (
            {"code": "generic_decline", "outcome_type": "blocked", "outcome_reason": "rule"},
            ("blocked", "not_sent_to_network", "rule", None, None, None),
        ),
        (
            {
                "code": "generic_decline",
                "outcome_type": "blocked",
                "outcome_reason": "low_probability_of_authorization",
            },
            ("blocked", "not_sent_to_network", "low_probability_of_authorization", None, None, None),
        ),
        (
            {"code": "incorrect_number", "outcome_type": "invalid"},
            ("invalid", "not_sent_to_network", "incorrect_number", None, None, None),
        ),
        (
            {
                "code": "incorrect_cvc",
                "outcome_type": "blocked",
                "outcome_reason": "rule",
                "network_status": "reversed_after_approval",
            },
            ("blocked", "reversed_after_approval", "rule", None, None, None),
        ),
    ],
)
def test_outcomes_in_every_shape(fields: dict[str, Any], expected: tuple[Any, ...]) -> None:
    """What the test asks for is what the charge of the next attempt shows, beside the error of the 402."""
    world = small_world()
    invoice = failed_invoice(world)
    verb(world, "decline", customer="ada", **fields)
    error = refused(client(world).v1.invoices.pay, invoice)
    outcome = charges_of(world, _ada(world))[0].outcome
    shown = ("type", "network_status", "reason", "network_decline_code", "network_advice_code", "advice_code")
    assert tuple(getattr(outcome, name) for name in shown) == expected
    assert error.http_status == 402
    assert getattr(outcome, "rule", None) == ("block_by_rule" if expected[2] == "rule" else None)


def test_the_verb_knows_the_network_statuses() -> None:
    """Any other word is refused."""
    with pytest.raises(ControlError):
        verb(small_world(), "decline", customer="ada", code="lost_card", network_status="lost")


def _limited(limit: int | None = 3) -> tuple[World, str]:
    payments = {} if limit is None else {"visa_retry_limit": limit}
    world = small_world(payments=payments)
    return world, failed_invoice(world)


def test_visa_cards_are_blocked_after_too_many_declines() -> None:
    """After the limit Stripe sends nothing more: blocked, previously_declined_do_not_retry, generic_decline."""
    world, invoice = _limited(3)
    v1 = client(world).v1
    for _ in range(2):
        assert refused(v1.invoices.pay, invoice).error.decline_code == "insufficient_funds"
    error = refused(v1.invoices.pay, invoice)
    assert (error.http_status, error.error.code, error.error.decline_code) == (402, "card_declined", "generic_decline")
    outcome = charges_of(world, _ada(world))[0].outcome
    assert (outcome.type, outcome.network_status) == ("blocked", "not_sent_to_network")
    assert (outcome.reason, outcome.seller_message) == (
        "previously_declined_do_not_retry",
        "Stripe blocked this payment.",
    )
    control.approve(world, "ada")
    assert refused(v1.invoices.pay, invoice).error.decline_code == "generic_decline"


def test_the_window_of_thirty_days_passes() -> None:
    """What was declined more than thirty days ago no longer counts."""
    world, invoice = _limited(1)
    control.approve(world, "ada")
    assert refused(client(world).v1.invoices.pay, invoice).error.decline_code == "generic_decline"
    world.advance_to(world.now + 31 * DAY)
    assert client(world).v1.invoices.pay(invoice).status == "paid"


def test_a_visa_card_that_may_never_be_tried_again_is_blocked_at_once() -> None:
    """A decline of Visa's category 1 (here 41, lost) blocks the next attempt, also long afterwards."""
    world = small_world(payments={"visa_retry_limit": 15})
    invoice = failed_invoice(world, "lost_card")
    control.approve(world, "ada")
    world.advance_to(world.now + 60 * DAY)
    error = refused(client(world).v1.invoices.pay, invoice)
    assert error.error.decline_code == "generic_decline"
    assert charges_of(world, _ada(world))[0].outcome.reason == "previously_declined_do_not_retry"


def test_other_cards_and_other_accounts_are_not_blocked() -> None:
    """By default nothing is blocked; with the limit a Mastercard is not."""
    world, invoice = _limited(None)
    for _ in range(25):
        assert refused(client(world).v1.invoices.pay, invoice).error.decline_code == "insufficient_funds"
    world = small_world(payments={"visa_retry_limit": 1})
    customer, card = new_customer(world, "pm_card_mastercard")
    control.decline(world, customer, "insufficient_funds")
    given = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    for _ in range(4):
        error = refused(client(world).v1.payment_intents.create, given)
        assert error.error.decline_code == "insufficient_funds"


def test_a_person_may_set_the_limit() -> None:
    """The verb `visa-retry-limit` sets and removes it."""
    world, invoice = _limited(None)
    control.approve(world, "ada")
    for account in world.sim.accounts.values():
        assert account.payments.visa_retry_limit is None
    verb(world, "visa-retry-limit", limit=1)
    control.decline(world, "ada", "do_not_honor")
    refused(client(world).v1.invoices.pay, invoice)
    assert refused(client(world).v1.invoices.pay, invoice).error.decline_code == "generic_decline"
    verb(world, "visa-retry-limit")
    assert refused(client(world).v1.invoices.pay, invoice).error.decline_code == "do_not_honor"
    with pytest.raises(ControlError):
        verb(world, "visa-retry-limit", limit=0)


def test_filters_of_the_list() -> None:
    """customer, payment_intent, transfer_group and created narrow the list."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world)
    base = {"currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    first = v1.payment_intents.create({**base, "amount": 100, "transfer_group": "g1"})
    second = v1.payment_intents.create({**base, "amount": 200})
    assert [row.amount for row in v1.charges.list({"customer": customer}).data] == [200, 100]
    assert [row.amount for row in v1.charges.list({"payment_intent": second.id}).data] == [200]
    assert [row.id for row in v1.charges.list({"transfer_group": "g1"}).data] == [first.latest_charge]
    assert v1.charges.list({"customer": customer, "transfer_group": "g2"}).data == []
    assert v1.charges.list({"customer": customer, "created": {"lt": world.now}}).data == []


def test_charges_take_metadata_and_a_few_words() -> None:
    """POST /v1/charges/{id}: charge.updated with what was before; the customer stays."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world)
    base = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    charge = v1.payment_intents.create(base).latest_charge
    changed = v1.charges.update(charge, {"metadata": {"order": "7"}, "description": "Order 7"})
    assert (changed.metadata["order"], changed.description) == ("7", "Order 7")
    (event,) = events(world, "charge.updated")
    assert event["data"]["previous_attributes"] == {"metadata": {"order": None}, "description": None}
    flagged = v1.charges.update(charge, {"fraud_details": {"user_report": "safe"}})
    assert flagged.fraud_details["user_report"] == "safe"
    other, _ = new_customer(world)
    assert refused(v1.charges.update, charge, {"customer": other}).http_status == 400


def test_elevated_risk_opens_a_review() -> None:
    """The charge is paid and waits in the queue; approving it closes the review."""
    world = small_world()
    v1 = client(world).v1
    customer, card = new_customer(world, "pm_card_riskLevelElevated")
    base = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    paid = v1.payment_intents.create(base)
    charge = v1.charges.retrieve(paid.latest_charge, {"expand": ["review"]})
    assert (charge.outcome.risk_level, charge.review.open, paid.review) == ("elevated", True, charge.review.id)
    assert [row["type"] for row in events(world, "review.opened")] == ["review.opened"]
    assert [row.id for row in v1.reviews.list({}).data] == [paid.review]
    closed = v1.reviews.approve(paid.review)
    assert (closed.open, closed.reason, closed.closed_reason) == (False, "approved", "approved")
    assert v1.reviews.list({}).data == []
    assert events(world, "review.closed")
    assert refused(v1.reviews.approve, paid.review).http_status == 400
