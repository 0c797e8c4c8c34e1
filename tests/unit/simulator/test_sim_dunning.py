"""Stripe's own retry engine: schedules, hard codes, final states, settings changed on the way, mails."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from flexpay_reconcile.simulator import control, control_api, settings
from flexpay_reconcile.simulator.scenario import ScenarioError, build_world
from flexpay_reconcile.simulator.settings import DAY, BillingSettings
from tests.unit.simulator.helpers import HOUR, START, client, document, failed_invoice, small_world

RENEWAL = START + 29 * DAY + 9 * HOUR  # ada's, 30 January 2026, 09:00 UTC
FIRST = RENEWAL + HOUR
ACCOUNT = "acct_1AcmeUS"


def _world(code: str = "insufficient_funds", **billing: Any) -> tuple[Any, Any, str]:
    """A world with these settings in which ada's renewal failed just now: (world, client, invoice id)."""
    world = small_world(billing=billing)
    control.decline(world, "ada", code)
    world.advance_to(FIRST)
    return world, client(world), next(row["id"] for row in control.open_invoices(world))


def _tries(world: Any, invoice: str) -> list[int]:
    """The instants of Stripe's charges for an invoice."""
    return [row["created"] for row in world.ledger.charges if row["invoice"] == invoice]


def _subscription(api: Any, invoice: str) -> Any:
    paid = api.v1.invoices.retrieve(invoice)
    return api.v1.subscriptions.retrieve(paid.parent.subscription_details.subscription)


def _events(api: Any, *types: str) -> list[Any]:
    return api.v1.events.list({"types": list(types), "limit": 100}).data[::-1]


def test_by_default_nothing_is_retried() -> None:
    """An account without billing settings has an empty schedule and leaves everything past due."""
    world, api, invoice = _world()
    assert world.sim.account(ACCOUNT, False).settings == BillingSettings()
    world.advance_to(world.now + 60 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.attempt_count, found.next_payment_attempt, found.status) == (1, None, "open")
    assert _tries(world, invoice) == [FIRST]
    assert world.sim.account(ACCOUNT, False).mails == []


def test_smart_retries_try_eight_times_in_two_weeks_by_themselves() -> None:
    """next_payment_attempt is in invoice.payment_failed, each retry comes at that instant, and no request causes any."""
    world, api, invoice = _world(retries="smart")
    world.advance_to(FIRST + 14 * DAY)
    tries = _tries(world, invoice)
    assert len(tries) == 1 + 8
    assert tries == sorted(tries)
    assert tries[1] > FIRST
    assert tries[-1] <= FIRST + 14 * DAY
    failed = [each for each in _events(api, "invoice.payment_failed") if each.data.object.id == invoice]
    assert [each.data.object.next_payment_attempt for each in failed] == [*tries[1:], None]
    assert [each.data.object.attempt_count for each in failed] == list(range(1, 10))
    assert {each.request.id for each in failed} == {None}
    assert {row["source"] for row in world.ledger.charges if row["invoice"] == invoice} == {"stripe"}
    world.advance_to(world.now + 30 * DAY)
    assert len(_tries(world, invoice)) == 9


@pytest.mark.parametrize(("days", "tries"), [(7, 4), (14, 8), (21, 8), (30, 8), (60, 5)])
def test_smart_retries_keep_to_their_window(days: int, tries: int) -> None:
    """However long the window and however many tries: all of them, in it, at least an hour apart."""
    world, _, invoice = _world(retries="smart", window_days=days, tries=tries)
    world.advance_to(FIRST + days * DAY)
    found = _tries(world, invoice)
    assert len(found) == 1 + tries
    assert min(later - earlier for earlier, later in pairwise(found)) >= HOUR
    assert world.sim.account(ACCOUNT, False).get("invoice", invoice)["next_payment_attempt"] is None


def test_the_instants_of_smart_retries_are_seeded() -> None:
    """The same seed tries at the same instants; another seed at others."""

    def tries(seed: int) -> list[int]:
        world = build_world({**document(billing={"retries": "smart"}), "seed": seed})
        invoice = failed_invoice(world)
        world.advance_to(FIRST + 14 * DAY)
        return _tries(world, invoice)

    assert tries(7) == tries(7)
    assert tries(7) != tries(8)


def test_a_custom_schedule_waits_its_days() -> None:
    """Rules of 3, 5 and 7 days count from the try before; after the last nothing is planned."""
    world, _, invoice = _world(retries="custom", rules=[3, 5, 7])
    world.advance_to(FIRST + 60 * DAY)
    assert _tries(world, invoice) == [FIRST, FIRST + 3 * DAY, FIRST + 8 * DAY, FIRST + 15 * DAY]


def test_an_automation_plans_in_a_following_update_only() -> None:
    """invoice.payment_failed shows no next attempt; the invoice.updated after it does, with its previous null."""
    world, api, invoice = _world(retries="automation", rules=[3, 5])
    assert _events(api, "invoice.payment_failed")[-1].data.object.next_payment_attempt is None
    assert api.v1.invoices.retrieve(invoice).next_payment_attempt is None
    world.advance_to(FIRST + HOUR)
    update = _events(api, "invoice.updated")[-1]
    assert update.data.object.next_payment_attempt == FIRST + 3 * DAY
    assert update.data.previous_attributes.to_dict() == {"next_payment_attempt": None}
    assert update.request.id is None
    world.advance_to(FIRST + 30 * DAY)
    assert _tries(world, invoice) == [FIRST, FIRST + 3 * DAY, FIRST + 8 * DAY]


def test_success_stops_the_retries() -> None:
    """A retry that is approved pays the invoice, the subscription is active again, and nothing follows."""
    world, api, invoice = _world(retries="custom", rules=[3, 5, 7])
    control.approve(world, "ada")
    world.advance_to(FIRST + 20 * DAY)
    assert _tries(world, invoice) == [FIRST, FIRST + 3 * DAY]
    assert api.v1.invoices.retrieve(invoice).status == "paid"
    assert _subscription(api, invoice).status == "active"


def test_paying_elsewhere_stops_the_retries() -> None:
    """A customer who pays between two retries is not charged again."""
    world, _, invoice = _world(retries="custom", rules=[3, 5, 7])
    control.pay_elsewhere(world, "ada")
    world.advance_to(FIRST + 20 * DAY)
    assert world.ledger.successes_by_invoice()[invoice] == 1
    assert len(_tries(world, invoice)) == 2


def test_auto_advance_false_stops_the_retries() -> None:
    """The surgical switch: the planned attempt is gone, and no final state is applied either."""
    world, api, invoice = _world(retries="smart", subscription="canceled", invoice="uncollectible")
    api.v1.invoices.update(invoice, {"auto_advance": False})
    world.advance_to(FIRST + 30 * DAY)
    assert _tries(world, invoice) == [FIRST]
    assert api.v1.invoices.retrieve(invoice).status == "open"
    assert _subscription(api, invoice).status == "past_due"


def test_auto_advance_true_takes_the_retries_up_again() -> None:
    """What was stopped goes on with the schedule of the settings."""
    world, api, invoice = _world(retries="custom", rules=[3])
    api.v1.invoices.update(invoice, {"auto_advance": False})
    world.advance_to(FIRST + 5 * DAY)
    update = api.v1.invoices.update(invoice, {"auto_advance": True})
    assert update.next_payment_attempt == FIRST + 8 * DAY
    world.advance_to(FIRST + 9 * DAY)
    assert _tries(world, invoice) == [FIRST, FIRST + 8 * DAY]


def test_cancellation_stops_the_retries() -> None:
    """The canceled subscription's open invoice loses auto_advance and its planned attempt."""
    world, api, invoice = _world(retries="smart")
    api.v1.subscriptions.cancel(_subscription(api, invoice).id)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.auto_advance, found.next_payment_attempt) == (False, None)
    world.advance_to(FIRST + 30 * DAY)
    assert _tries(world, invoice) == [FIRST]


def test_our_own_tries_neither_count_nor_move_the_schedule() -> None:
    """A manual pay between two retries leaves attempt_count and next_payment_attempt as they were."""
    world, api, invoice = _world(retries="custom", rules=[3, 5])
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
    world, api, invoice = _world(code, retries="custom", rules=[3, 5, 7])
    world.advance_to(FIRST + 4 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.attempt_count, found.next_payment_attempt) == (2, FIRST + 8 * DAY)
    assert _tries(world, invoice) == [FIRST]
    world.advance_to(FIRST + 30 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.attempt_count, found.next_payment_attempt) == (4, None)
    assert _tries(world, invoice) == [FIRST]


def test_a_risk_block_is_hard_and_other_refusals_are_not() -> None:
    """highest_risk_level stands in the charge's outcome; do_not_honor is retried as any soft code."""
    world = small_world(billing={"retries": "custom", "rules": [3]})
    control.decline(world, "ada", "fraudulent", outcome_type="blocked", outcome_reason="highest_risk_level")
    world.advance_to(FIRST + 10 * DAY)
    assert sum(row["created"] >= FIRST for row in world.ledger.charges if row["status"] == "failed") == 1
    world, _, invoice = _world("do_not_honor", retries="custom", rules=[3])
    world.advance_to(FIRST + 10 * DAY)
    assert len(_tries(world, invoice)) == 2


def test_a_new_card_lets_a_hard_invoice_be_retried() -> None:
    """With another payment method the next scheduled retry is carried out and pays."""
    world, api, invoice = _world("lost_card", retries="custom", rules=[3, 5, 7])
    world.advance_to(FIRST + 4 * DAY)
    control.replace_card(world, "ada", "pm_card_mastercard")
    world.advance_to(FIRST + 8 * DAY)
    assert api.v1.invoices.retrieve(invoice).status == "paid"
    assert _tries(world, invoice) == [FIRST, FIRST + 8 * DAY]


def test_3d_secure_is_not_retried_on_the_same_card() -> None:
    """Who has to authenticate is not charged behind their back: the retry is scheduled and not carried out."""
    world, api, invoice = _world("requires_action", retries="custom", rules=[3, 5])
    asked = len(_events(api, "invoice.payment_action_required"))
    world.advance_to(FIRST + 4 * DAY)
    assert api.v1.invoices.retrieve(invoice).attempt_count == 2
    assert len(_events(api, "invoice.payment_action_required")) == asked


def test_without_a_payment_method_nothing_is_retried() -> None:
    """The customer has no card: no charge, no next attempt."""
    world = small_world(billing={"retries": "smart"})
    api = client(world)
    ada = world.sim.account(ACCOUNT, False).names["ada"]
    api.v1.payment_methods.detach(api.v1.payment_methods.list({"customer": ada}).data[0].id)
    world.advance_to(FIRST + 30 * DAY)
    found = api.v1.invoices.list({"customer": ada, "status": "open"}).data[-1]
    assert (found.attempt_count, found.next_payment_attempt) == (1, None)
    assert _tries(world, found.id) == []


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


def test_the_final_setting_cancels_the_subscription() -> None:
    """After the last try: canceled with reason payment_failed, by Stripe, and the invoice left open without advance."""
    world, api, invoice = _world(retries="custom", rules=[3], subscription="canceled")
    assert _subscription(api, invoice).status == "past_due"
    world.advance_to(FIRST + 3 * DAY)
    subscription = _subscription(api, invoice)
    assert subscription.status == "canceled"
    assert subscription.cancellation_details.reason == "payment_failed"
    deleted = _events(api, "customer.subscription.deleted")[-1]
    assert (deleted.request.id, deleted.created) == (None, FIRST + 3 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.status, found.auto_advance, found.next_payment_attempt) == ("open", False, None)


def test_the_final_setting_marks_the_subscription_unpaid() -> None:
    """Unpaid: previous status past_due, and later invoices stay drafts."""
    world, api, invoice = _world(retries="custom", rules=[3], subscription="unpaid")
    world.advance_to(FIRST + 3 * DAY)
    assert _subscription(api, invoice).status == "unpaid"
    update = _events(api, "customer.subscription.updated")[-1]
    assert update.data.previous_attributes.to_dict() == {"status": "past_due"}
    world.advance_to(FIRST + 45 * DAY)
    latest = api.v1.invoices.retrieve(_subscription(api, invoice).latest_invoice)
    assert (latest.status, latest.auto_advance) == ("draft", False)


def test_the_final_setting_pauses_the_subscription() -> None:
    """Paused with the reason final_payment_failure, told as updated and paused; nothing is billed after that."""
    world, api, invoice = _world(retries="custom", rules=[3], subscription="paused")
    world.advance_to(FIRST + 3 * DAY)
    subscription = _subscription(api, invoice)
    assert subscription.status == "paused"
    paused = subscription.status_details.paused
    assert (paused.type, paused.subscription.type) == ("subscription", "final_payment_failure")
    assert paused.transitioned_at == FIRST + 3 * DAY
    assert [each.data.object.status for each in _events(api, "customer.subscription.paused")] == ["paused"]
    world.advance_to(FIRST + 60 * DAY)
    assert _subscription(api, invoice).latest_invoice == invoice


def test_the_final_setting_marks_the_invoice_uncollectible_and_the_customer_stays_delinquent() -> None:
    """max_payment_attempts says that dunning did it; by the API the customer would be forgiven."""
    world, api, invoice = _world(retries="custom", rules=[3], invoice="uncollectible")
    world.advance_to(FIRST + 3 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert found.status == "uncollectible"
    assert found.status_details.uncollectible.reason == "max_payment_attempts"
    assert found.status_transitions.marked_uncollectible_at == FIRST + 3 * DAY
    assert api.v1.customers.retrieve(found.customer).delinquent is True
    assert _subscription(api, invoice).status == "past_due"
    marked = _events(api, "invoice.marked_uncollectible")[-1]
    assert marked.request.id is None


def test_an_empty_schedule_ends_with_the_first_failure() -> None:
    """No rules and final settings that act: they apply at once."""
    world = small_world(billing={"subscription": "canceled", "invoice": "uncollectible"})
    control.decline(world, "ada", "insufficient_funds")
    world.advance_to(FIRST)
    api = client(world)
    ada = world.sim.account(ACCOUNT, False).names["ada"]
    invoice = api.v1.invoices.list({"customer": ada}).data[0].id
    assert _subscription(api, invoice).status == "canceled"
    assert api.v1.invoices.retrieve(invoice).status == "uncollectible"
    types = [each.type for each in _events(api, "customer.subscription.*", "invoice.marked_uncollectible")]
    assert types[-3:] == [
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.marked_uncollectible",
    ]


def test_changed_settings_affect_only_what_is_planned_later() -> None:
    """The attempt that is scheduled stays; after it the new settings hold."""
    world, api, invoice = _world(retries="custom", rules=[3, 5, 7])
    shown = control_api.post(world, "billing", {"retries": "off", "invoice": "uncollectible"})["billing"]
    assert (shown["retries"], shown["invoice"], shown["rules"]) == ("off", "uncollectible", [3, 5, 7])
    assert api.v1.invoices.retrieve(invoice).next_payment_attempt == FIRST + 3 * DAY
    world.advance_to(FIRST + 30 * DAY)
    assert _tries(world, invoice) == [FIRST, FIRST + 3 * DAY]
    assert api.v1.invoices.retrieve(invoice).status == "uncollectible"


def test_settings_switched_on_later_do_not_touch_old_failures() -> None:
    """An invoice that was left alone stays alone when Smart Retries are switched on."""
    world, _, invoice = _world()
    control_api.post(world, "billing", {"retries": "smart"})
    world.advance_to(FIRST + 25 * DAY)
    assert _tries(world, invoice) == [FIRST]


def test_mails_are_kept_and_leave_no_trace_in_the_api() -> None:
    """One mail a try of Stripe's, none for ours; no event and no field tells of it."""
    quiet, quiet_api, _ = _world(retries="custom", rules=[3])
    world, api, invoice = _world(retries="custom", rules=[3], emails=True)
    for each in (quiet, world):
        each.advance_to(FIRST + 4 * DAY)
    ada = world.sim.account(ACCOUNT, False).names["ada"]
    mails = world.sim.account(ACCOUNT, False).mails
    assert [tuple(mail) for mail in mails] == [
        (FIRST, ada, invoice, "payment_failed"),
        (FIRST + 3 * DAY, ada, invoice, "payment_failed"),
    ]
    shown = control_api.post(world, "mails", {"account": ACCOUNT})["mails"]
    assert shown[0] == {"at": FIRST, "customer": ada, "invoice": invoice, "kind": "payment_failed"}
    both = [[(each.type, each.created) for each in one.v1.events.list({"limit": 100}).data] for one in (api, quiet_api)]
    assert both[0] == both[1]


def test_a_mail_asks_for_authentication() -> None:
    """3D Secure asked for by Stripe's own try is mailed as such."""
    world, _, invoice = _world("requires_action", emails=True)
    assert [(mail.invoice, mail.kind) for mail in world.sim.account(ACCOUNT, False).mails] == [
        (invoice, "action_required")
    ]


def test_a_first_invoice_is_never_retried() -> None:
    """An incomplete subscription is paid on session or expires; Stripe does not retry it."""
    world = small_world(billing={"retries": "smart", "subscription": "canceled"})
    api = client(world)
    customer = api.v1.customers.create({"email": "new@example.com"}).id
    method = api.v1.payment_methods.attach("pm_card_chargeCustomerFail", {"customer": customer}).id
    api.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": method}})
    price = api.v1.prices.list().data[0].id
    made = api.v1.subscriptions.create({"customer": customer, "items": [{"price": price}]})
    assert made.status == "incomplete"
    assert api.v1.invoices.retrieve(made.latest_invoice).next_payment_attempt is None
    world.advance_to(world.now + 2 * DAY)
    assert api.v1.subscriptions.retrieve(made.id).status == "incomplete_expired"
    assert len(_tries(world, made.latest_invoice)) == 1


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"retries": "often"}, "retries"),
        ({"retries": "smart", "tries": 9}, "tries"),
        ({"tries": True}, "tries"),
        ({"window_days": 10}, "window_days"),
        ({"retries": "custom", "rules": [1, 2, 3, 4]}, "rules"),
        ({"retries": "custom", "rules": [0]}, "rules[0]"),
        ({"retries": "custom", "rules": "3"}, "rules"),
        ({"retries": "smart", "rules": [3]}, "rules"),
        ({"subscription": "deleted"}, "subscription"),
        ({"invoice": "void"}, "invoice"),
        ({"emails": "yes"}, "emails"),
        ({"overdue_days": -1}, "overdue_days"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_wrong_setting_is_refused_with_its_field(given: dict[str, Any], field: str) -> None:
    """Reading settings names the field that is wrong, and a scenario its path."""
    with pytest.raises(settings.SettingsError) as caught:
        settings.parse(given)
    assert caught.value.field == field
    with pytest.raises(ScenarioError) as told:
        small_world(billing=given)
    assert told.value.path == f"accounts.{ACCOUNT}.billing.{field}"


def test_settings_that_are_no_table_are_refused() -> None:
    """A list is no settings; a bare `off` of YAML means off."""
    with pytest.raises(ScenarioError, match=r"billing: must be a map"):
        small_world(billing=[1])
    assert settings.parse({"retries": False}).retries == "off"
    assert settings.parse({"retries": "smart", "tries": 4, "window_days": 7, "emails": True}) == BillingSettings(
        retries="smart", tries=4, window_days=7, emails=True
    )


def test_the_control_verb_refuses_what_it_does_not_know() -> None:
    """A wrong word, an unknown account, an unclear account."""
    world = small_world()
    for given, message in (
        ({"retries": "often"}, "retries"),
        ({"account": "acct_nobody"}, "no account"),
        ({"rules": "3,x", "retries": "custom"}, "rules"),
        ({"emails": "perhaps"}, "emails"),
    ):
        with pytest.raises(control.ControlError, match=message):
            control_api.post(world, "billing", given)
    assert control_api.post(world, "billing", {"retries": "custom", "rules": "3, 5,7", "emails": "true"})["billing"][
        "rules"
    ] == [3, 5, 7]
