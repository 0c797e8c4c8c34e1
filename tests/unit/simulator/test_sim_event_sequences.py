"""The events of what happens to a subscription's invoices: exactly these, in this order, and who caused them.

Stripe promises no order; the simulator sends its events in the order in which things happen, and these tests hold it.
"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, HOUR, START, small_world
from tests.unit.simulator.told import Told

RENEWAL = START + 29 * DAY + 9 * HOUR  # ada's, 30 January 2026
FIRST = RENEWAL + HOUR
OURS = {"idempotency_key": "fp1:acct:in:1"}


def _world(code: str | None = None, **billing: Any) -> tuple[Any, Any, Told]:
    """A world just before ada's renewal: (world, client, what is told from then on)."""
    world = small_world(billing=billing)
    if code is not None:
        control.decline(world, "ada", code)
    world.advance_to(RENEWAL - 1)
    told = Told(world)
    return world, told.api, told


def _failed(code: str = "insufficient_funds", **billing: Any) -> tuple[Any, Any, Told, str]:
    """A world in which ada's renewal has failed, and that has been told."""
    world, api, told = _world(code, **billing)
    world.advance_to(FIRST)
    told.since()
    return world, api, told, next(row["id"] for row in control.open_invoices(world))


def _keys(events: list[Any]) -> set[tuple[bool, str | None]]:
    """Whether a request caused the events, and with which idempotency key."""
    return {(event.request.id is not None, event.request.idempotency_key) for event in events}


def test_sequence_renewal_approved() -> None:
    """A draft and the new period; an hour later finalised, charged, paid; all by Stripe itself."""
    world, _, told = _world()
    world.advance_to(RENEWAL)
    events = told.since()
    assert [row.type for row in events] == ["invoice.created", "customer.subscription.updated"]
    assert set(events[1].data.previous_attributes.to_dict()) == {"items", "latest_invoice"}
    world.advance_to(FIRST)
    events += told.since()
    assert [row.type for row in events[2:]] == [
        "payment_intent.created",
        "invoice.finalized",
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
    ]
    assert _keys(events) == {(False, None)}


def test_sequence_renewal_declined() -> None:
    """The charge and the intent fail, the invoice, then the subscription: past due, it was active."""
    world, _, told = _world("insufficient_funds")
    world.advance_to(FIRST)
    events = told.since()
    assert [row.type for row in events] == [
        "invoice.created",
        "customer.subscription.updated",
        "payment_intent.created",
        "invoice.finalized",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "customer.updated",
    ]
    subscription = events[-2].data
    assert subscription.object.status == "past_due"
    assert subscription.previous_attributes.to_dict() == {"status": "active"}
    assert events[-1].data.previous_attributes.to_dict() == {"delinquent": False}
    assert events[-3].data.object.next_payment_attempt is None
    assert _keys(events) == {(False, None)}


def test_sequence_renewal_declined_under_an_automation() -> None:
    """invoice.updated follows with next_payment_attempt, which invoice.payment_failed does not carry."""
    world, _, told = _world("insufficient_funds", retries="automation", rules=[3])
    world.advance_to(FIRST + HOUR)
    events = told.since()
    assert [row.type for row in events[-4:]] == [
        "invoice.payment_failed",
        "customer.subscription.updated",
        "customer.updated",
        "invoice.updated",
    ]
    assert events[-4].data.object.next_payment_attempt is None
    assert events[-1].data.object.next_payment_attempt == FIRST + 3 * DAY
    assert _keys(events) == {(False, None)}


def test_sequence_stripes_own_retry_declined() -> None:
    """Under Smart Retries a failing retry tells the same as ours would, but nobody's key and a higher count."""
    world, _, told, invoice = _failed(retries="custom", rules=[3, 5])
    world.advance_to(FIRST + 3 * DAY)
    events = told.since()
    assert [row.type for row in events] == ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"]
    assert _keys(events) == {(False, None)}
    assert (events[-1].data.object.id, events[-1].data.object.attempt_count) == (invoice, 2)


def test_sequence_our_retry_declined() -> None:
    """Three events with our key; attempt_count is what it was."""
    _, api, told, invoice = _failed()
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice, options=OURS)
    events = told.since()
    assert [row.type for row in events] == ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"]
    assert _keys(events) == {(True, OURS["idempotency_key"])}
    assert events[-1].data.object.attempt_count == 1


def test_sequence_our_retry_approved() -> None:
    """Paid with our key, and the subscription goes from past due to active."""
    world, api, told, invoice = _failed()
    control.approve(world, "ada")
    api.v1.invoices.pay(invoice, options=OURS)
    events = told.since()
    assert [row.type for row in events] == [
        "charge.succeeded",
        "payment_intent.succeeded",
        "invoice_payment.paid",
        "invoice.updated",
        "invoice.paid",
        "invoice.payment_succeeded",
        "customer.subscription.updated",
        "customer.updated",
    ]
    assert _keys(events) == {(True, OURS["idempotency_key"])}
    assert events[-2].data.object.status == "active"
    assert events[-2].data.previous_attributes.to_dict() == {"status": "past_due"}
    assert events[3].data.previous_attributes["status"] == "open"


def test_sequence_a_replayed_request_tells_nothing_twice() -> None:
    """The same key again: the saved answer, and no event."""
    world, api, told, invoice = _failed()
    control.approve(world, "ada")
    api.v1.invoices.pay(invoice, options=OURS)
    told.since()
    api.v1.invoices.pay(invoice, options=OURS)
    assert told.types() == []


def test_sequence_3d_secure() -> None:
    """No charge: the intent requires action, the invoice says so and counts as failed."""
    world, _, told = _world("requires_action")
    world.advance_to(FIRST)
    events = told.since()
    assert [row.type for row in events[-5:]] == [
        "payment_intent.requires_action",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "customer.subscription.updated",
        "customer.updated",
    ]
    assert not {row.type for row in events} & {"charge.failed", "charge.succeeded"}


def test_sequence_refund() -> None:
    """The charge is refunded and the refund made, by our request."""
    world, api, told = _world()
    world.advance_to(FIRST)
    told.since()
    charge = world.ledger.charges[-1]["id"]
    api.v1.refunds.create({"charge": charge}, options=OURS)
    events = told.since()
    assert sorted(row.type for row in events if row.type != "refund.updated") == ["charge.refunded", "refund.created"]
    assert _keys([row for row in events if row.type != "refund.updated"]) == {(True, OURS["idempotency_key"])}


def test_sequence_cancel_now() -> None:
    """Deleted first, with status canceled; then the open invoice loses auto_advance. A DELETE carries no key."""
    _, api, told, invoice = _failed()
    subscription = api.v1.invoices.retrieve(invoice).parent.subscription_details.subscription
    api.v1.subscriptions.cancel(subscription)
    events = told.since()
    assert [row.type for row in events] == ["customer.subscription.deleted", "invoice.updated"]
    assert events[0].data.object.status == "canceled"
    assert (events[1].data.object.id, events[1].data.object.auto_advance) == (invoice, False)
    assert events[1].data.previous_attributes["auto_advance"] is True
    assert _keys(events) == {(True, None)}


def test_sequence_cancel_at_period_end() -> None:
    """Updated with our key when asked; deleted by Stripe itself when the period ends; nothing is billed."""
    world, api, told = _world()
    ada = world.sim.account("acct_1AcmeUS", False).names["ada"]
    subscription = api.v1.subscriptions.list({"customer": ada}).data[0].id
    api.v1.subscriptions.update(subscription, {"cancel_at_period_end": True}, options=OURS)
    events = told.since()
    assert [row.type for row in events] == ["customer.subscription.updated"]
    assert _keys(events) == {(True, OURS["idempotency_key"])}
    assert events[0].data.object.cancel_at == RENEWAL
    world.advance_to(RENEWAL + DAY)
    events = told.since()
    assert [row.type for row in events] == ["customer.subscription.deleted"]
    assert (_keys(events), events[0].created) == ({(False, None)}, RENEWAL)


def test_sequence_uncollectible_by_the_api() -> None:
    """Marked and updated with our key; the subscription has nothing open any more, the customer is forgiven."""
    _, api, told, invoice = _failed()
    api.v1.invoices.mark_uncollectible(invoice, options=OURS)
    events = told.since()
    assert [row.type for row in events] == [
        "invoice.marked_uncollectible",
        "invoice.updated",
        "customer.subscription.updated",
        "customer.updated",
    ]
    assert _keys(events) == {(True, OURS["idempotency_key"])}
    assert events[1].data.previous_attributes["status"] == "open"


def test_sequence_uncollectible_by_dunning() -> None:
    """The last try fails, then Stripe marks the invoice; no customer.updated, for nobody forgave."""
    world, _, told, _ = _failed(retries="custom", rules=[3], invoice="uncollectible")
    world.advance_to(FIRST + 3 * DAY)
    events = told.since()
    assert [row.type for row in events] == [
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "invoice.marked_uncollectible",
        "invoice.updated",
    ]
    assert _keys(events) == {(False, None)}


def test_sequence_canceled_by_dunning() -> None:
    """The last try fails, the subscription is deleted, and collection of its invoices stops."""
    world, _, told, _ = _failed(retries="custom", rules=[3], subscription="canceled")
    world.advance_to(FIRST + 3 * DAY)
    assert told.types() == [
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.subscription.deleted",
        "invoice.updated",
    ]


def test_sequence_void() -> None:
    """The intent is canceled, the invoice voided, with our key."""
    _, api, told, invoice = _failed()
    api.v1.invoices.void_invoice(invoice, options=OURS)
    events = told.since()
    assert [row.type for row in events] == [
        "payment_intent.canceled",
        "invoice.voided",
        "invoice.updated",
        "customer.subscription.updated",
        "customer.updated",
    ]
    assert _keys(events) == {(True, OURS["idempotency_key"])}


def test_sequence_bank_debit() -> None:
    """Processing with our key; days later the bank's answer, by Stripe itself."""
    world, api, told, invoice = _failed()
    customer = api.v1.invoices.retrieve(invoice).customer
    bank = api.v1.payment_methods.attach("pm_usBankAccount_success", {"customer": customer}).id
    control.approve(world, "ada")
    told.since()
    api.v1.invoices.pay(invoice, {"payment_method": bank}, options=OURS)
    events = told.since()
    assert [row.type for row in events] == ["charge.pending", "payment_intent.processing"]
    assert _keys(events) == {(True, OURS["idempotency_key"])}
    world.advance_to(world.now + 6 * DAY)
    events = told.since()
    types = [row.type for row in events]
    assert types[:2] == ["charge.succeeded", "payment_intent.succeeded"]
    assert types[2:6] == ["invoice_payment.paid", "invoice.updated", "invoice.paid", "invoice.payment_succeeded"]
    assert _keys(events) == {(False, None)}
