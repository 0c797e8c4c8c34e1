"""Test clocks: the documented recipe through the SDK, the limits, what waits and what is refused meanwhile."""

from __future__ import annotations

import json

import pytest
import stripe

from flexpay_reconcile.simulator import clocks
from flexpay_reconcile.simulator.happenings import ACTIONS
from flexpay_reconcile.simulator.local_time import add_interval
from flexpay_reconcile.simulator.resources import test_clocks
from tests.unit.simulator.helpers import DAY, HOUR, START, Mailbox, client, small_world

FROZEN = 1_780_000_000
URL = "http://127.0.0.1:8787/webhooks"


class Bench:
    """A world (of ada and ben, as ever) with a test clock and what the recipe needs."""

    def __init__(self, frozen: int = FROZEN) -> None:
        self.world = small_world()
        self.api = client(self.world)
        self.clock = self.api.v1.test_helpers.test_clocks.create({"frozen_time": frozen, "name": "recipe"})
        product = self.api.v1.products.create({"name": "Gold"})
        self.price = self.api.v1.prices.create(
            {"product": product.id, "currency": "usd", "unit_amount": 2900, "recurring": {"interval": "month"}}
        )

    def customer(self, token: str | None = "pm_card_visa"):
        """A customer on the clock, with a default card."""
        made = self.api.v1.customers.create({"name": "Eve", "test_clock": self.clock.id})
        if token is not None:
            self.card(made.id, {"payment_method": token})
        return made

    def card(self, customer: str, given: dict) -> None:
        """Attach a card and make it the default."""
        if "token" in given:
            method = self.api.v1.payment_methods.create({"type": "card", "card": {"token": given["token"]}}).id
        else:
            method = given["payment_method"]
        attached = self.api.v1.payment_methods.attach(method, {"customer": customer})
        self.api.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": attached.id}})

    def subscribe(self, customer: str):
        """A monthly subscription."""
        return self.api.v1.subscriptions.create({"customer": customer, "items": [{"price": self.price.id}]})

    def advance(self, to: int) -> None:
        """Advance the clock and wait until it is ready."""
        answer = self.api.v1.test_helpers.test_clocks.advance(self.clock.id, {"frozen_time": to})
        assert answer.status == "advancing"
        assert answer.status_details.advancing.target_frozen_time == to
        self.world.advance_to(self.world.now + 5)
        done = self.api.v1.test_helpers.test_clocks.retrieve(self.clock.id)
        assert (done.status, done.frozen_time, done.status_details.to_dict()) == ("ready", to, {})

    def newest(self, customer: str):
        """The customer's newest invoice."""
        return self.api.v1.invoices.list({"customer": customer, "limit": 1}).data[0]


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


def test_an_advance_goes_two_intervals_at_most() -> None:
    """Two periods of the shortest subscription, two years without one, never back."""
    bench = Bench()
    clocks = bench.api.v1.test_helpers.test_clocks
    for wrong in (FROZEN, FROZEN - 1, add_interval(FROZEN, "year", 2) + 1):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            clocks.advance(bench.clock.id, {"frozen_time": wrong})
        assert caught.value.param == "frozen_time"
    bench.subscribe(bench.customer().id)
    two = add_interval(FROZEN, "month", 2)
    with pytest.raises(stripe.InvalidRequestError, match="two intervals"):
        clocks.advance(bench.clock.id, {"frozen_time": two + 1})
    bench.advance(two)
    bench.advance(add_interval(two, "month", 2))


def test_three_customers_and_three_subscriptions_each() -> None:
    """A fourth customer on a clock, and a fourth living subscription of one, are refused; cancelling makes room."""
    bench = Bench()
    eve, _, _ = (bench.customer() for _ in range(3))
    with pytest.raises(stripe.InvalidRequestError, match="at most 3 customers"):
        bench.customer()
    first, _, _ = (bench.subscribe(eve.id) for _ in range(3))
    with pytest.raises(stripe.InvalidRequestError, match="at most 3 subscriptions"):
        bench.subscribe(eve.id)
    bench.api.v1.subscriptions.cancel(first.id)
    bench.subscribe(eve.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such test_clock"):
        bench.api.v1.customers.create({"test_clock": "clock_none"})


def test_deleting_a_clock_takes_everything_with_it() -> None:
    """Subscriptions end, customers are deleted, nothing of them can be read, and nothing more happens."""
    bench = Bench()
    api, world = bench.api, bench.world
    eve = bench.customer()
    subscription = bench.subscribe(eve.id)
    invoice = bench.newest(eve.id)
    assert api.v1.test_helpers.test_clocks.delete(bench.clock.id).deleted is True
    types = [event.type for event in api.v1.events.list({"limit": 4}).data]
    assert types == ["test_helpers.test_clock.deleted", "customer.deleted", "customer.subscription.deleted", types[3]]
    for ask in (
        lambda: api.v1.test_helpers.test_clocks.retrieve(bench.clock.id),
        lambda: api.v1.customers.retrieve(eve.id),
        lambda: api.v1.subscriptions.retrieve(subscription.id),
        lambda: api.v1.invoices.retrieve(invoice.id),
        lambda: api.v1.invoices.list({"customer": eve.id}),
    ):
        with pytest.raises(stripe.InvalidRequestError, match="No such"):
            ask()
    assert {row.customer for row in api.v1.charges.list({"limit": 100}).data} & {eve.id} == set()
    assert len(api.v1.customers.list({}).data) == 2
    world.advance_to(world.now + 90 * DAY)
    assert api.v1.events.list({"type": "customer.subscription.deleted"}).data == []


def test_a_clock_is_deleted_by_itself_after_thirty_days() -> None:
    """`deletes_after` comes true, with its customers, counted in the world's time."""
    bench = Bench()
    eve = bench.customer()
    assert bench.clock.deletes_after == bench.clock.created + 30 * DAY == START + 30 * DAY
    bench.world.advance_to(START + 30 * DAY - 1)
    assert bench.api.v1.customers.retrieve(eve.id).test_clock == bench.clock.id
    bench.world.advance_to(START + 30 * DAY)
    with pytest.raises(stripe.InvalidRequestError, match="No such test_clock"):
        bench.api.v1.test_helpers.test_clocks.retrieve(bench.clock.id)
    with pytest.raises(stripe.InvalidRequestError, match="No such customer"):
        bench.api.v1.customers.retrieve(eve.id)


def test_a_clock_may_be_deleted_by_time_while_it_advances() -> None:
    """The advance that was under way ends in nothing."""
    bench = Bench()
    bench.subscribe(bench.customer().id)
    bench.world.advance_to(START + 30 * DAY - 1)
    bench.api.v1.test_helpers.test_clocks.advance(bench.clock.id, {"frozen_time": FROZEN + DAY})
    bench.world.advance_to(START + 31 * DAY)
    assert bench.api.v1.test_helpers.test_clocks.list({}).data == []


def test_an_existing_customer_can_be_put_on_a_new_clock() -> None:
    """Ada, her subscription and its next renewal leave the world's time for the clock's."""
    world = small_world()
    api = client(world)
    ada = api.v1.customers.list({"email": "ada@example.com"}).data[0]
    clock = api.v1.test_helpers.test_clocks.create({"frozen_time": START, "customer": ada.id})
    subscription = api.v1.subscriptions.list({"customer": ada.id}).data[0]
    assert (api.v1.customers.retrieve(ada.id).test_clock, subscription.test_clock) == (clock.id, clock.id)
    world.advance_to(START + 29 * DAY + 10 * HOUR)
    end = subscription["items"].data[0].current_period_end
    assert end == START + 29 * DAY + 9 * HOUR
    api.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": end})
    world.advance_to(world.now + 5)
    assert api.v1.subscriptions.retrieve(subscription.id)["items"].data[0].current_period_end > end
    with pytest.raises(stripe.InvalidRequestError, match="already"):
        api.v1.test_helpers.test_clocks.create({"frozen_time": START, "customer": ada.id})


def test_what_a_clock_may_be() -> None:
    """Test mode only, a time that is one, a name that is not too long, and a key that may."""
    api = client(small_world(livemode=True))
    with pytest.raises(stripe.InvalidRequestError, match="test mode"):
        api.v1.test_helpers.test_clocks.create({"frozen_time": FROZEN})
    api = client(small_world())
    for wrong, param in (({"frozen_time": 1}, "frozen_time"), ({"frozen_time": FROZEN, "name": "x" * 301}, "name")):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.v1.test_helpers.test_clocks.create(wrong)
        assert caught.value.param == param
    with pytest.raises(stripe.PermissionError, match="rak_billing_clock_write"):
        client(small_world(), "PRIMARY").v1.test_helpers.test_clocks.create({"frozen_time": FROZEN})


def test_bank_debits_wait_for_the_end_of_an_advance() -> None:
    """What belongs to a debit on its way happens a minute after the clock is ready, in the clock's time."""
    bench = Bench()
    account = bench.world.sim.accounts["acct_1AcmeUS", False]
    account.payments.debits["ch_debit"] = True
    eve = bench.customer()
    subscription = bench.subscribe(eve.id)
    end = subscription["items"].data[0].current_period_end
    agenda = account.clocks[bench.clock.id].agenda
    happened: list[tuple[int, int]] = []
    actions = {**ACTIONS, "debit": lambda sim, account, subject: happened.append((sim.now, sim.wall))}
    agenda.add(end - DAY, "debit", account.key, "ch_debit")
    clocks.run(bench.world.sim, account, bench.clock.id, end, actions)
    assert happened == []
    assert bench.newest(eve.id).created == end
    test_clocks.collect_debits(bench.world.sim, account, bench.clock.id, actions)
    assert happened == [(end, bench.world.now)]
    bench.advance(end + HOUR)
    bench.world.advance_to(bench.world.now + 60)
    assert bench.newest(eve.id).status == "paid"
