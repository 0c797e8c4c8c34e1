"""Events as they are kept: retention, filters, pending webhooks, who still waits, and sending again."""

from __future__ import annotations

import json

import pytest
import stripe

from flexpay_reconcile.simulator.control import control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.resources.recipients import undelivered
from tests.unit.simulator.helpers import DAY, HOUR, START, Mailbox, client, small_world

URL = "http://127.0.0.1:8787/webhooks"


def _hook(api, *events: str, url: str = URL) -> str:
    return str(api.v1.webhook_endpoints.create({"url": url, "enabled_events": list(events) or ["*"]}).id)


def _customer(world) -> None:
    client(world).v1.customers.create({"email": "eve@example.com"})
    world.advance_to(world.now)


def _account(world):
    return world.sim.accounts["acct_1AcmeUS", False]


def test_thirty_days_are_kept_even_when_nothing_happens() -> None:
    """On day 30 the event is there; a second later neither list nor retrieve know it, without any new event."""
    world = small_world(customers={})
    api = client(world)
    _customer(world)
    event = api.v1.events.list({}).data[0]
    assert event.api_version == "2026-10-28.endive"
    world.advance_to(world.now + 30 * DAY)
    assert api.v1.events.retrieve(event.id).id == event.id
    world.advance_to(world.now + 1)
    with pytest.raises(stripe.InvalidRequestError, match="No such event"):
        api.v1.events.retrieve(event.id)
    assert api.v1.events.list({}).data == []


def test_forgotten_events_leave_no_trace_in_lists() -> None:
    """After many events are forgotten their places are freed, and paging goes on in order."""
    world = small_world(customers={})
    api = client(world)
    for number in range(4200):
        emit(world.sim, _account(world), "customer.created", {"id": f"cus_{number}", "object": "customer"})
    world.advance_to(world.now + 31 * DAY)
    for _ in range(7):
        api.v1.customers.create({})
    table = _account(world).table("event")
    assert len(table.order) == len(table.place) == len(table.rows) == 7
    ids = [row.id for row in api.v1.events.list({"limit": 3}).auto_paging_iter()]
    assert ids == table.order[::-1]


def test_filters_of_the_list() -> None:
    """Wildcards, up to twenty types, and not both ways at once."""
    world = small_world()
    api = client(world)
    world.advance_to(START + 31 * DAY)
    kinds = {row.type for row in api.v1.events.list({"type": "invoice.*", "limit": 100}).data}
    assert {"invoice.created", "invoice.paid"} <= kinds
    assert all(kind.startswith("invoice.") for kind in kinds)
    both = {row.type for row in api.v1.events.list({"types": ["charge.*", "invoice.paid"], "limit": 100}).data}
    assert both == {"charge.succeeded", "invoice.paid"}
    api.v1.events.list({"types": ["invoice.paid"] * 20})
    for wrong in ({"types": ["invoice.paid"] * 21}, {"type": "invoice.paid", "types": ["invoice.paid"]}):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.v1.events.list(wrong)
        assert caught.value.param == "types"


def test_pending_webhooks_and_delivery_success() -> None:
    """Each 2xx of an endpoint takes one off; only when all have answered is the delivery a success."""
    world = small_world(customers={})
    api = client(world)
    _hook(api, "customer.created")
    _hook(api, "customer.created", url=URL + "/second")
    seen: list[int] = []

    def deliver(url: str, headers: dict[str, str], body: bytes) -> int:
        seen.append(json.loads(body)["pending_webhooks"])
        return 200 if url == URL else 500

    world.deliver = deliver
    _customer(world)
    assert seen == [2, 1]
    assert api.v1.events.list({}).data[0].pending_webhooks == 1
    assert api.v1.events.list({"delivery_success": True}).data == []
    world.deliver = lambda url, headers, body: 204
    world.advance_to(world.now + HOUR)
    assert [row.pending_webhooks for row in api.v1.events.list({"delivery_success": True}).data] == [0]
    assert api.v1.events.list({"delivery_success": False}).data == []


def test_events_of_a_disabled_time_are_lost_for_the_endpoint() -> None:
    """What happens while it is disabled is never sent, also after it is enabled again; a dropped retry stays unmade."""
    world = small_world(customers={})
    api = client(world)
    hook = _hook(api, "customer.created")
    box = Mailbox(world, 500)
    _customer(world)
    api.v1.webhook_endpoints.update(hook, {"disabled": True})
    _customer(world)
    world.advance_to(world.now + HOUR)
    api.v1.webhook_endpoints.update(hook, {"disabled": False})
    box.status = 200
    world.advance_to(world.now + 3 * DAY)
    assert len(box.got) == 1
    lost, dropped = api.v1.events.list({}).data
    assert (lost.pending_webhooks, dropped.pending_webhooks) == (0, 1)


def test_a_deleted_endpoint_gets_nothing_more() -> None:
    """Its pending retry is dropped when due; the world has no delivery left."""
    world = small_world(customers={})
    api = client(world)
    hook = _hook(api, "customer.created")
    box = Mailbox(world, 500)
    _customer(world)
    api.v1.webhook_endpoints.delete(hook)
    world.advance_to(world.now + DAY)
    assert len(box.got) == 1
    assert len(world.sim.outbox) == 0


def test_one_event_is_sent_again_within_fifteen_or_thirty_days() -> None:
    """The Dashboard reaches back 15 days, the CLI 30; a manual try is made once and counts when it succeeds."""
    world = small_world(customers={})
    api = client(world)
    _hook(api, "customer.created")
    box = Mailbox(world, 500)
    _customer(world)
    world.advance_to(world.now + 15 * DAY)
    event = api.v1.events.list({}).data[0]
    tries = len(box.got)
    assert control_api.post(world, "resend", {"event": event.id})["deliveries"] == 1
    world.advance_to(world.now + DAY)
    assert len(box.got) == tries + 1
    with pytest.raises(ControlError, match="older than 15 days"):
        control_api.post(world, "resend", {"event": event.id})
    box.status = 200
    control_api.post(world, "resend", {"event": event.id, "how": "cli", "endpoint": URL})
    world.advance_to(world.now)
    assert len(box.got) == tries + 2
    assert api.v1.events.retrieve(event.id).pending_webhooks == 0
    control_api.post(world, "resend", {"event": event.id, "how": "cli"})
    world.advance_to(world.now)
    assert api.v1.events.retrieve(event.id).pending_webhooks == 0


def test_all_failed_events_are_sent_again() -> None:
    """Only what an enabled endpoint has not taken goes out, once each."""
    world = small_world(customers={})
    api = client(world)
    _hook(api, "customer.created")
    box = Mailbox(world, 500)
    _customer(world)
    _customer(world)
    world.advance_to(world.now + DAY)
    box.status = 200
    _customer(world)
    box.got.clear()
    assert control_api.post(world, "resend", {"event": "all-failed"})["deliveries"] == 2
    world.advance_to(world.now)
    assert len({json.loads(body)["id"] for _, _, body in box.got}) == len(box.got) == 2
    assert control_api.post(world, "resend", {"event": "all-failed"})["deliveries"] == 0
    for wrong in (
        {"event": "evt_none"},
        {"event": "all-failed", "how": "fax"},
        {"event": "all-failed", "endpoint": URL},
    ):
        with pytest.raises(ControlError):
            control_api.post(world, "resend", wrong)


def test_invoice_created_is_known_as_undelivered_until_all_answered() -> None:
    """`undelivered` holds while a 2xx may still come; `webhooks_delivered_at` is when the last one came."""
    world = small_world()
    api = client(world)
    _hook(api, "invoice.created")
    box = Mailbox(world, 500)
    due = START + 29 * DAY + 9 * HOUR
    world.advance_to(due)
    invoice = api.v1.invoices.list({"status": "draft"}).data[0]
    account = _account(world)
    assert undelivered(account, invoice.id)
    assert undelivered(account, api.v1.events.list({"type": "invoice.created"}).data[0].id)
    box.status = 200
    world.advance_to(due + 600)
    assert not undelivered(account, invoice.id)
    assert api.v1.invoices.retrieve(invoice.id).webhooks_delivered_at == due + 600


def test_an_exhausted_or_unwanted_invoice_created_holds_nothing() -> None:
    """After the last try Stripe waits no longer; without endpoints the webhooks count as delivered at once."""
    world = small_world()
    api = client(world)
    due = START + 29 * DAY + 9 * HOUR
    hook = _hook(api, "invoice.created")
    Mailbox(world, 500)
    world.advance_to(due + 15000)
    invoice = api.v1.invoices.list({"limit": 1, "created": {"gte": due}}).data[0]
    assert not undelivered(_account(world), invoice.id)
    assert api.v1.invoices.retrieve(invoice.id).webhooks_delivered_at is None
    api.v1.webhook_endpoints.delete(hook)
    world.advance_to(START + 45 * DAY)
    later = api.v1.invoices.list({"limit": 1}).data[0]
    assert later.id != invoice.id
    assert later.webhooks_delivered_at == later.created
    assert not undelivered(_account(world), later.id)


def test_a_hundred_thousand_deliveries_are_no_burden() -> None:
    """Queueing and taking that many, in order, is a matter of heaps, not of scans."""
    world = small_world(customers={})
    api = client(world)
    for number in range(16):
        _hook(api, "customer.created", url=f"{URL}/{number}")
    account = _account(world)
    for number in range(6250):
        emit(world.sim, account, "customer.created", {"id": f"cus_{number}", "object": "customer"})
    assert len(world.sim.outbox) == 100_000
    last = ""
    while (parcel := world.take_parcel()) is not None:
        assert parcel.delivery.event == last or parcel.url.endswith("/0")
        last = parcel.delivery.event
        world.delivery_done(parcel, 200)
    assert world.delivered == 100_000
    assert account.hooks.waiting == {}
