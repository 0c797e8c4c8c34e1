"""Stripe's own retry engine: final states, settings changed on the way, mails."""

from __future__ import annotations

from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.settings import DAY
from tests.unit.simulator.dunned import ACCOUNT, FIRST, events_of, subscription_of, tries_of, world_of
from tests.unit.simulator.helpers import client, small_world


def test_the_final_setting_cancels_the_subscription() -> None:
    """After the last try: canceled with reason payment_failed, by Stripe, and the invoice left open without advance."""
    world, api, invoice = world_of(retries="custom", rules=[3], subscription="canceled")
    assert subscription_of(api, invoice).status == "past_due"
    world.advance_to(FIRST + 3 * DAY)
    subscription = subscription_of(api, invoice)
    assert subscription.status == "canceled"
    assert subscription.cancellation_details.reason == "payment_failed"
    deleted = events_of(api, "customer.subscription.deleted")[-1]
    assert (deleted.request.id, deleted.created) == (None, FIRST + 3 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert (found.status, found.auto_advance, found.next_payment_attempt) == ("open", False, None)


def test_the_final_setting_marks_the_subscription_unpaid() -> None:
    """Unpaid: previous status past_due, and later invoices stay drafts."""
    world, api, invoice = world_of(retries="custom", rules=[3], subscription="unpaid")
    world.advance_to(FIRST + 3 * DAY)
    assert subscription_of(api, invoice).status == "unpaid"
    update = events_of(api, "customer.subscription.updated")[-1]
    assert update.data.previous_attributes.to_dict() == {"status": "past_due"}
    world.advance_to(FIRST + 45 * DAY)
    latest = api.v1.invoices.retrieve(subscription_of(api, invoice).latest_invoice)
    assert (latest.status, latest.auto_advance) == ("draft", False)


def test_the_final_setting_pauses_the_subscription() -> None:
    """Paused with the reason final_payment_failure, told as updated and paused; nothing is billed after that."""
    world, api, invoice = world_of(retries="custom", rules=[3], subscription="paused")
    world.advance_to(FIRST + 3 * DAY)
    subscription = subscription_of(api, invoice)
    assert subscription.status == "paused"
    paused = subscription.status_details.paused
    assert (paused.type, paused.subscription.type) == ("subscription", "final_payment_failure")
    assert paused.transitioned_at == FIRST + 3 * DAY
    assert [each.data.object.status for each in events_of(api, "customer.subscription.paused")] == ["paused"]
    world.advance_to(FIRST + 60 * DAY)
    assert subscription_of(api, invoice).latest_invoice == invoice


def test_the_final_setting_marks_the_invoice_uncollectible_and_the_customer_stays_delinquent() -> None:
    """max_payment_attempts says that dunning did it; by the API the customer would be forgiven."""
    world, api, invoice = world_of(retries="custom", rules=[3], invoice="uncollectible")
    world.advance_to(FIRST + 3 * DAY)
    found = api.v1.invoices.retrieve(invoice)
    assert found.status == "uncollectible"
    assert found.status_details.uncollectible.reason == "max_payment_attempts"
    assert found.status_transitions.marked_uncollectible_at == FIRST + 3 * DAY
    assert api.v1.customers.retrieve(found.customer).delinquent is True
    assert subscription_of(api, invoice).status == "past_due"
    marked = events_of(api, "invoice.marked_uncollectible")[-1]
    assert marked.request.id is None


def test_an_empty_schedule_ends_with_the_first_failure() -> None:
    """No rules and final settings that act: they apply at once."""
    world = small_world(billing={"subscription": "canceled", "invoice": "uncollectible"})
    control.decline(world, "ada", "insufficient_funds")
    world.advance_to(FIRST)
    api = client(world)
    ada = world.sim.account(ACCOUNT, False).names["ada"]
    invoice = api.v1.invoices.list({"customer": ada}).data[0].id
    assert subscription_of(api, invoice).status == "canceled"
    assert api.v1.invoices.retrieve(invoice).status == "uncollectible"
    types = [each.type for each in events_of(api, "customer.subscription.*", "invoice.marked_uncollectible")]
    assert types[-3:] == [
        "customer.subscription.updated",
        "customer.subscription.deleted",
        "invoice.marked_uncollectible",
    ]


def test_changed_settings_affect_only_what_is_planned_later() -> None:
    """The attempt that is scheduled stays; after it the new settings hold."""
    world, api, invoice = world_of(retries="custom", rules=[3, 5, 7])
    shown = control_api.post(world, "billing", {"retries": "off", "invoice": "uncollectible"})["billing"]
    assert (shown["retries"], shown["invoice"], shown["rules"]) == ("off", "uncollectible", [3, 5, 7])
    assert api.v1.invoices.retrieve(invoice).next_payment_attempt == FIRST + 3 * DAY
    world.advance_to(FIRST + 30 * DAY)
    assert tries_of(world, invoice) == [FIRST, FIRST + 3 * DAY]
    assert api.v1.invoices.retrieve(invoice).status == "uncollectible"


def test_settings_switched_on_later_do_not_touch_old_failures() -> None:
    """An invoice that was left alone stays alone when Smart Retries are switched on."""
    world, _, invoice = world_of()
    control_api.post(world, "billing", {"retries": "smart"})
    world.advance_to(FIRST + 25 * DAY)
    assert tries_of(world, invoice) == [FIRST]


def test_mails_are_kept_and_leave_no_trace_in_the_api() -> None:
    """One mail a try of Stripe's, none for ours; no event and no field tells of it."""
    quiet, quiet_api, _ = world_of(retries="custom", rules=[3])
    world, api, invoice = world_of(retries="custom", rules=[3], emails=True)
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
    world, _, invoice = world_of("requires_action", emails=True)
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
    assert len(tries_of(world, made.latest_invoice)) == 1
