"""The first payment and those after it: payment behaviours, sent invoices, unpaid, and which invoice decides."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, START, client, error_of, failed_invoice, small_world
from tests.unit.simulator.subscribing import DECLINED, again, customer, price, put_in, subscribe

MONTH = 31 * DAY


def test_a_declined_first_payment_leaves_it_incomplete_until_it_is_paid() -> None:
    """Paid within 23 hours it is active; otherwise it expires and its invoice is void."""
    world = small_world()
    api = client(world)
    saved, lost = (subscribe(api, owner=customer(api, DECLINED)) for _ in range(2))
    assert saved.status == "incomplete"
    put_in(api, saved.customer)
    world.advance_to(START + 22 * 3600)
    api.v1.invoices.pay(saved.latest_invoice)
    assert again(api, saved).status == "active"
    world.advance_to(START + 23 * 3600)
    assert (again(api, lost).status, again(api, lost).ended_at) == ("incomplete_expired", START + 23 * 3600)
    assert api.v1.invoices.retrieve(lost.latest_invoice).status == "void"
    assert again(api, saved).status == "active"
    ended = api.v1.subscriptions.list({"status": "ended"}).data
    assert [row.id for row in ended] == [lost.id]


def test_voiding_the_first_invoice_ends_an_incomplete_subscription() -> None:
    """There is nothing left that could make it active."""
    api = client(small_world())
    sub = subscribe(api, owner=customer(api, DECLINED))
    api.v1.invoices.void_invoice(sub.latest_invoice)
    assert again(api, sub).status == "incomplete_expired"


def test_default_incomplete_charges_nobody() -> None:
    """Even a good card is not tried, and none is needed; the invoice is open for the customer to pay."""
    world = small_world()
    api = client(world)
    before = len(world.ledger.charges)
    for card in ("pm_card_visa", None):
        sub = subscribe(api, owner=customer(api, card), payment_behavior="default_incomplete")
        assert sub.status == "incomplete"
        assert api.v1.invoices.retrieve(sub.latest_invoice).status == "open"
    assert len(world.ledger.charges) == before


def test_error_if_incomplete_leaves_nothing_behind_when_declined() -> None:
    """402 with the decline, no subscription, no invoice; a good card makes it active as usual."""
    api = client(small_world())
    owner = customer(api, DECLINED)
    with pytest.raises(stripe.CardError) as caught:
        subscribe(api, owner=owner, payment_behavior="error_if_incomplete")
    assert (caught.value.http_status, error_of(caught).code) == (402, "card_declined")
    assert api.v1.subscriptions.list({"customer": owner, "status": "all"}).data == []
    assert api.v1.invoices.list({"customer": owner}).data == []
    asking = customer(api, "pm_card_authenticationRequired")
    with pytest.raises(stripe.CardError) as caught:
        subscribe(api, owner=asking, payment_behavior="error_if_incomplete")
    assert error_of(caught).code == "subscription_payment_intent_requires_action"
    good = subscribe(api, payment_behavior="error_if_incomplete")
    assert (good.status, api.v1.invoices.retrieve(good.latest_invoice).status) == ("active", "paid")


def test_without_a_card_there_is_nothing_to_charge() -> None:
    """Refused, unless nothing is due, it is sent, or the payment is somebody else's affair."""
    api = client(small_world())
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        subscribe(api, owner=customer(api, None))
    with pytest.raises(stripe.InvalidRequestError, match="only used when updating"):
        subscribe(api, payment_behavior="pending_if_incomplete")
    assert subscribe(api, price(api, 0), owner=customer(api, None)).status == "active"


def test_sent_invoices_are_never_charged() -> None:
    """Active at once, the invoice a draft for an hour, then open with its due date, and past due after that."""
    world = small_world()
    api = client(world)
    before = len(world.ledger.charges)
    sub = subscribe(api, collection_method="send_invoice", days_until_due=7)
    assert (sub.status, sub.days_until_due) == ("active", 7)
    first = api.v1.invoices.retrieve(sub.latest_invoice)
    assert (first.status, first.collection_method, first.due_date) == ("draft", "send_invoice", START + 7 * DAY)
    assert first.next_payment_attempt is None
    world.advance_to(START + 3600)
    assert api.v1.invoices.retrieve(first.id).status == "open"
    assert again(api, sub).status == "active"
    world.advance_to(START + 8 * DAY)
    assert again(api, sub).status == "past_due"
    world.advance_to(START + MONTH + DAY)
    assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).due_date == START + MONTH + 7 * DAY
    assert len([row for row in world.ledger.charges[before:] if row["customer"] == sub.customer]) == 0
    found = api.v1.subscriptions.list({"collection_method": "send_invoice"}).data
    assert [row.id for row in found] == [sub.id]


def test_days_until_due_belong_to_sent_invoices() -> None:
    """Missing, superfluous and negative ones are refused, at creation and later."""
    api = client(small_world())
    sub = subscribe(api)
    for wanted, words in (
        ({"collection_method": "send_invoice"}, "must specify `days_until_due`"),
        ({"days_until_due": 3}, "only specify `days_until_due` if"),
        ({"collection_method": "send_invoice", "days_until_due": -1}, "non-negative"),
    ):
        for ask in (lambda each=wanted: subscribe(api, **each), lambda each=wanted: _update(api, sub, each)):
            with pytest.raises(stripe.InvalidRequestError, match=words):
                ask()
    sent = _update(api, sub, {"collection_method": "send_invoice", "days_until_due": 3})
    assert (sent.collection_method, sent.days_until_due) == ("send_invoice", 3)
    charged = _update(api, sub, {"collection_method": "charge_automatically"})
    assert (charged.collection_method, charged.days_until_due) == ("charge_automatically", None)


def _update(api, sub, params):
    return api.v1.subscriptions.update(sub.id, params)


def test_in_unpaid_new_invoices_stay_drafts_until_it_is_paid() -> None:
    """A renewal makes a draft nobody finalises; paying the latest finalised invoice leads back to active."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    sub = api.v1.subscriptions.list({"status": "past_due"}).data[0]
    control.set_field(world, sub.id, "status", "unpaid")
    world.advance_to(world.now + 35 * DAY)
    drafts = api.v1.invoices.list({"subscription": sub.id, "status": "draft"}).data
    assert [draft.auto_advance for draft in drafts] == [False]
    control.approve(world, "ada")
    api.v1.invoices.pay(invoice)
    assert again(api, sub).status == "active"
    assert api.v1.invoices.retrieve(drafts[0].id).status == "draft"


def test_only_the_latest_finalised_invoice_makes_it_past_due_or_active() -> None:
    """An older invoice that fails again, or is paid, changes nothing about the status."""
    world = small_world()
    api = client(world)
    older = failed_invoice(world)
    sub = api.v1.subscriptions.list({"status": "past_due"}).data[0]
    control.approve(world, "ada")
    world.advance_to(world.now + 31 * DAY)
    assert again(api, sub).status == "active"
    control.decline(world, "ada", "do_not_honor")
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(older)
    assert again(api, sub).status == "active"
    world.advance_to(world.now + 31 * DAY)
    assert again(api, sub).status == "past_due"
    control.approve(world, "ada")
    api.v1.invoices.pay(older)
    assert again(api, sub).status == "past_due"


def test_a_customer_pays_in_one_currency() -> None:
    """A second currency on one customer, and a currency that is not the price's, are refused."""
    api = client(small_world())
    owner = customer(api)
    subscribe(api, owner=owner)
    with pytest.raises(stripe.InvalidRequestError, match="combine currencies"):
        subscribe(api, price(api, currency="eur"), owner=owner)
    with pytest.raises(stripe.InvalidRequestError, match="expected currency"):
        subscribe(api, currency="eur")
