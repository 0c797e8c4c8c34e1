"""API versions by header: the one spoken, the major before it, those that are too old, and words that are none."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator import versions
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.protocol.event_types import API_VERSIONS
from flexpay_reconcile.simulator.scenario.scenario import env_of
from flexpay_reconcile.simulator.state import API_VERSION
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator import subscribing
from tests.unit.simulator.helpers import Mailbox, client, failed_invoice, send, small_world

DAHLIA = "2026-05-27.dahlia"


def _older(world: World, version: str = DAHLIA) -> Any:
    secret = env_of(world)["STANDARD"]
    return stripe.StripeClient(secret, http_client=SimulatorTransport(world), stripe_version=version)


@pytest.mark.parametrize(
    "version",
    ["latest", "2019-2-19", "2026-05-28.dahlia", "2026-05-27", "2026-05-27.basil", "", "2030-01-01.fern", "9" * 500],
)
def test_words_that_are_no_version_are_refused_as_stripe_does(version: str) -> None:
    """400 with Stripe's sentence; a date or a name that never was is no version either."""
    status, body, _ = send(small_world(), "GET", "/v1/charges", Stripe_Version=version)
    assert status == 400
    assert body["error"]["message"] == f"Invalid Stripe API version: {version[:60]}"
    assert body["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("version", sorted(API_VERSIONS - versions.ANSWERED))
def test_versions_too_old_are_refused_and_told_what_is_spoken(version: str) -> None:
    """Every version Stripe knows and the simulator does not: 400 that names those it answers in."""
    status, body, _ = send(small_world(), "GET", "/v1/charges", Stripe_Version=version)
    assert status == 400
    assert f"Invalid Stripe API version: {version}. This simulator speaks {API_VERSION}" in body["error"]["message"]
    assert DAHLIA in body["error"]["message"]


def test_which_versions_are_answered() -> None:
    """The majors endive and dahlia, with all their months; the answer names the version it is in."""
    assert sorted(versions.ANSWERED) == [
        "2026-03-25.dahlia",
        "2026-04-22.dahlia",
        "2026-05-27.dahlia",
        "2026-06-24.dahlia",
        "2026-07-29.dahlia",
        "2026-08-26.dahlia",
        "2026-09-30.endive",
        "2026-10-28.endive",
    ]
    world = small_world()
    for version in versions.ANSWERED:
        status, _, headers = send(world, "GET", "/v1/charges", Stripe_Version=version)
        assert (status, headers["Stripe-Version"]) == (200, version)
    assert send(world, "GET", "/v1/charges")[2]["Stripe-Version"] == API_VERSION


def test_an_older_answer_lacks_what_came_later_wherever_it_stands() -> None:
    """Invoices and subscriptions without `status_details`: alone, in lists, expanded; the stored object keeps its own."""
    world = small_world()
    invoice = failed_invoice(world)
    client(world).v1.invoices.mark_uncollectible(invoice)
    older = _older(world).v1
    alone = older.invoices.retrieve(invoice, {"expand": ["parent.subscription_details.subscription", "payments"]})
    assert "status_details" not in alone.to_dict()
    assert "status_details" not in alone.parent.subscription_details.subscription.to_dict()
    assert all("status_details" not in row.to_dict() for row in older.invoices.list().data)
    made = older.subscriptions.list({"expand": ["data.latest_invoice"]}).data[0]
    assert "status_details" not in {*made.to_dict(), *made.latest_invoice.to_dict()}
    newer = client(world).v1.invoices.retrieve(invoice)
    assert newer.status_details.uncollectible.reason == "user_forgiven"


def test_only_what_was_added_is_missing() -> None:
    """The older answer is the newer one without the added field, to the last value."""
    world = small_world()
    invoice = failed_invoice(world)
    for path in (f"/v1/invoices/{invoice}", "/v1/subscriptions", "/v1/charges", "/v1/payment_methods"):
        _, new, _ = send(world, "GET", path)
        _, old, _ = send(world, "GET", path, Stripe_Version=DAHLIA)
        rows = zip(new.get("data", [new]), old.get("data", [old]), strict=True)
        for newer, older in rows:
            newer.pop("status_details", None)
            assert newer == older


def test_parameters_are_those_of_the_older_version() -> None:
    """The anchor of an update is a word there and a hash here; what is right in one version is refused in the other."""
    world = small_world()
    api = client(world)
    made = subscribing.subscribe(api, subscribing.price(api))
    world.advance_to(world.now + 86_400)
    path = f"/v1/subscriptions/{made.id}"
    word, hash_ = "billing_cycle_anchor=now", "billing_cycle_anchor[type]=now"
    assert send(world, "POST", path, body=word)[0] == 400
    assert send(world, "POST", path, body=hash_, Stripe_Version=DAHLIA)[0] == 400
    assert send(world, "POST", path, body="billing_cycle_anchor=then", Stripe_Version=DAHLIA)[0] == 400
    status, moved, _ = send(world, "POST", path, body=word, Stripe_Version=DAHLIA)
    assert (status, moved["billing_cycle_anchor"]) == (200, world.now)
    status, body, _ = send(world, "POST", f"{path}/resume", body="payment_behavior=x", Stripe_Version=DAHLIA)
    assert (status, body["error"]["code"]) == (400, "parameter_unknown")


def test_an_endpoint_that_came_later_is_not_there() -> None:
    """A subscription cannot be paused in the older version: Stripe knew no such URL."""
    world = small_world()
    api = client(world)
    made = subscribing.subscribe(api, subscribing.price(api), billing_mode={"type": "flexible"})
    path = f"/v1/subscriptions/{made.id}/pause"
    status, body, _ = send(world, "POST", path, Stripe_Version=DAHLIA)
    assert status == 404
    assert "Unrecognized request URL" in body["error"]["message"]
    assert send(world, "POST", path)[0] == 200


def test_deliveries_have_the_shape_their_endpoint_is_pinned_to() -> None:
    """One event, three endpoints: the version spoken, the older major without what was added, a still older name alone."""
    world = small_world()
    api = client(world)
    box = Mailbox(world)
    for version in (API_VERSION, DAHLIA, "2025-09-30.clover"):
        wanted = {
            "url": "https://a.example/x",
            "enabled_events": ["invoice.updated", "invoice.marked_uncollectible"],
            "api_version": version,
        }
        api.v1.webhook_endpoints.create(wanted)
    invoice = failed_invoice(world)
    box.got.clear()
    api.v1.invoices.mark_uncollectible(invoice)
    world.advance_to(world.now)
    events = [json.loads(body) for _, _, body in box.got]
    told = {event["api_version"]: event["data"] for event in events if "previous_attributes" in event["data"]}
    for data in [told, {event["api_version"]: event["data"] for event in events}]:
        assert {version: "status_details" in each["object"] for version, each in data.items()} == {
            API_VERSION: True,
            DAHLIA: False,
            "2025-09-30.clover": True,
        }
    assert told[DAHLIA]["previous_attributes"]["status"] == "open"
    event = api.v1.events.list({"type": "invoice.marked_uncollectible"}).data[0]
    assert (event.api_version, "status_details" in event.data.object) == (API_VERSION, True)


def test_previous_attributes_are_of_the_version_too() -> None:
    """What an older event says was before leaves out the added field, and the event itself is not changed."""
    before = {"status": "open", "status_details": None}
    obj = {"object": "invoice", "status": "uncollectible", "status_details": {"uncollectible": {}}}
    event = {"object": "event", "api_version": API_VERSION, "data": {"object": obj, "previous_attributes": before}}
    kept = json.dumps(event)
    older = versions.event_shown(DAHLIA, event)
    assert older["data"] == {
        "object": {"object": "invoice", "status": "uncollectible"},
        "previous_attributes": {"status": "open"},
    }
    assert json.dumps(event) == kept
    assert versions.event_shown(None, event) is event
    assert versions.event_shown("2020-08-27", event) == {**event, "api_version": "2020-08-27"}
