"""Subscriptions: creation, renewal dates, cancellation in each way, and what a canceled one refuses."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.local_time import add_interval, iso, parse_instant
from tests.unit.simulator.helpers import DAY, START, client, error_of, failed_invoice, small_world


def _sub(world, name="ada"):
    account = world.sim.account("acct_1AcmeUS", False)
    return client(world).v1.subscriptions.list({"customer": account.names[name]}).data[0]


def test_months_keep_the_anchor_day_clamped_to_the_months_end() -> None:
    """31 January renews on 28 February and again on 31 March."""
    anchor = parse_instant("2026-01-31T10:00:00Z")
    assert [iso(add_interval(anchor, "month", n)) for n in (1, 2, 3)] == [
        "2026-02-28T10:00:00Z",
        "2026-03-31T10:00:00Z",
        "2026-04-30T10:00:00Z",
    ]
    assert iso(add_interval(parse_instant("2024-02-29T00:00:00Z"), "year", 1)) == "2025-02-28T00:00:00Z"


def test_creating_a_subscription_charges_at_once() -> None:
    """A good card makes it active with a paid first invoice; a bad one leaves it incomplete."""
    world = small_world()
    api = client(world)
    price = api.v1.prices.list().data[0].id
    for card, status in (("pm_card_visa", "active"), ("pm_card_chargeCustomerFail", "incomplete")):
        customer = api.v1.customers.create({"email": "new@example.com"}).id
        method = api.v1.payment_methods.attach(card, {"customer": customer}).id
        api.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
        sub = api.v1.subscriptions.create({"customer": customer, "items": [{"price": price}]})
        assert sub.status == status
        assert api.v1.invoices.retrieve(sub.latest_invoice).billing_reason == "subscription_create"
    world.advance_to(world.now + DAY)
    assert api.v1.subscriptions.retrieve(sub.id).status == "incomplete_expired"
    assert api.v1.invoices.retrieve(sub.latest_invoice).status == "void"


def test_cards_made_of_tokens_fail_as_documented() -> None:
    """The lost-card token attaches and then fails as lost; the plainly declined test cards do not attach."""
    world = small_world()
    api = client(world)
    ada = world.sim.account("acct_1AcmeUS", False).names["ada"]
    method = api.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa_chargeCustomerFailLostCard"}})
    api.v1.payment_methods.attach(method.id, {"customer": ada})
    api.v1.customers.update(ada, {"invoice_settings": {"default_payment_method": method.id}})
    world.advance_to(START + 30 * DAY)
    assert world.ledger.charges[-1]["reason"] == "lost_card"
    with pytest.raises(stripe.CardError) as caught:
        api.v1.payment_methods.attach("pm_card_visa_chargeDeclinedInsufficientFunds", {"customer": ada})
    assert error_of(caught).decline_code == "insufficient_funds"
    with pytest.raises(stripe.InvalidRequestError, match="No such token"):
        api.v1.payment_methods.create({"type": "card", "card": {"token": "tok_nope"}})


def test_cancelling_now_stops_collection_of_open_invoices() -> None:
    """DELETE ends the subscription, reports it, and sets auto_advance=false on its open invoices."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    sub = _sub(world)
    done = api.v1.subscriptions.cancel(
        sub.id, {"prorate": False, "invoice_now": False, "cancellation_details": {"comment": "recovery ended"}}
    )
    assert (done.status, done.cancellation_details.comment) == ("canceled", "recovery ended")
    types = [event.type for event in api.v1.events.list({"limit": 2}).data[::-1]]
    assert types == ["customer.subscription.deleted", "invoice.updated"]
    left = api.v1.invoices.retrieve(invoice)
    assert (left.status, left.auto_advance) == ("open", False)
    control.approve(world, "ada")
    assert api.v1.invoices.pay(invoice).status == "paid"
    assert api.v1.subscriptions.retrieve(sub.id).status == "canceled"
    world.advance_to(world.now + 60 * DAY)
    assert len(api.v1.invoices.list({"subscription": sub.id, "limit": 100}).data) == 2


def test_a_canceled_subscription_takes_only_metadata_and_details() -> None:
    """Everything else, and a second cancellation, is refused in Stripe's words."""
    world = small_world()
    api = client(world)
    sub = _sub(world).id
    api.v1.subscriptions.cancel(sub)
    assert api.v1.subscriptions.update(sub, {"metadata": {"fp-uncollectible": "true"}}).metadata["fp-uncollectible"]
    with pytest.raises(stripe.InvalidRequestError, match="can only update its cancellation_details and metadata"):
        api.v1.subscriptions.update(sub, {"cancel_at_period_end": True})
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        api.v1.subscriptions.cancel(sub)
    assert [row.id for row in api.v1.subscriptions.list({"status": "canceled"}).data] == [sub]
    assert sub not in [row.id for row in api.v1.subscriptions.list().data]


def test_cancel_at_period_end_is_carried_out_and_can_be_taken_back() -> None:
    """The flag ends the subscription at its period's end, unless it was taken back before."""
    world = small_world()
    api = client(world)
    ada, ben = _sub(world, "ada").id, _sub(world, "ben").id
    marked = api.v1.subscriptions.update(ada, {"cancel_at_period_end": True})
    assert marked.cancel_at == marked["items"].data[0].current_period_end
    api.v1.subscriptions.update(ben, {"cancel_at_period_end": True})
    back = api.v1.subscriptions.update(ben, {"cancel_at_period_end": False})
    assert (back.cancel_at, back.canceled_at) == (None, None)
    world.advance_to(START + 35 * DAY)
    assert api.v1.subscriptions.retrieve(ada).status == "canceled"
    assert api.v1.subscriptions.retrieve(ben).status == "active"


def test_proration_credits_only_when_asked_for() -> None:
    """Asked for, it leaves a pending credit for the unused time; by default there is none."""
    world = small_world()
    api = client(world)
    api.v1.subscriptions.cancel(_sub(world, "ben").id)
    assert not world.sim.account("acct_1AcmeUS", False).table("invoiceitem").rows
    api.v1.subscriptions.cancel(_sub(world, "ada").id, {"prorate": True})
    items = list(world.sim.account("acct_1AcmeUS", False).table("invoiceitem").rows.values())
    assert [-2900 < row["amount"] < 0 for row in items] == [True]


def test_a_final_invoice_turns_the_credit_into_balance() -> None:
    """Prorate and invoice_now together: the credit becomes customer balance, nothing is charged."""
    world = small_world()
    api = client(world)
    sub = _sub(world)
    before = len(world.ledger.charges)
    api.v1.subscriptions.cancel(sub.id, {"prorate": True, "invoice_now": True})
    assert api.v1.customers.retrieve(sub.customer).balance < 0
    assert len(world.ledger.charges) == before


def test_somebody_else_may_cancel_and_void() -> None:
    """The Dashboard's cancellation and void are seen as such: a request id, no key of ours."""
    world = small_world()
    invoice = failed_invoice(world)
    sub = control.cancel_subscription(world, "ada")
    control.void_invoice(world, invoice)
    api = client(world)
    assert api.v1.subscriptions.retrieve(sub).status == "canceled"
    event = api.v1.events.list({"type": "invoice.voided"}).data[0]
    assert event.request.id
    assert event.request.idempotency_key is None
    with pytest.raises(control.ControlError, match="no living"):
        control.cancel_subscription(world, "ada")


def test_the_subscriptions_list_filters() -> None:
    """Past due ones are found by status; a price and a method of collection narrow too."""
    world = small_world()
    failed_invoice(world)
    api = client(world)
    due = api.v1.subscriptions.list({"status": "past_due", "collection_method": "charge_automatically"}).data
    assert len(due) == 1
    assert api.v1.subscriptions.list({"collection_method": "send_invoice"}).data == []
    assert len(api.v1.subscriptions.list({"status": "all"}).data) == 2
