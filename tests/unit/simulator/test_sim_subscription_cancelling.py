"""Ending a subscription: at an instant, with its period, at once; taken back; what is given back for time not used."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.local_time import add_interval
from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.subscribing import again, pending, price, subscribe, types

CLASSIC: dict[str, Any] = {"billing_mode": {"type": "classic"}}


def _end(sub, number=0):
    return sub["items"].data[number].current_period_end


def test_cancel_at_ends_at_that_instant_and_says_so_before() -> None:
    """The date is reported as an update, the end as a deletion at that very second."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    at = START + 10 * DAY + 5
    marked = api.v1.subscriptions.update(sub.id, {"cancel_at": at, "proration_behavior": "none"})
    assert (marked.status, marked.cancel_at, marked.canceled_at) == ("active", at, START)
    assert marked.cancellation_details.reason == "cancellation_requested"
    assert marked.cancel_at_period_end is False
    world.advance_to(at - 1)
    assert again(api, sub).status == "active"
    world.advance_to(at)
    gone = again(api, sub)
    assert (gone.status, gone.ended_at) == ("canceled", at)
    assert types(world, sub)[-2:] == ["customer.subscription.updated", "customer.subscription.deleted"]
    world.advance_to(START + 90 * DAY)
    assert len(api.v1.invoices.list({"subscription": sub.id}).data) == 1


def test_a_date_within_the_period_gives_back_the_rest_unless_told_not_to() -> None:
    """The credit is the share of the seconds taken away; with proration_behavior none there is none."""
    api = client(small_world())
    for behavior, expected in ((None, [-1500]), ("create_prorations", [-1500]), ("none", [])):
        sub = subscribe(api)
        end = _end(sub)
        at = START + (end - START) // 2
        how = {} if behavior is None else {"proration_behavior": behavior}
        marked = api.v1.subscriptions.update(sub.id, {"cancel_at": at, **how})
        assert pending(api, sub) == expected
        assert _end(marked) == at


def test_always_invoice_turns_the_credit_of_a_date_into_balance() -> None:
    """The credit is invoiced at once: nothing is due, the customer's balance holds it."""
    api = client(small_world())
    sub = subscribe(api)
    at = START + (_end(sub) - START) // 2
    api.v1.subscriptions.update(sub.id, {"cancel_at": at, "proration_behavior": "always_invoice"})
    assert pending(api, sub) == []
    assert api.v1.customers.retrieve(sub.customer).balance == -1500
    made = api.v1.invoices.retrieve(again(api, sub).latest_invoice)
    assert (made.total, made.amount_due, made.status, made.ending_balance) == (-1500, 0, "paid", -1500)


def test_a_date_in_a_future_period_always_bills_that_period_by_its_share() -> None:
    """Even without prorations the last period is cut short and costs its share only."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    renewal = _end(sub)
    length = add_interval(START, "month", 2) - renewal
    at = renewal + length // 4
    marked = api.v1.subscriptions.update(sub.id, {"cancel_at": at, "proration_behavior": "none"})
    assert _end(marked) == renewal
    world.advance_to(renewal + DAY)
    assert _end(again(api, sub)) == at
    last = api.v1.invoices.retrieve(again(api, sub).latest_invoice)
    assert (last.amount_due, last.status) == (750, "paid")
    world.advance_to(at)
    assert again(api, sub).status == "canceled"


def test_taking_a_date_back_lets_the_subscription_go_on() -> None:
    """The period is whole again, what was given back is asked for again, and the renewal comes."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    end = _end(sub)
    at = START + (end - START) // 2
    api.v1.subscriptions.update(sub.id, {"cancel_at": at})
    back = api.v1.subscriptions.update(sub.id, {"cancel_at": ""})
    assert (back.cancel_at, back.canceled_at, back.cancellation_details.reason) == (None, None, None)
    assert (_end(back), pending(api, sub)) == (end, [-1500, 1500])
    world.advance_to(end + DAY)
    went_on = again(api, sub)
    assert went_on.status == "active"
    assert api.v1.invoices.retrieve(went_on.latest_invoice).total == 3000


def test_a_date_can_be_moved() -> None:
    """Only the last date counts."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    for days in (5, 9):
        api.v1.subscriptions.update(sub.id, {"cancel_at": START + days * DAY, "proration_behavior": "none"})
    world.advance_to(START + 8 * DAY)
    assert again(api, sub).status == "active"
    world.advance_to(START + 9 * DAY)
    assert again(api, sub).status == "canceled"


def test_classic_resets_the_anchor_when_the_date_moves_before_the_renewal_and_flexible_never() -> None:
    """The hazard of the classic mode: taken back, the next renewal comes a month after the reset."""
    world = small_world()
    api = client(world)
    for more, anchor in ((CLASSIC, START + 3 * DAY), ({}, START)):
        world = small_world()
        api = client(world)
        sub = subscribe(api, **more)
        world.advance_to(START + 3 * DAY)
        none = {"proration_behavior": "none"}
        marked = api.v1.subscriptions.update(sub.id, {"cancel_at": START + 10 * DAY, **none})
        assert marked.billing_cycle_anchor == anchor
        back = api.v1.subscriptions.update(sub.id, {"cancel_at": "", **none})
        assert _end(back) == add_interval(anchor, "month", 1)
        later = subscribe(api, **more)
        kept = api.v1.subscriptions.update(later.id, {"cancel_at": START + 200 * DAY})
        assert kept.billing_cycle_anchor == later.billing_cycle_anchor


def test_the_ends_of_periods_can_be_named_in_the_flexible_mode() -> None:
    """With mixed intervals the earliest and the latest end differ; classic knows neither word."""
    api = client(small_world())
    sub = subscribe(api, price(api), price(api, 30000, "year"))
    ends = sorted(item.current_period_end for item in sub["items"].data)
    for word, expected in (("min_period_end", ends[0]), ("max_period_end", ends[1])):
        assert api.v1.subscriptions.update(sub.id, {"cancel_at": word}).cancel_at == expected
    with pytest.raises(stripe.InvalidRequestError, match="flexible"):
        api.v1.subscriptions.update(subscribe(api, **CLASSIC).id, {"cancel_at": "min_period_end"})


def test_impossible_dates_are_refused() -> None:
    """The past, nonsense, and two ways of ending at once."""
    api = client(small_world())
    sub = subscribe(api)
    for wanted, words in (
        ({"cancel_at": START}, "future"),
        ({"cancel_at": "soon"}, "Invalid integer"),
        ({"cancel_at": START + DAY, "cancel_at_period_end": True}, "only specify one"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words) as caught:
            api.v1.subscriptions.update(sub.id, wanted)
        assert caught.value.param == "cancel_at"
    assert again(api, sub).cancel_at is None


def test_a_date_at_creation_cuts_the_first_period_short() -> None:
    """Its share is billed; the flexible mode bills the whole of it when prorations are off."""
    world = small_world()
    api = client(world)
    length = add_interval(START, "month", 1) - START
    at = START + length // 2
    for more, due in (
        ({}, 1500),
        ({"proration_behavior": "none"}, 3000),
        ({"proration_behavior": "none", **CLASSIC}, 1500),
    ):
        sub = subscribe(api, cancel_at=at, **more)
        assert api.v1.invoices.retrieve(sub.latest_invoice).amount_due == due
        assert (sub.cancel_at, _end(sub), sub.billing_cycle_anchor) == (at, at, START)
    world.advance_to(at)
    assert again(api, sub).status == "canceled"


def test_cancelling_at_the_periods_end_of_mixed_intervals_takes_the_earliest() -> None:
    """`cancel_at_period_end` resolves to the earliest end, at creation too."""
    world = small_world()
    api = client(world)
    sub = subscribe(api, price(api, 30000, "year"), price(api), cancel_at_period_end=True)
    assert sub.cancel_at == min(item.current_period_end for item in sub["items"].data)
    world.advance_to(sub.cancel_at)
    assert again(api, sub).status == "canceled"


def test_a_cancellation_keeps_what_was_said_about_it() -> None:
    """Comment and feedback by update and by DELETE, cleared by an empty text; other words are refused."""
    api = client(small_world())
    sub = subscribe(api)
    said = {"comment": "bye", "feedback": "too_expensive"}
    told = api.v1.subscriptions.update(sub.id, {"cancellation_details": said}).cancellation_details
    assert (told.comment, told.feedback, told.reason) == ("bye", "too_expensive", None)
    gone = api.v1.subscriptions.cancel(sub.id, {"cancellation_details": {"feedback": "unused"}}).cancellation_details
    assert (gone.comment, gone.feedback, gone.reason) == ("bye", "unused", "cancellation_requested")
    cleared = api.v1.subscriptions.update(sub.id, {"cancellation_details": {"comment": "", "feedback": ""}})
    assert (cleared.cancellation_details.comment, cleared.cancellation_details.feedback) == (None, None)
    with pytest.raises(stripe.InvalidRequestError, match="must be one of"):
        api.v1.subscriptions.update(sub.id, {"cancellation_details": {"feedback": "bored"}})


def test_what_is_over_refuses_changes_with_its_code() -> None:
    """The code of the endive version, for each way of changing or ending it again."""
    api = client(small_world())
    sub = subscribe(api)
    api.v1.subscriptions.cancel(sub.id)
    flexible = {"billing_mode": {"type": "flexible"}}
    for ask in (
        lambda: api.v1.subscriptions.update(sub.id, {"cancel_at": START + DAY}),
        lambda: api.v1.subscriptions.update(sub.id, {"pause_collection": {"behavior": "void"}}),
        lambda: api.v1.subscriptions.migrate(sub.id, flexible),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="can only update its cancellation_details") as caught:
            ask()
        assert (caught.value.http_status, caught.value.code) == (400, "invalid_canceled_subscription_fields")
    assert again(api, sub).status == "canceled"


def test_deleting_drops_waiting_prorations_unless_they_are_asked_for() -> None:
    """Neither prorated nor invoiced, they are gone; prorated they wait on; invoiced they are billed."""
    for how, left in (({}, 0), ({"prorate": True}, 3), ({"invoice_now": True}, 0)):
        world = small_world()
        api = client(world)
        sub = subscribe(api)
        world.advance_to(START + 5 * DAY)
        item = sub["items"].data[0].id
        api.v1.subscriptions.update(sub.id, {"items": [{"id": item, "quantity": 3}]})
        assert len(pending(api, sub)) == 2
        before = len(world.ledger.charges)
        api.v1.subscriptions.cancel(sub.id, how)
        assert len(pending(api, sub)) == left
        assert len(world.ledger.charges) == before
        deleted = api.v1.events.list({"type": "invoiceitem.deleted"}).data
        assert len(deleted) == (2 if how == {} else 0)


def test_nothing_is_given_back_for_a_trial() -> None:
    """A trial was free, so a prorated cancellation credits nothing."""
    api = client(small_world())
    sub = subscribe(api, trial_period_days=10)
    api.v1.subscriptions.cancel(sub.id, {"prorate": True})
    assert pending(api, sub) == []
