"""Refunds: whole and in part, at once and later, failing and cancelled; and their limits."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.payments import charges_of, events, new_customer, refused, types_since, verb


def _paid(world: World, token: str = "pm_card_visa", amount: int = 1000) -> Any:
    customer, card = new_customer(world, token)
    given = {"currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    client(world).v1.payment_intents.create({**given, "amount": amount})
    return charges_of(world, customer)[0]


def test_refunds_in_parts_up_to_the_whole() -> None:
    """refund.created and charge.refunded each time; `refunded` when nothing is left; then no more."""
    world = small_world()
    v1 = client(world).v1
    charge = _paid(world)
    count = len(events(world))
    part = v1.refunds.create({"charge": charge.id, "amount": 300, "reason": "requested_by_customer"})
    assert (part.status, part.amount, part.payment_intent) == ("succeeded", 300, charge.payment_intent)
    assert types_since(world, count) == ["refund.created", "charge.refunded"]
    after = v1.charges.retrieve(charge.id, {"expand": ["refunds"]})
    assert (after.amount_refunded, after.refunded, after.refunds.data[0].id) == (300, False, part.id)
    assert v1.refunds.create({"payment_intent": charge.payment_intent}).amount == 700
    assert v1.charges.retrieve(charge.id).refunded is True
    error = refused(v1.refunds.create, {"charge": charge.id})
    assert (error.http_status, error.code) == (400, "charge_already_refunded")
    assert [row.amount for row in v1.refunds.list({"charge": charge.id}).data] == [700, 300]
    assert len(v1.refunds.list({"payment_intent": charge.payment_intent}).data) == 2


@pytest.mark.parametrize("amount", [0, -1, 1001])
def test_amounts_out_of_bounds_are_refused(amount: int) -> None:
    """Between one and what is left."""
    world = small_world()
    error = refused(client(world).v1.refunds.create, {"charge": _paid(world).id, "amount": amount})
    assert (error.http_status, error.param) == (400, "amount")


def test_a_pending_refund_succeeds_a_day_later() -> None:
    """pm_card_pendingRefund: refund.updated when it is done."""
    world = small_world()
    v1 = client(world).v1
    refund = v1.refunds.create({"charge": _paid(world, "pm_card_pendingRefund").id})
    assert refund.status == "pending"
    world.advance_to(world.now + DAY)
    assert v1.refunds.retrieve(refund.id).status == "succeeded"
    assert [row["data"]["previous_attributes"] for row in events(world, "refund.updated")] == [{"status": "pending"}]


def test_a_failing_refund_gives_the_charge_back() -> None:
    """pm_card_refundFail: it succeeds first, fails a day later; the charge counts as not refunded."""
    world = small_world()
    v1 = client(world).v1
    charge = _paid(world, "pm_card_refundFail")
    refund = v1.refunds.create({"charge": charge.id})
    assert refund.status == "succeeded"
    assert v1.charges.retrieve(charge.id).refunded is True
    count = len(events(world))
    world.advance_to(world.now + DAY)
    failed = v1.refunds.retrieve(refund.id)
    assert (failed.status, failed.failure_reason) == ("failed", "expired_or_canceled_card")
    assert types_since(world, count) == ["refund.updated", "charge.refund.updated", "refund.failed", "charge.updated"]
    after = v1.charges.retrieve(charge.id)
    assert (after.refunded, after.amount_refunded) == (False, 0)


def test_a_refund_that_needs_the_customer_can_be_cancelled() -> None:
    """requires_action with a next_action; cancel gives the charge back; others cannot be cancelled."""
    world = small_world()
    v1 = client(world).v1
    charge = _paid(world)
    verb(world, "refund-outcome", customer=charge.customer, outcome="requires_action")
    refund = v1.refunds.create({"charge": charge.id, "instructions_email": "a@example.com"})
    assert (refund.status, refund.next_action.type) == ("requires_action", "display_details")
    assert v1.refunds.cancel(refund.id).status == "canceled"
    assert v1.charges.retrieve(charge.id).amount_refunded == 0
    assert refused(v1.refunds.cancel, refund.id).http_status == 400


def test_only_metadata_of_a_refund_changes() -> None:
    """refund.updated with what was before."""
    world = small_world()
    v1 = client(world).v1
    refund = v1.refunds.create({"charge": _paid(world).id, "metadata": {"a": "b"}})
    changed = v1.refunds.update(refund.id, {"metadata": {"a": "", "c": "d"}})
    assert changed.metadata.to_dict() == {"c": "d"}
    (event,) = events(world, "refund.updated")
    assert event["data"]["previous_attributes"] == {"metadata": {"a": "b", "c": None}}


def test_what_did_not_succeed_is_not_refunded() -> None:
    """Failed and pending charges are refused; unknown ones are 400 resource_missing."""
    world = small_world()
    v1 = client(world).v1
    customer, bank = new_customer(world, "pm_usBankAccount_success")
    given = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": bank, "confirm": True}
    v1.payment_intents.create(given)
    assert refused(v1.refunds.create, {"charge": charges_of(world, customer)[0].id}).http_status == 400
    assert refused(v1.refunds.create, {"charge": "ch_none"}).code == "resource_missing"
    assert refused(v1.refunds.create, {}).http_status == 400


def test_only_captured_charges_are_refunded() -> None:
    """An authorised charge is released by cancelling its intent."""
    world = small_world()
    customer, card = new_customer(world)
    given = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    made = client(world).v1.payment_intents.create({**given, "capture_method": "manual"})
    error = refused(client(world).v1.refunds.create, {"payment_intent": made.id})
    assert error.code == "charge_not_refundable"


def test_refunding_an_invoice_does_not_reopen_it() -> None:
    """The invoice stays paid and the subscription active."""
    world = small_world()
    v1 = client(world).v1
    world.advance_to(START + 30 * DAY)
    ada = world.sim.accounts[("acct_1AcmeUS", False)].names["ada"]
    invoice = v1.invoices.list({"customer": ada, "limit": 1}).data[0]
    assert verb(world, "refund", customer="ada")["status"] == "succeeded"
    again = v1.invoices.retrieve(invoice.id)
    assert (again.status, again.amount_paid, again.amount_remaining) == ("paid", 2900, 0)
    assert v1.subscriptions.list({"customer": ada}).data[0].status == "active"
    (event,) = events(world, "refund.created")
    assert event["request"]["idempotency_key"] is None
    assert event["request"]["id"].startswith("req_")
    with pytest.raises(ControlError):
        verb(world, "refund", charge=charges_of(world, ada)[0].id, amount=1)
