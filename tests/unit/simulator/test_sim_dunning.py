"""Stripe's own retry engine: schedules, hard codes, what stops it."""

from __future__ import annotations

from itertools import pairwise

import pytest
import stripe

from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.scenario.scenario import build_world
from flexpay_reconcile.simulator.settings import DAY, BillingSettings
from tests.unit.simulator.dunned import ACCOUNT, FIRST, events_of, subscription_of, tries_of, world_of
from tests.unit.simulator.helpers import HOUR, client, document, failed_invoice, small_world
from tests.unit.simulator.test_sim_invoice_life import oneoff


def test_by_default_nothing_is_retried() -> None:
    """An account without billing settings has an empty schedule and leaves everything past due."""
    world, api, invoice = world_of()
    assert world.sim.account(ACCOUNT, False).settings == BillingSettings()
    world.advance_to(world.now + 60 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.attempt_count, found.next_payment_attempt, found.status) == (1, None, "open")
    assert tries_of(world, invoice) == [FIRST]
    assert world.sim.account(ACCOUNT, False).mails == []


def test_smart_retries_try_eight_times_in_two_weeks_by_themselves() -> None:
    """next_payment_attempt is in invoice.payment_failed, each retry comes at that instant, and no request causes any."""
    world, api, invoice = world_of(retries="smart")
    world.advance_to(FIRST + 14 * DAY)
    tries = tries_of(world, invoice)
    assert len(tries) == 1 + 8
    assert tries == sorted(tries)
    assert tries[1] > FIRST
    assert tries[-1] <= FIRST + 14 * DAY
    failed = [each for each in events_of(api, "invoice.payment_failed") if each.data.object.id == invoice]
    assert [each.data.object.next_payment_attempt for each in failed] == [*tries[1:], None]
    assert [each.data.object.attempt_count for each in failed] == list(range(1, 10))
    assert {each.request.id for each in failed} == {None}
    assert {row["source"] for row in world.ledger.charges if row["invoice"] == invoice} == {"stripe"}
    world.advance_to(world.now + 30 * DAY)
    assert len(tries_of(world, invoice)) == 9


@pytest.mark.parametrize(("days", "tries"), [(7, 4), (14, 8), (21, 8), (30, 8), (60, 5)])
def test_smart_retries_keep_to_their_window(days: int, tries: int) -> None:
    """However long the window and however many tries: all of them, in it, at least an hour apart."""
    world, _, invoice = world_of(retries="smart", window_days=days, tries=tries)
    world.advance_to(FIRST + days * DAY)
    found = tries_of(world, invoice)
    assert len(found) == 1 + tries
    assert min(later - earlier for earlier, later in pairwise(found)) >= HOUR
    assert world.sim.account(ACCOUNT, False).get("invoice", invoice)["next_payment_attempt"] is None


def test_the_instants_of_smart_retries_are_seeded() -> None:
    """The same seed tries at the same instants; another seed at others."""

    def tries(seed: int) -> list[int]:
        world = build_world({**document(billing={"retries": "smart"}), "seed": seed})
        invoice = failed_invoice(world)
        world.advance_to(FIRST + 14 * DAY)
        return tries_of(world, invoice)

    assert tries(7) == tries(7)
    assert tries(7) != tries(8)


def test_a_custom_schedule_waits_its_days() -> None:
    """Rules of 3, 5 and 7 days count from the try before; after the last nothing is planned."""
    world, _, invoice = world_of(retries="custom", rules=[3, 5, 7])
    world.advance_to(FIRST + 60 * DAY)
    assert tries_of(world, invoice) == [FIRST, FIRST + 3 * DAY, FIRST + 8 * DAY, FIRST + 15 * DAY]


def test_an_automation_plans_in_a_following_update_only() -> None:
    """invoice.payment_failed shows no next attempt; the invoice.updated after it does, with its previous null."""
    world, api, invoice = world_of(retries="automation", rules=[3, 5])
    assert events_of(api, "invoice.payment_failed")[-1].data.object.next_payment_attempt is None
    assert api.v1.invoices.retrieve(invoice).next_payment_attempt is None
    world.advance_to(FIRST + HOUR)
    update = events_of(api, "invoice.updated")[-1]
    assert update.data.object.next_payment_attempt == FIRST + 3 * DAY
    assert update.data.previous_attributes.to_dict() == {"next_payment_attempt": None}
    assert update.request.id is None
    world.advance_to(FIRST + 30 * DAY)
    assert tries_of(world, invoice) == [FIRST, FIRST + 3 * DAY, FIRST + 8 * DAY]


def test_success_stops_the_retries() -> None:
    """A retry that is approved pays the invoice, the subscription is active again, and nothing follows."""
    world, api, invoice = world_of(retries="custom", rules=[3, 5, 7])
    control.approve(world, "ada")
    world.advance_to(FIRST + 20 * DAY)
    assert tries_of(world, invoice) == [FIRST, FIRST + 3 * DAY]
    assert api.v1.invoices.retrieve(invoice).status == "paid"
    assert subscription_of(api, invoice).status == "active"


def test_paying_elsewhere_stops_the_retries() -> None:
    """A customer who pays between two retries is not charged again."""
    world, _, invoice = world_of(retries="custom", rules=[3, 5, 7])
    control.pay_elsewhere(world, "ada")
    world.advance_to(FIRST + 20 * DAY)
    assert world.ledger.successes_by_invoice()[invoice] == 1
    assert len(tries_of(world, invoice)) == 2


def test_auto_advance_false_stops_the_retries() -> None:
    """The surgical switch: the planned attempt is gone, and no final state is applied either."""
    world, api, invoice = world_of(retries="smart", subscription="canceled", invoice="uncollectible")
    api.v1.invoices.update(invoice, {"auto_advance": False})
    world.advance_to(FIRST + 30 * DAY)
    assert tries_of(world, invoice) == [FIRST]
    assert api.v1.invoices.retrieve(invoice).status == "open"
    assert subscription_of(api, invoice).status == "past_due"


def test_auto_advance_true_takes_the_retries_up_again() -> None:
    """What was stopped goes on with the schedule of the settings."""
    world, api, invoice = world_of(retries="custom", rules=[3])
    api.v1.invoices.update(invoice, {"auto_advance": False})
    world.advance_to(FIRST + 5 * DAY)
    update = api.v1.invoices.update(invoice, {"auto_advance": True})
    assert update.next_payment_attempt == FIRST + 8 * DAY
    world.advance_to(FIRST + 9 * DAY)
    assert tries_of(world, invoice) == [FIRST, FIRST + 8 * DAY]


def test_cancellation_stops_the_retries() -> None:
    """The canceled subscription's open invoice loses auto_advance and its planned attempt."""
    world, api, invoice = world_of(retries="smart")
    api.v1.subscriptions.cancel(subscription_of(api, invoice).id)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.auto_advance, found.next_payment_attempt) == (False, None)
    world.advance_to(FIRST + 30 * DAY)
    assert tries_of(world, invoice) == [FIRST]


def test_our_own_tries_neither_count_nor_move_the_schedule() -> None:
    """A manual pay between two retries leaves attempt_count and next_payment_attempt as they were."""
    world, api, invoice = world_of(retries="custom", rules=[3, 5])
    world.advance_to(FIRST + DAY)
    with pytest.raises(Exception, match="insufficient funds"):
        api.v1.invoices.pay(invoice)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.attempt_count, found.next_payment_attempt) == (1, FIRST + 3 * DAY)
    world.advance_to(FIRST + 4 * DAY)
    assert api.v1.invoices.retrieve(invoice).attempt_count == 2


@pytest.mark.parametrize(
    "code",
    [
        "incorrect_number",
        "lost_card",
        "pickup_card",
        "stolen_card",
        "revocation_of_authorization",
        "revocation_of_all_authorizations",
        "authentication_required",
        "transaction_not_allowed",
    ],
)
def test_after_a_hard_code_retries_are_scheduled_but_not_carried_out(code: str) -> None:
    """attempt_count rises and a next attempt is always there, but no Charge is made."""
    world, api, invoice = world_of(code, retries="custom", rules=[3, 5, 7])
    world.advance_to(FIRST + 4 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.attempt_count, found.next_payment_attempt) == (2, FIRST + 8 * DAY)
    assert tries_of(world, invoice) == [FIRST]
    world.advance_to(FIRST + 30 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.attempt_count, found.next_payment_attempt) == (4, None)
    assert tries_of(world, invoice) == [FIRST]


def test_a_risk_block_is_hard_and_other_refusals_are_not() -> None:
    """highest_risk_level stands in the charge's outcome; do_not_honor is retried as any soft code."""
    world = small_world(billing={"retries": "custom", "rules": [3]})
    control.decline(world, "ada", "fraudulent", outcome_type="blocked", outcome_reason="highest_risk_level")
    world.advance_to(FIRST + 10 * DAY)
    assert sum(row["created"] >= FIRST for row in world.ledger.charges if row["status"] == "failed") == 1
    world, _, invoice = world_of("do_not_honor", retries="custom", rules=[3])
    world.advance_to(FIRST + 10 * DAY)
    assert len(tries_of(world, invoice)) == 2


def test_a_new_card_lets_a_hard_invoice_be_retried() -> None:
    """With another payment method the next scheduled retry is carried out and pays."""
    world, api, invoice = world_of("lost_card", retries="custom", rules=[3, 5, 7])
    world.advance_to(FIRST + 4 * DAY)
    control.replace_card(world, "ada", "pm_card_mastercard")
    world.advance_to(FIRST + 8 * DAY)
    assert api.v1.invoices.retrieve(invoice).status == "paid"
    assert tries_of(world, invoice) == [FIRST, FIRST + 8 * DAY]


def test_3d_secure_is_not_retried_on_the_same_card() -> None:
    """Who has to authenticate is not charged behind their back: the retry is scheduled and not carried out."""
    world, api, invoice = world_of("requires_action", retries="custom", rules=[3, 5])
    asked = len(events_of(api, "invoice.payment_action_required"))
    world.advance_to(FIRST + 4 * DAY)
    assert api.v1.invoices.retrieve(invoice).attempt_count == 2
    assert len(events_of(api, "invoice.payment_action_required")) == asked


def test_without_a_payment_method_nothing_is_retried() -> None:
    """The customer has no card: no charge, no next attempt."""
    world = small_world(billing={"retries": "smart"})
    api = client(world)
    ada = world.sim.account(ACCOUNT, False).names["ada"]
    api.v1.payment_methods.detach(api.v1.payment_methods.list({"customer": ada}).data[0].id)
    world.advance_to(FIRST + 30 * DAY)
    found = api.v1.invoices.list({"customer": ada, "status": "open"}).data[-1]
    assert (found.attempt_count, found.next_payment_attempt) == (1, None)
    assert tries_of(world, found.id) == []


def test_a_card_issued_in_india_is_not_retried() -> None:
    """Stripe never retries India-issued cards by itself."""
    world = small_world(billing={"retries": "smart"})
    account = world.sim.account(ACCOUNT, False)
    method = account.table("payment_method").by("customer", account.names["ada"])[0]
    row = account.get("payment_method", method)
    row["card"] = {**row["card"], "country": "IN"}
    control.decline(world, "ada", "insufficient_funds")
    world.advance_to(FIRST + 30 * DAY)
    invoice = control.open_invoices(world)[0]
    assert (invoice["attempt_count"], invoice["next_payment_attempt"]) == (1, None)


def test_a_manual_try_after_the_last_retry_plans_and_ends_nothing() -> None:
    """The schedule is over and left alone: our own decline neither begins a new one nor applies a final state."""
    world, api, invoice = world_of(retries="custom", rules=[3])
    world.advance_to(FIRST + 4 * DAY)
    control_api.post(world, "billing", {"retries": "smart", "subscription": "canceled", "invoice": "uncollectible"})
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice)
    world.advance_to(FIRST + 20 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.status, found.attempt_count, found.next_payment_attempt) == ("open", 2, None)
    assert subscription_of(api, invoice).status == "past_due"


def test_what_does_not_advance_by_itself_is_not_retried() -> None:
    """A one-off invoice without auto_advance, tried by hand first: no schedule, no final state."""
    world = small_world(billing={"retries": "smart", "invoice": "uncollectible"})
    api = client(world)
    control.decline(world, "ada", "insufficient_funds")
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice)
    world.advance_to(world.now + 20 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.status, found.attempt_count, found.next_payment_attempt) == ("open", 1, None)


def test_a_first_try_by_hand_counts_and_leaves_what_is_planned() -> None:
    """Any first try counts as the first: Stripe's own, an hour after the finalisation, is then the second."""
    world = small_world(billing={"retries": "custom", "rules": [3]})
    api = client(world)
    control.decline(world, "ada", "insufficient_funds")
    invoice = oneoff(api, world, auto_advance=True)
    api.v1.invoices.finalize_invoice(invoice)
    start = world.now
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice)
    assert api.v1.invoices.retrieve(invoice).next_payment_attempt == start + HOUR
    world.advance_to(start + 5 * DAY)
    assert tries_of(world, invoice) == [start, start + HOUR]
    assert api.v1.invoices.retrieve(invoice).attempt_count == 2
