"""Finalisation by itself: the hour, the webhooks it waits for, what moves it, and the notice before a renewal."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control import control, control_api
from tests.unit.simulator.helpers import DAY, HOUR, START, Mailbox, client, small_world
from tests.unit.simulator.test_sim_invoice_life import oneoff

ACCOUNT = "acct_1AcmeUS"
RENEWAL = START + 29 * DAY + 9 * HOUR


def _listening(status: int, events: str = "invoice.created", **changes: Any) -> tuple[Any, Any, Mailbox]:
    """A world with an endpoint that answers with a status, at ada's renewal."""
    world = small_world(**changes)
    api = client(world)
    api.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/hook", "enabled_events": [events]})
    box = Mailbox(world, status)
    world.advance_to(RENEWAL)
    return world, api, box


def _renewal(world: Any) -> Any:
    account = world.sim.account(ACCOUNT, False)
    newest = account.table("invoice").by("customer", account.names["ada"])[-1]
    return client(world).v1.invoices.retrieve(newest)


def test_without_a_listener_a_draft_waits_an_hour() -> None:
    """webhooks_delivered_at is set at creation, and the invoice is finalised and charged an hour later."""
    world = small_world()
    world.advance_to(RENEWAL + HOUR - 1)
    draft = _renewal(world)
    assert (draft.status, draft.webhooks_delivered_at) == ("draft", RENEWAL)
    assert (draft.automatically_finalizes_at, draft.next_payment_attempt) == (RENEWAL + HOUR, RENEWAL + HOUR)
    world.advance_to(RENEWAL + HOUR)
    found = _renewal(world)
    assert (found.status, found.status_transitions.finalized_at) == ("paid", RENEWAL + HOUR)
    assert found.automatically_finalizes_at is None


def test_a_listener_that_answers_at_once_changes_nothing() -> None:
    """2xx at the renewal: still an hour."""
    world, _, box = _listening(200)
    assert set(box.types()) == {"invoice.created"}
    world.advance_to(RENEWAL + HOUR)
    assert _renewal(world).status == "paid"


def test_an_endpoint_for_other_events_holds_nothing_up() -> None:
    """Only those that take invoice.created are waited for."""
    world, _, _ = _listening(500, events="invoice.paid")
    world.advance_to(RENEWAL + HOUR)
    assert _renewal(world).status == "paid"


def test_finalisation_waits_for_the_answer_and_then_an_hour() -> None:
    """The endpoint is repaired before the second retry: delivered then, finalised an hour after that."""
    world, _, box = _listening(500, livemode=True, keys=[{"env": "STANDARD", "name": "S", "type": "standard"}])
    account = world.sim.account(ACCOUNT, True)
    invoice = account.table("invoice").by("customer", account.names["ada"])[-1]

    def row() -> Any:
        return account.get("invoice", invoice)

    world.advance_to(RENEWAL + 2 * HOUR)
    assert (row()["status"], row()["webhooks_delivered_at"]) == ("draft", None)
    assert row()["automatically_finalizes_at"] > world.now
    box.status = 200
    while row()["webhooks_delivered_at"] is None:
        world.advance_to(world.next_event_at())
    delivered = row()["webhooks_delivered_at"]
    assert delivered > RENEWAL + 2 * HOUR
    world.advance_to(delivered + HOUR - 1)
    assert row()["status"] == "draft"
    world.advance_to(delivered + HOUR)
    assert (row()["status"], row()["status_transitions"]["finalized_at"]) == ("paid", delivered + HOUR)


def test_a_live_endpoint_that_never_answers_holds_billing_up_for_days() -> None:
    """Stripe tries live deliveries for up to three days, and only then goes on."""
    world, _, _ = _listening(500, livemode=True, keys=[{"env": "STANDARD", "name": "S", "type": "standard"}])
    account = world.sim.account(ACCOUNT, True)
    invoice = account.get("invoice", account.table("invoice").by("customer", account.names["ada"])[-1])
    world.advance_to(RENEWAL + 48 * HOUR)
    assert invoice["status"] == "draft"
    world.advance_to(RENEWAL + 72 * HOUR)
    assert invoice["status"] == "paid"


def test_finalisation_waits_no_longer_than_72_hours() -> None:
    """A delivery that is still on its way after three days no longer counts."""
    world = small_world()
    client(world).v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/hook", "enabled_events": ["invoice.created"]})
    world.sim.delivery_faults.add("delayed", type="invoice.created", times=9, seconds=200 * HOUR)
    world.advance_to(RENEWAL)
    account = world.sim.account(ACCOUNT, False)
    invoice = account.get("invoice", account.table("invoice").by("customer", account.names["ada"])[-1])
    world.advance_to(RENEWAL + 72 * HOUR - 1)
    assert invoice["status"] == "draft"
    world.advance_to(RENEWAL + 72 * HOUR)
    assert (invoice["status"], invoice["status_transitions"]["finalized_at"]) == ("paid", RENEWAL + 72 * HOUR)


def test_exhausted_tries_end_the_waiting() -> None:
    """In a sandbox Stripe tries for a few hours only; then the invoice goes on without an answer."""
    world, _, box = _listening(500)
    world.advance_to(RENEWAL + DAY)
    found = _renewal(world)
    assert (found.status, found.webhooks_delivered_at) == ("paid", None)
    last = RENEWAL + 600 + 3600 + 10800
    assert len(box.got) == 2 * 4  # of both renewals
    assert last < found.status_transitions.finalized_at <= last + HOUR


def test_auto_advance_false_keeps_a_draft_a_draft() -> None:
    """Switched off nothing happens; switched on again, an hour is counted from then."""
    world = small_world()
    world.advance_to(RENEWAL)
    api, draft = client(world), _renewal(world).id
    stopped = api.v1.invoices.update(draft, {"auto_advance": False})
    assert (stopped.next_payment_attempt, stopped.automatically_finalizes_at) == (None, None)
    world.advance_to(RENEWAL + DAY)
    assert api.v1.invoices.retrieve(draft).status == "draft"
    started = api.v1.invoices.update(draft, {"auto_advance": True})
    assert started.automatically_finalizes_at == RENEWAL + DAY + HOUR
    world.advance_to(RENEWAL + DAY + HOUR)
    assert api.v1.invoices.retrieve(draft).status == "paid"


def test_the_hour_can_be_moved() -> None:
    """automatically_finalizes_at moves finalisation and the first try with it, later or sooner."""
    world = small_world()
    world.advance_to(RENEWAL)
    api, draft = client(world), _renewal(world).id
    moved = api.v1.invoices.update(draft, {"automatically_finalizes_at": RENEWAL + 5 * HOUR})
    assert (moved.automatically_finalizes_at, moved.next_payment_attempt) == (RENEWAL + 5 * HOUR,) * 2
    world.advance_to(RENEWAL + 2 * HOUR)
    assert api.v1.invoices.retrieve(draft).status == "draft"
    world.advance_to(RENEWAL + 5 * HOUR)
    assert api.v1.invoices.retrieve(draft).status == "paid"


def test_a_one_off_draft_advances_by_itself_when_told() -> None:
    """auto_advance true: finalised and charged after an hour; without it, a draft for ever."""
    world = small_world()
    api = client(world)
    still = oneoff(api, world)
    moving = oneoff(api, world, auto_advance=True)
    start = world.now
    assert api.v1.invoices.retrieve(moving).automatically_finalizes_at == start + HOUR
    world.advance_to(start + 10 * DAY)
    assert api.v1.invoices.retrieve(moving).status == "paid"
    assert api.v1.invoices.retrieve(still).status == "draft"


def test_a_one_off_invoice_finalized_by_hand_is_collected_an_hour_later() -> None:
    """With auto_advance Stripe tries it by itself, and fails on its own account; without, nobody does."""
    world = small_world(billing={"retries": "custom", "rules": [2]})
    api = client(world)
    control.decline(world, "ada", "insufficient_funds")
    start = world.now
    left = oneoff(api, world)
    api.v1.invoices.finalize_invoice(left)
    taken = oneoff(api, world)
    assert api.v1.invoices.finalize_invoice(taken, {"auto_advance": True}).next_payment_attempt == start + HOUR
    world.advance_to(start + 5 * DAY)
    assert api.v1.invoices.retrieve(left).attempt_count == 0
    assert [row["created"] for row in world.ledger.charges if row["invoice"] == taken] == [
        start + HOUR,
        start + HOUR + 2 * DAY,
    ]


def test_a_draft_that_is_sent_goes_out_by_itself() -> None:
    """send_invoice with auto_advance: finalised and sent after an hour, never charged."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world, auto_advance=True, collection_method="send_invoice", days_until_due=5)
    world.advance_to(world.now + HOUR)
    assert api.v1.invoices.retrieve(invoice).status == "open"
    assert api.v1.events.list({"type": "invoice.sent"}).data[0].request.id is None
    assert [mail.kind for mail in world.sim.account(ACCOUNT, False).mails] == ["invoice"]
    before = len(world.ledger.charges)
    world.advance_to(world.now + 10 * DAY)
    assert [row for row in world.ledger.charges[before:] if row["invoice"] == invoice] == []


@pytest.mark.parametrize(
    ("behavior", "status", "reason"),
    [
        ("keep_as_draft", "draft", None),
        ("mark_uncollectible", "uncollectible", "subscription_paused"),
        ("void", "void", None),
    ],
)
def test_paused_collection_ends_drafts_in_its_own_way(behavior: str, status: str, reason: str | None) -> None:
    """pause_collection: kept as drafts, marked uncollectible (subscription_paused) or voided; nobody is charged."""
    world = small_world()
    account = world.sim.account(ACCOUNT, False)
    subscription = account.table("subscription").by("customer", account.names["ada"])[0]
    account.get("subscription", subscription)["pause_collection"] = {"behavior": behavior, "resumes_at": None}
    world.advance_to(RENEWAL + 2 * HOUR)
    found = _renewal(world)
    assert found.status == status
    assert (found.status_details.uncollectible.reason if reason else found.status_details) == reason
    assert [row for row in world.ledger.charges if row["invoice"] == found.id] == []


def test_a_blocked_finalisation_is_told_and_leaves_the_draft() -> None:
    """invoice.finalization_failed by Stripe itself, an hour after creation; nothing is planned any more."""
    world = small_world()
    api = client(world)
    control_api.post(world, "block-finalization", {"customer": "ada"})
    world.advance_to(RENEWAL + DAY)
    found = _renewal(world)
    assert (found.status, found.automatically_finalizes_at, found.next_payment_attempt) == ("draft", None, None)
    told = api.v1.events.list({"type": "invoice.finalization_failed"}).data
    assert [(each.created, each.request.id) for each in told] == [(RENEWAL + HOUR, None)]


def test_the_invoice_to_come_is_told_some_days_before() -> None:
    """invoice.upcoming carries a preview that cannot be asked about; the customer gets a mail when mails are on."""
    world = small_world(billing={"upcoming_days": 7, "emails": True})
    api = client(world)
    world.advance_to(RENEWAL - 7 * DAY)
    preview = api.v1.events.list({"type": "invoice.upcoming"}).data[0].data.object
    account = world.sim.account(ACCOUNT, False)
    assert (preview.customer, preview.amount_due, preview.created) == (account.names["ada"], 2900, RENEWAL)
    assert preview.id.startswith("upcoming_in_")
    assert account.find("invoice", preview.id) is None
    ada = account.names["ada"]
    assert (world.now, ada, None, "upcoming") in [tuple(mail) for mail in account.mails]
    world.advance_to(RENEWAL + 30 * DAY)
    assert sum(event["type"] == "invoice.upcoming" for event in account.table("event").rows.values()) >= 2


def test_no_invoice_to_come_is_told_by_default_or_after_a_cancellation() -> None:
    """Settings say nothing: no event. A subscription that ends does not renew: no event."""
    world = small_world()
    world.advance_to(RENEWAL)
    assert client(world).v1.events.list({"type": "invoice.upcoming"}).data == []
    world = small_world(billing={"upcoming_days": 7})
    api = client(world)
    ada = world.sim.account(ACCOUNT, False).names["ada"]
    subscription = api.v1.subscriptions.list({"customer": ada}).data[0].id
    api.v1.subscriptions.update(subscription, {"cancel_at_period_end": True})
    world.advance_to(RENEWAL)
    told = api.v1.events.list({"type": "invoice.upcoming"}).data
    assert ada not in [each.data.object.customer for each in told]


def test_a_notice_whose_days_were_changed_is_not_given_twice() -> None:
    """Planned for a week before; by then the settings say three days: nothing at the old time."""
    world = small_world(billing={"upcoming_days": 7})
    control_api.post(world, "billing", {"upcoming_days": 3})
    world.advance_to(RENEWAL)
    ada = world.sim.account(ACCOUNT, False).names["ada"]
    told = client(world).v1.events.list({"type": "invoice.upcoming"}).data
    assert ada not in [each.data.object.customer for each in told]


def test_a_card_that_expires_before_the_renewal_is_mailed() -> None:
    """With e-mails on, the notice of the renewal comes with one about the card."""
    world = small_world(billing={"upcoming_days": 7, "emails": True})
    account = world.sim.account(ACCOUNT, False)
    method = account.get("payment_method", account.table("payment_method").by("customer", account.names["ada"])[0])
    method["card"] = {**method["card"], "exp_month": 12, "exp_year": 2025}
    world.advance_to(RENEWAL - 7 * DAY)
    kinds = [mail.kind for mail in account.mails if mail.customer == account.names["ada"]]
    assert kinds == ["upcoming", "expiring_card"]
