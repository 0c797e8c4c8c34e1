"""Webhook endpoints and deliveries: secret once, signatures, redelivery, refunds' events."""

from __future__ import annotations

from itertools import pairwise

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, HOUR, START, Mailbox, client, failed_invoice, small_world

URL = "http://127.0.0.1:8787/webhooks"


def _endpoint(api, *events: str):
    return api.v1.webhook_endpoints.create(
        {
            "url": URL,
            "enabled_events": list(events) or ["*"],
            "connect": False,
            "metadata": {"fp_integration": "a"},
            "api_version": "2026-10-28.endive",
        }
    )


def test_the_secret_is_shown_once_and_scope_cannot_change() -> None:
    """Only create shows the secret; connect is never shown; connect and api_version cannot be updated."""
    api = client(small_world(), "PRIMARY")
    made = _endpoint(api)
    assert made.secret.startswith("whsec_")
    read = api.v1.webhook_endpoints.retrieve(made.id)
    assert "secret" not in read
    assert "connect" not in read
    assert (read.status, read.api_version, read.metadata["fp_integration"]) == ("enabled", "2026-10-28.endive", "a")
    for change in ({"connect": True}, {"api_version": "2026-10-28.endive"}):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.v1.webhook_endpoints.update(made.id, change)
        assert caught.value.code == "parameter_unknown"
    assert api.v1.webhook_endpoints.update(made.id, {"disabled": True, "description": "x"}).status == "disabled"
    assert api.v1.webhook_endpoints.delete(made.id).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="No such webhook endpoint"):
        api.v1.webhook_endpoints.retrieve(made.id)


def test_sixteen_endpoints_at_most() -> None:
    """The seventeenth is refused; deleting one makes room."""
    api = client(small_world())
    ids = [_endpoint(api).id for _ in range(16)]
    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
        _endpoint(api)
    api.v1.webhook_endpoints.delete(ids[0])
    _endpoint(api)


def test_deliveries_are_signed_with_the_virtual_clock() -> None:
    """The SDK verifies each delivery; t is the world's now; only wanted types arrive."""
    world = small_world()
    made = _endpoint(client(world), "invoice.payment_failed")
    box = Mailbox(world)
    failed_invoice(world)
    assert box.types() == ["invoice.payment_failed"]
    url, headers, body = box.got[0]
    assert url == URL
    assert headers["Stripe-Signature"].startswith(f"t={START + 29 * DAY + 10 * HOUR},v1=")
    assert stripe.WebhookSignature.verify_header(
        body.decode(), headers["Stripe-Signature"], made.secret, tolerance=None
    )
    with pytest.raises(stripe.SignatureVerificationError):
        stripe.WebhookSignature.verify_header(
            body.decode() + " ", headers["Stripe-Signature"], made.secret, tolerance=None
        )


@pytest.mark.parametrize("status", [500, 301, 404])
def test_a_failed_delivery_is_tried_three_times_more_in_test_mode(status) -> None:
    """Redirects and errors are failures; after the last try Stripe gives up; each try is signed anew."""
    world = small_world()
    api = client(world)
    _endpoint(api, "invoice.payment_failed")
    box = Mailbox(world, status)
    failed_invoice(world)
    world.advance_to(world.now + 2 * DAY)
    assert len(box.got) == 4
    assert len({headers["Stripe-Signature"] for _, headers, _ in box.got}) == 4
    assert api.v1.events.list({"delivery_success": False}).data[0].pending_webhooks == 1


def test_live_mode_tries_for_three_days() -> None:
    """Back-off grows, and nothing is sent after three days."""
    world = small_world(livemode=True, keys=[{"env": "STANDARD", "type": "standard"}])
    _endpoint(client(world), "invoice.payment_failed")
    times: list[int] = []

    def refuse(url: str, headers: dict[str, str], body: bytes) -> int:
        times.append(world.now)
        raise ConnectionError

    world.deliver = refuse
    failed_invoice(world)
    world.advance_to(world.now + 9 * DAY)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert gaps == sorted(gaps)
    assert len(times) > 6
    assert 2 * DAY < times[-1] - times[0] <= 3 * DAY


def test_a_disabled_endpoint_loses_what_comes_due_and_a_reenabled_one_resumes() -> None:
    """Disabled when the retry is due: dropped. Enabled again before: delivered."""
    for enabled_again, expected in ((False, 1), (True, 2)):
        world = small_world()
        api = client(world)
        made = _endpoint(api, "invoice.payment_failed")
        box = Mailbox(world, 500)
        control.decline(world, "ada", "insufficient_funds")
        world.advance_to(START + 29 * DAY + 10 * HOUR)
        assert len(box.got) == 1
        api.v1.webhook_endpoints.update(made.id, {"disabled": True})
        if enabled_again:
            api.v1.webhook_endpoints.update(made.id, {"disabled": False})
        box.status = 200
        world.advance_to(world.now + 2 * DAY)
        assert len(box.got) == expected


def test_refunds_at_once_later_and_failing() -> None:
    """A refund reports charge.refunded and refund.created; a pending one settles a day later, a bad one fails."""
    for token, first, last in (
        ("pm_card_visa", "succeeded", "succeeded"),
        ("pm_card_pendingRefund", "pending", "succeeded"),
        ("pm_card_refundFail", "succeeded", "failed"),
    ):
        world = small_world()
        api = client(world)
        control.replace_card(world, "ada", token)
        world.advance_to(START + 30 * DAY)
        charge = api.v1.charges.list({"limit": 1}).data[0]
        refund = api.v1.refunds.create({"charge": charge.id})
        assert refund.status == first
        assert api.v1.charges.retrieve(charge.id).refunded is True
        world.advance_to(world.now + 2 * DAY)
        assert api.v1.refunds.retrieve(refund.id).status == last
        kinds = {event.type for event in api.v1.events.list({"types": ["refund.created", "charge.refunded"]}).data}
        assert kinds == {"refund.created", "charge.refunded"}
        assert api.v1.charges.retrieve(charge.id, {"expand": ["refunds"]}).refunds.data[0].id == refund.id
        if last == "succeeded":
            with pytest.raises(stripe.InvalidRequestError, match="already been refunded"):
                api.v1.refunds.create({"charge": charge.id})


def test_events_are_kept_thirty_days_and_filtered() -> None:
    """Older ones are gone from list and retrieve; wildcards and ranges narrow the list."""
    world = small_world()
    api = client(world)
    failed_invoice(world)
    event = api.v1.events.list({"type": "invoice.payment_*"}).data[0]
    assert event.type == "invoice.payment_failed"
    assert api.v1.events.list({"created": {"gt": world.now}}).data == []
    world.advance_to(world.now + 40 * DAY)
    assert event.id not in [row.id for row in api.v1.events.list({"limit": 100}).data]


def test_replacing_the_card_reports_it_and_lifts_the_script() -> None:
    """payment_method.attached and customer.updated arrive, and the next charge is the new card's."""
    world = small_world()
    _endpoint(client(world), "payment_method.attached", "customer.updated")
    box = Mailbox(world)
    invoice = failed_invoice(world)
    box.got.clear()
    control.replace_card(world, "ada", "tok_visa")
    world.advance_to(world.now)
    assert box.types() == ["payment_method.attached", "customer.updated"]
    assert client(world).v1.invoices.pay(invoice).status == "paid"
