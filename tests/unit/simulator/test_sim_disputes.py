"""Disputes: opened by cards and by people, answered, won, lost, given in to; and early fraud warnings."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.payments import charges_of, events, new_customer, refused, types_since, verb


def _paid(world: World, token: str = "pm_card_visa") -> Any:
    customer, card = new_customer(world, token)
    given = {"amount": 1000, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    client(world).v1.payment_intents.create(given)
    world.advance_to(world.now)
    return charges_of(world, customer)[0]


def _disputed(world: World, token: str = "pm_card_createDispute") -> Any:
    charge = _paid(world, token)
    return client(world).v1.disputes.list({"charge": charge.id}).data[0]


def test_a_dispute_withdraws_the_money() -> None:
    """charge.disputed, needs_response with a date, a transaction with its fee, and the events in order."""
    world = small_world()
    v1 = client(world).v1
    dispute = _disputed(world)
    assert (dispute.status, dispute.reason, dispute.amount) == ("needs_response", "fraudulent", 1000)
    assert dispute.payment_method_details.card.network_reason_code == "10.4"
    (moved,) = dispute.balance_transactions
    assert (moved.amount, moved.fee, moved.net) == (-1000, 1500, -2500)
    assert dispute.evidence_details.due_by == dispute.created + 20 * DAY
    assert v1.charges.retrieve(dispute.charge).disputed is True
    told = [row["type"] for row in events(world) if "dispute" in row["type"]]
    assert told == ["charge.dispute.created", "charge.dispute.funds_withdrawn"]
    error = refused(v1.refunds.create, {"charge": dispute.charge})
    assert (error.http_status, error.code) == (400, "charge_disputed")
    assert [row["status"] for row in world.ledger.disputes] == ["needs_response"]


@pytest.mark.parametrize(
    ("word", "status", "last"),
    [
        ("winning_evidence", "won", "charge.dispute.funds_reinstated"),
        ("losing_evidence", "lost", "charge.dispute.closed"),
    ],
)
def test_the_words_of_the_sandbox_decide(word: str, status: str, last: str) -> None:
    """winning_evidence and losing_evidence close the dispute at once; a won one gives the money back."""
    world = small_world()
    v1 = client(world).v1
    dispute = _disputed(world)
    count = len(events(world))
    closed = v1.disputes.update(dispute.id, {"evidence": {"uncategorized_text": word}})
    assert (closed.status, closed.evidence_details.submission_count) == (status, 1)
    told = types_since(world, count)
    assert told[0] == "charge.dispute.updated"
    assert told[-1] == last
    assert "charge.dispute.closed" in told
    assert sum(row.net for row in closed.balance_transactions) == (0 if status == "won" else -2500)
    if status == "won":
        assert v1.refunds.create({"charge": dispute.charge}).status == "succeeded"


def test_evidence_is_staged_then_submitted_then_final() -> None:
    """submit=false stages and merges; submitting makes it under_review; after that nothing changes."""
    world = small_world()
    v1 = client(world).v1
    dispute = _disputed(world)
    staged = v1.disputes.update(dispute.id, {"evidence": {"product_description": "p"}, "submit": False})
    assert (staged.status, staged.evidence_details.has_evidence) == ("needs_response", True)
    sent = v1.disputes.update(dispute.id, {"evidence": {"service_date": "today"}, "submit": True})
    assert (sent.status, sent.evidence.product_description) == ("under_review", "p")
    assert refused(v1.disputes.update, dispute.id, {"evidence": {"receipt": "r"}}).http_status == 400
    assert v1.disputes.update(dispute.id, {"metadata": {"a": "b"}}).metadata["a"] == "b"
    world.advance_to(world.now + 59 * DAY)
    assert v1.disputes.retrieve(dispute.id).status == "under_review"
    world.advance_to(world.now + DAY)
    assert v1.disputes.retrieve(dispute.id).status == "lost"


def test_without_an_answer_it_is_lost_on_its_date() -> None:
    """Past due, closed as lost."""
    world = small_world()
    v1 = client(world).v1
    dispute = _disputed(world)
    world.advance_to(world.now + 20 * DAY)
    lost = v1.disputes.retrieve(dispute.id)
    assert (lost.status, lost.evidence_details.past_due) == ("lost", True)


def test_giving_in_closes_it() -> None:
    """POST /close is lost at once, and only once."""
    world = small_world()
    v1 = client(world).v1
    dispute = _disputed(world)
    assert v1.disputes.close(dispute.id).status == "lost"
    assert refused(v1.disputes.close, dispute.id).http_status == 400
    world.advance_to(world.now + 25 * DAY)
    assert len(events(world, "charge.dispute.closed")) == 1


def test_an_inquiry_moves_no_money_until_it_escalates() -> None:
    """warning_needs_response: the charge is not disputed; escalated it is, under the same id."""
    world = small_world()
    v1 = client(world).v1
    inquiry = _disputed(world, "pm_card_createDisputeInquiry")
    assert (inquiry.status, inquiry.balance_transactions) == ("warning_needs_response", [])
    assert inquiry.is_charge_refundable
    assert inquiry.payment_method_details.card.case_type == "inquiry"
    assert v1.charges.retrieve(inquiry.charge).disputed is False
    verb(world, "dispute-verdict", dispute=inquiry.id, outcome="escalated")
    after = v1.disputes.retrieve(inquiry.id)
    assert (after.status, len(after.balance_transactions)) == ("needs_response", 1)
    assert v1.charges.retrieve(inquiry.charge).disputed is True
    other = _disputed(world, "pm_card_createDisputeInquiry")
    world.advance_to(world.now + 20 * DAY)
    assert v1.disputes.retrieve(other.id).status == "warning_closed"


def test_an_inquiry_does_not_stand_in_the_way_of_a_refund() -> None:
    """Refunding is how an inquiry is answered."""
    world = small_world()
    inquiry = _disputed(world, "pm_card_createDisputeInquiry")
    assert client(world).v1.refunds.create({"charge": inquiry.charge}).status == "succeeded"


@pytest.mark.parametrize(
    ("token", "reasons"),
    [
        ("createDisputeProductNotReceived", ["product_not_received"]),
        ("createCe3EligibleDispute", ["fraudulent"]),
        ("createComplianceDispute", ["noncompliant"]),
        ("createMultipleDisputes", ["fraudulent", "product_not_received"]),
    ],
)
def test_cards_that_bring_disputes(token: str, reasons: list[str]) -> None:
    """Each of the testing page's dispute cards brings its own."""
    world = small_world()
    charge = _paid(world, f"pm_card_{token}")
    found = client(world).v1.disputes.list({"payment_intent": charge.payment_intent}).data
    assert sorted(row.reason for row in found) == sorted(reasons)


def test_a_person_may_dispute_and_decide() -> None:
    """The verbs `dispute` and `dispute-verdict`, by the customer's name."""
    world = small_world()
    world.advance_to(START + 30 * DAY)
    made = verb(world, "dispute", customer="ada", reason="subscription_canceled")
    dispute = client(world).v1.disputes.retrieve(made["dispute"], {"expand": ["charge", "payment_intent"]})
    assert (dispute.reason, dispute.charge.disputed, dispute.status) == (
        "subscription_canceled",
        True,
        "needs_response",
    )
    assert verb(world, "dispute-verdict", dispute=dispute.id, outcome="won")["status"] == "won"
    with pytest.raises(ControlError):
        verb(world, "dispute-verdict", dispute=dispute.id, outcome="lost")
    with pytest.raises(ControlError):
        verb(world, "dispute", charge=dispute.charge.id)


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"customer": "ada", "charge": "ch_1"},
        {"customer": "ada", "reason": "boredom"},
        {"customer": "ada", "type": "letter"},
        {"charge": "ch_none"},
        {"customer": "nobody"},
    ],
)
def test_the_verb_says_what_is_wrong(fields: dict[str, str]) -> None:
    """Wrong fields are refused without a change."""
    world = small_world()
    with pytest.raises(ControlError):
        verb(world, "dispute", **fields)
    assert not events(world)


def test_a_dispute_leaves_invoice_and_subscription_alone() -> None:
    """The invoice stays paid: what to do about the subscription is the merchant's decision."""
    world = small_world()
    world.advance_to(START + 30 * DAY)
    v1 = client(world).v1
    verb(world, "dispute", customer="ada")
    ada = world.sim.accounts[("acct_1AcmeUS", False)].names["ada"]
    assert v1.invoices.list({"customer": ada, "limit": 1}).data[0].status == "paid"
    assert v1.subscriptions.list({"customer": ada}).data[0].status == "active"


def test_early_fraud_warnings() -> None:
    """Made by their card or by the verb; actionable until the charge is refunded."""
    world = small_world()
    v1 = client(world).v1
    charge = _paid(world, "pm_card_createIssuerFraudRecord")
    (warning,) = v1.radar.early_fraud_warnings.list({"charge": charge.id}).data
    assert (warning.actionable, warning.fraud_type) == (True, "made_with_stolen_card")
    assert events(world, "radar.early_fraud_warning.created", about=warning.id)
    v1.refunds.create({"charge": charge.id, "reason": "fraudulent"})
    assert v1.radar.early_fraud_warnings.retrieve(warning.id).actionable is False
    assert events(world, "radar.early_fraud_warning.updated", about=warning.id)
    world.advance_to(START + 30 * DAY)
    made = verb(world, "fraud-warning", customer="ada", type="misc")
    told = v1.radar.early_fraud_warnings.retrieve(made["early_fraud_warning"], {"expand": ["charge"]})
    assert (told.fraud_type, told.charge.object) == ("misc", "charge")
