"""Pausing: the whole subscription, its collection alone, and the ways of resuming."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator.local_time import add_interval
from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.subscribing import DECLINED, again, pending, put_in, subscribe, types

LENGTH = add_interval(START, "month", 1) - START
HALF = START + LENGTH // 2
BACK = START + 60 * DAY
SUCCESS = {"payment_behavior": "resume_on_payment_success"}
UPDATED = "customer.subscription.updated"


def _paused(world, **how):
    api = client(world)
    sub = subscribe(api)
    world.advance_to(HALF)
    api.v1.subscriptions.pause(sub.id, {"type": "subscription", **how})
    return api, sub


def test_a_paused_subscription_makes_no_invoices() -> None:
    """Its status and details say so, its period ends now, unused time waits as credit, and no renewal comes."""
    world = small_world()
    api, sub = _paused(world)
    paused = again(api, sub)
    details = paused.status_details.paused
    assert (paused.status, details.subscription.type, details.transitioned_at) == ("paused", "pause_requested", HALF)
    assert paused["items"].data[0].current_period_end == HALF
    assert pending(api, sub) == [-1500]
    assert types(world, sub)[-2:] == [UPDATED, "customer.subscription.paused"]
    world.advance_to(BACK)
    assert len(api.v1.invoices.list({"subscription": sub.id}).data) == 1
    assert [row.id for row in api.v1.subscriptions.list({"status": "paused"}).data] == [sub.id]


@pytest.mark.parametrize(
    ("how", "waiting", "balance"),
    [
        ({"bill_for": {"unused_time_from": {"type": "none"}}}, [], 0),
        ({"bill_for": {"unused_time_from": {"type": "item_current_period_start"}}}, [-3000], 0),
        ({"invoicing_behavior": "invoice"}, [], -1500),
    ],
)
def test_what_a_pause_gives_back(how, waiting, balance) -> None:
    """Nothing, the whole period, or the unused time invoiced at once."""
    api, sub = _paused(small_world(), **how)
    assert (pending(api, sub), api.v1.customers.retrieve(sub.customer).balance) == (waiting, balance)
    assert again(api, sub).status == "paused"


def test_what_cannot_be_paused() -> None:
    """Classic ones, sent invoices, trials, and what is paused or over."""
    world = small_world()
    api, paused = _paused(world)
    gone = subscribe(api)
    api.v1.subscriptions.cancel(gone.id)
    for sub, words in (
        (subscribe(api, billing_mode={"type": "classic"}), "flexible"),
        (subscribe(api, collection_method="send_invoice", days_until_due=3), "charged automatically"),
        (subscribe(api, trial_period_days=3), "trialing"),
        (paused, "paused"),
        (gone, "canceled"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words):
            api.v1.subscriptions.pause(sub.id)
    with pytest.raises(stripe.InvalidRequestError, match="`paused` can be resumed"):
        api.v1.subscriptions.resume(subscribe(api).id)


def test_resuming_waits_for_the_invoice_to_be_paid() -> None:
    """By default nobody is charged: it stays paused with a pending update until somebody pays, then runs anew."""
    world = small_world()
    api, sub = _paused(world)
    world.advance_to(BACK)
    before = len(world.ledger.charges)
    waiting = api.v1.subscriptions.resume(sub.id)
    assert (waiting.status, waiting.pending_update.billing_cycle_anchor) == ("paused", BACK)
    assert waiting.pending_update.expires_at == BACK + 23 * 3600
    bill = api.v1.invoices.retrieve(waiting.latest_invoice)
    assert (bill.status, bill.total, [line.amount for line in bill.lines.data]) == ("open", 1500, [-1500, 3000])
    assert len(world.ledger.charges) == before
    with pytest.raises(stripe.InvalidRequestError, match="being resumed already"):
        api.v1.subscriptions.resume(sub.id)
    world.advance_to(BACK + 3600)
    api.v1.invoices.pay(bill.id)
    running = again(api, sub)
    assert (running.status, running.status_details, running.pending_update) == ("active", None, None)
    end = add_interval(BACK, "month", 1)
    assert (running.billing_cycle_anchor, running["items"].data[0].current_period_end) == (BACK, end)
    assert types(world, sub)[-2:] == [UPDATED, "customer.subscription.resumed"]
    world.advance_to(end + DAY)
    assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).total == 3000


def test_a_resumption_that_fails_is_past_due_and_one_on_success_stays_paused() -> None:
    """The first try decides by default; on success only a payment does, and it is tried within the request."""
    for how, status in (({}, "past_due"), (SUCCESS, "paused")):
        world = small_world()
        api, sub = _paused(world)
        put_in(api, sub.customer, DECLINED)
        waiting = api.v1.subscriptions.resume(sub.id, how)
        if not how:
            with pytest.raises(stripe.CardError):
                api.v1.invoices.pay(waiting.latest_invoice)
        assert again(api, sub).status == status
        put_in(api, sub.customer)
        api.v1.invoices.pay(waiting.latest_invoice)
        assert again(api, sub).status == "active"


def test_a_resumption_on_success_charges_at_once() -> None:
    """A good card, and it runs; without any card it is refused."""
    world = small_world()
    api, sub = _paused(world)
    api.v1.customers.update(sub.customer, {"invoice_settings": {"default_payment_method": ""}})
    with pytest.raises(stripe.InvalidRequestError, match="no attached payment source"):
        api.v1.subscriptions.resume(sub.id, SUCCESS)
    put_in(api, sub.customer)
    running = api.v1.subscriptions.resume(sub.id, SUCCESS)
    assert (running.status, api.v1.invoices.retrieve(running.latest_invoice).status) == ("active", "paid")


def test_a_resumption_nobody_pays_is_void_after_23_hours() -> None:
    """The subscription stays paused and can be resumed again; a void by hand does the same."""
    world = small_world()
    api, sub = _paused(world)
    first = api.v1.subscriptions.resume(sub.id).latest_invoice
    world.advance_to(HALF + 23 * 3600)
    assert api.v1.invoices.retrieve(first).status == "void"
    left = again(api, sub)
    assert (left.status, left.pending_update) == ("paused", None)
    second = api.v1.subscriptions.resume(sub.id).latest_invoice
    api.v1.invoices.void_invoice(second)
    assert again(api, sub).status == "paused"
    third = api.v1.subscriptions.resume(sub.id).latest_invoice
    api.v1.invoices.mark_uncollectible(third)
    assert again(api, sub).status == "active"


def test_resuming_in_the_old_rhythm() -> None:
    """With the anchor unchanged it is active at once; the rest of the period waits, is invoiced, or costs nothing."""
    for behavior, waiting in (("create_prorations", 1), ("none", 0), ("always_invoice", 0)):
        world = small_world()
        api, sub = _paused(world, bill_for={"unused_time_from": {"type": "none"}})
        world.advance_to(BACK)
        how = {"billing_cycle_anchor": {"type": "unchanged"}, "proration_behavior": behavior}
        running = api.v1.subscriptions.resume(sub.id, how)
        assert len(pending(api, sub)) == waiting
        if behavior == "always_invoice":
            assert running.status == "paused"
            api.v1.invoices.pay(running.latest_invoice)
        running = again(api, sub)
        assert (running.status, running.billing_cycle_anchor) == ("active", START)
        item = running["items"].data[0]
        assert (item.current_period_start, item.current_period_end) == (BACK, add_interval(START, "month", 3))
        world.advance_to(item.current_period_end + DAY)
        assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).lines.data[-1].amount == 3000


def test_a_paused_subscription_can_be_cancelled_and_is_not_touched_by_its_invoices() -> None:
    """An older open invoice that is paid or fails leaves it paused; DELETE and a date end it."""
    world = small_world()
    api = client(world)
    sub, dated = subscribe(api), subscribe(api)
    put_in(api, sub.customer, DECLINED)
    world.advance_to(START + LENGTH + DAY)
    assert again(api, sub).status == "past_due"
    open_one = again(api, sub).latest_invoice
    for each in (sub, dated):
        api.v1.subscriptions.pause(each.id, {"bill_for": {"unused_time_from": {"type": "none"}}})
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(open_one)
    put_in(api, sub.customer)
    api.v1.invoices.pay(open_one)
    assert again(api, sub).status == "paused"
    assert api.v1.subscriptions.cancel(sub.id).status == "canceled"
    api.v1.subscriptions.update(dated.id, {"cancel_at": world.now + DAY})
    world.advance_to(world.now + DAY)
    assert again(api, dated).status == "canceled"


@pytest.mark.parametrize(
    ("behavior", "status"), [("void", "void"), ("mark_uncollectible", "uncollectible"), ("keep_as_draft", "draft")]
)
def test_a_paused_collection_keeps_the_subscription_running(behavior, status) -> None:
    """Invoices come and are void, written off or drafts; nobody is charged and the status does not change."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    before = len(world.ledger.charges)
    resumes = START + 45 * DAY
    wanted = {"pause_collection": {"behavior": behavior, "resumes_at": resumes}}
    paused = api.v1.subscriptions.update(sub.id, wanted).pause_collection
    assert (paused.behavior, paused.resumes_at) == (behavior, resumes)
    world.advance_to(START + LENGTH + DAY)
    made = api.v1.invoices.retrieve(again(api, sub).latest_invoice)
    assert (made.status, again(api, sub).status) == (status, "active")
    assert [row for row in world.ledger.charges[before:] if row["customer"] == sub.customer] == []
    world.advance_to(resumes)
    assert again(api, sub).pause_collection is None
    assert types(world, sub)[-1] == UPDATED
    world.advance_to(add_interval(START, "month", 2) + DAY)
    assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).status == "paid"


def test_a_paused_collection_is_taken_back_by_an_empty_text() -> None:
    """The next invoice is collected; an instant in the past and an unknown behaviour are refused."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    api.v1.subscriptions.update(sub.id, {"pause_collection": {"behavior": "void"}})
    assert api.v1.subscriptions.update(sub.id, {"pause_collection": ""}).pause_collection is None
    for wanted in ({"behavior": "void", "resumes_at": START}, {"behavior": "stop"}, {"resumes_at": START + DAY}):
        with pytest.raises(stripe.InvalidRequestError):
            api.v1.subscriptions.update(sub.id, {"pause_collection": wanted})
    world.advance_to(START + LENGTH + DAY)
    assert api.v1.invoices.retrieve(again(api, sub).latest_invoice).status == "paid"
