"""Test clocks: the documented recipe through the SDK, the limits, what waits and what is refused meanwhile."""

from __future__ import annotations

import json

import pytest
import stripe

from flexpay_reconcile.simulator.local_time import add_interval
from tests.unit.simulator.clock_bench import FROZEN, URL, Bench
from tests.unit.simulator.helpers import DAY, HOUR, START, Mailbox


def test_the_recipe_for_validating_an_integration() -> None:
    """Approved, refunded, softly refused, refused for good: the documented steps, in a clock's time, with webhooks."""
    bench = Bench()
    api, world = bench.api, bench.world
    api.v1.webhook_endpoints.create({"url": URL, "enabled_events": ["*"]})
    box = Mailbox(world)
    eve = bench.customer()
    subscription = bench.subscribe(eve.id)
    paid = bench.newest(eve.id)
    assert (subscription.status, paid.status, paid.created, paid.test_clock) == (
        "active",
        "paid",
        FROZEN,
        bench.clock.id,
    )
    charge = api.v1.charges.list({"customer": eve.id}).data[0]
    assert (charge.created, api.v1.refunds.create({"charge": charge.id}).created) == (FROZEN, FROZEN)
    world.advance_to(world.now)
    assert {"invoice.paid", "charge.refunded", "refund.created"} <= set(box.types())

    for token, code in (
        ("tok_chargeCustomerFail", "card_declined"),
        ("tok_visa_chargeCustomerFailLostCard", "lost_card"),
    ):
        box.got.clear()
        bench.card(eve.id, {"token": token})
        end = api.v1.subscriptions.retrieve(subscription.id)["items"].data[0].current_period_end
        bench.advance(end)
        assert (bench.newest(eve.id).status, bench.newest(eve.id).created) == ("draft", end)
        bench.advance(end + HOUR)
        failed = bench.newest(eve.id)
        assert (failed.status, failed.attempt_count, failed.next_payment_attempt) == ("open", 1, None)
        refused = api.v1.charges.list({"customer": eve.id, "limit": 1}).data[0]
        assert code in (refused.failure_code, refused.outcome.reason)
        assert refused.created == end + HOUR
        assert api.v1.subscriptions.retrieve(subscription.id).status == "past_due"
        assert {"invoice.created", "invoice.finalized", "charge.failed", "invoice.payment_failed"} <= set(box.types())
    clocks = [kind for kind in box.types() if kind.startswith("test_helpers.")]
    assert clocks == ["test_helpers.test_clock.advancing", "test_helpers.test_clock.ready"] * 2
    bench.card(eve.id, {"payment_method": "pm_card_visa"})
    again = api.v1.invoices.pay(failed.id)
    assert (again.status, again.status_transitions.paid_at) == ("paid", failed.created + HOUR)


def test_the_world_goes_its_own_way() -> None:
    """Ben renews by the world's clock, Eve by hers; events and deliveries bear the world's time."""
    bench = Bench()
    api, world = bench.api, bench.world
    api.v1.webhook_endpoints.create({"url": URL, "enabled_events": ["invoice.created"]})
    eve = bench.customer()
    bench.subscribe(eve.id)
    box = Mailbox(world)
    world.advance_to(START + 11 * DAY)
    assert box.types() == ["invoice.created"] * 2  # her first, and his renewal
    assert len(api.v1.invoices.list({"customer": eve.id}).data) == 1
    before = api.v1.test_helpers.test_clocks.retrieve(bench.clock.id).frozen_time
    assert before == FROZEN
    box.got.clear()
    bench.advance(add_interval(FROZEN, "month", 2))
    for _, headers, body in box.got:
        event = json.loads(body)
        assert event["created"] == int(headers["Simulator-Clock"]) == int(headers["Stripe-Signature"][2:12])
        assert event["data"]["object"]["created"] > event["created"]
    assert len(box.got) == 2
    assert len(api.v1.invoices.list({"customer": eve.id}).data) == 3


def test_nothing_of_the_clock_can_be_changed_while_it_advances() -> None:
    """Webhooks go out meanwhile, reads work, changes are answered 429; other customers are free."""
    bench = Bench()
    api, world = bench.api, bench.world
    eve, clocks = bench.customer(), bench.api.v1.test_helpers.test_clocks
    subscription = bench.subscribe(eve.id)
    api.v1.webhook_endpoints.create({"url": URL, "enabled_events": ["invoice.created"]})
    seen: list[tuple[str, str]] = []

    def deliver(url: str, headers: dict[str, str], body: bytes) -> int:
        invoice = json.loads(body)["data"]["object"]["id"]
        seen.append((api.v1.invoices.retrieve(invoice).status, clocks.retrieve(bench.clock.id).status))
        with pytest.raises(stripe.RateLimitError, match="advancement underway"):
            api.v1.invoices.update(invoice, {"metadata": {"a": "1"}})
        return 200

    world.deliver = deliver
    end = subscription["items"].data[0].current_period_end
    clocks.advance(bench.clock.id, {"frozen_time": end})
    for change in (
        lambda: clocks.advance(bench.clock.id, {"frozen_time": end + 1}),
        lambda: clocks.delete(bench.clock.id),
        lambda: api.v1.subscriptions.update(subscription.id, {"metadata": {"a": "1"}}),
        lambda: api.v1.subscriptions.cancel(subscription.id),
        lambda: api.v1.payment_methods.attach("pm_card_visa", {"customer": eve.id}),
        lambda: api.v1.customers.create({"test_clock": bench.clock.id}),
    ):
        with pytest.raises(stripe.RateLimitError, match="advancement underway"):
            change()
    ada = api.v1.customers.list({"email": "ada@example.com"}).data[0]
    assert api.v1.customers.update(ada.id, {"name": "Ada L."}).name == "Ada L."
    world.advance_to(world.now + 5)
    assert seen == [("draft", "advancing")]
    assert api.v1.subscriptions.update(subscription.id, {"metadata": {"a": "1"}}).metadata.to_dict() == {"a": "1"}


def test_lists_of_everything_omit_what_lives_under_clocks() -> None:
    """Customers, subscriptions, invoices and items of a clock are shown by customer, subscription or clock only."""
    bench = Bench()
    api = bench.api
    eve = bench.customer()
    subscription = bench.subscribe(eve.id)
    for resource in (api.v1.customers, api.v1.subscriptions, api.v1.invoices):
        everything = resource.list({"limit": 100}).data
        assert everything
        assert all(row.test_clock is None for row in everything)
    assert [row.id for row in api.v1.customers.list({"test_clock": bench.clock.id}).data] == [eve.id]
    assert [row.id for row in api.v1.subscriptions.list({"test_clock": bench.clock.id}).data] == [subscription.id]
    assert [row.id for row in api.v1.subscriptions.list({"customer": eve.id}).data] == [subscription.id]
    assert [row.customer for row in api.v1.invoices.list({"subscription": subscription.id}).data] == [eve.id]
    other = api.v1.test_helpers.test_clocks.create({"frozen_time": FROZEN})
    assert api.v1.customers.list({"test_clock": other.id}).data == []
    assert [row.id for row in api.v1.test_helpers.test_clocks.list({}).data] == [other.id, bench.clock.id]
    with pytest.raises(stripe.InvalidRequestError, match="No such test_clock"):
        api.v1.customers.list({"test_clock": "clock_none"})
    shown = api.v1.customers.retrieve(eve.id, {"expand": ["test_clock"]})
    assert shown.test_clock.frozen_time == FROZEN
