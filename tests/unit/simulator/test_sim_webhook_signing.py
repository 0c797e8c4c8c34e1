"""Signatures of deliveries: several secrets after a roll, a fresh timestamp for each try, the fake v0 of test mode."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator.control import control_api
from flexpay_reconcile.simulator.control.control import ControlError
from tests.unit.simulator.helpers import DAY, HOUR, Mailbox, client, small_world

URL = "http://127.0.0.1:8787/webhooks"


def _made(world, *events: str):
    return client(world).v1.webhook_endpoints.create({"url": URL, "enabled_events": list(events) or ["*"]})


def _cause(world) -> None:
    """Make one event and deliver it."""
    client(world).v1.customers.create({"email": "eve@example.com"})
    world.advance_to(world.now)


def _parts(headers: dict[str, str]) -> list[str]:
    return [part.partition("=")[0] for part in headers["Stripe-Signature"].split(",")]


def _fits(delivery, secret: str) -> bool:
    _, headers, body = delivery
    try:
        return bool(
            stripe.WebhookSignature.verify_header(body.decode(), headers["Stripe-Signature"], secret, tolerance=None)
        )
    except stripe.SignatureVerificationError:
        return False


def test_a_rolled_secret_signs_beside_the_new_one_until_it_dies() -> None:
    """During the overlap each delivery carries a v1 for both secrets; afterwards only for the new one."""
    world = small_world()
    made = _made(world, "customer.created")
    box = Mailbox(world)
    given = control_api.post(world, "roll-secret", {"endpoint": made.id, "overlap_seconds": 6 * HOUR})
    _cause(world)
    assert _parts(box.got[0][1]) == ["t", "v1", "v1", "v0"]
    assert _fits(box.got[0], made.secret)
    assert _fits(box.got[0], given["secret"])
    world.advance_to(world.now + 6 * HOUR)
    _cause(world)
    assert _parts(box.got[1][1]) == ["t", "v1", "v0"]
    assert not _fits(box.got[1], made.secret)
    assert _fits(box.got[1], given["secret"])


def test_a_roll_may_expire_the_old_secret_at_once_but_not_after_a_day() -> None:
    """Overlap 0 ends the old secret now; more than a day is refused; the URL names the endpoint as well as its id."""
    world = small_world()
    made = _made(world, "customer.created")
    box = Mailbox(world)
    new = control_api.post(world, "roll-secret", {"endpoint": URL, "overlap_seconds": 0})["secret"]
    _cause(world)
    assert (_fits(box.got[0], made.secret), _fits(box.got[0], new)) == (False, True)
    with pytest.raises(ControlError, match="at most 86400"):
        control_api.post(world, "roll-secret", {"endpoint": made.id, "overlap_seconds": DAY + 1})
    with pytest.raises(ControlError, match="no webhook endpoint"):
        control_api.post(world, "roll-secret", {"endpoint": "we_none"})


def test_v0_is_fake_and_only_in_test_mode() -> None:
    """A test delivery has a v0 that no secret explains; a live one has none."""
    for livemode, schemes in ((False, ["t", "v1", "v0"]), (True, ["t", "v1"])):
        world = small_world(livemode=livemode)
        made = _made(world, "customer.created")
        box = Mailbox(world)
        _cause(world)
        assert _parts(box.got[0][1]) == schemes
        values = dict(part.split("=") for part in box.got[0][1]["Stripe-Signature"].split(","))
        assert values.get("v0") != values["v1"]
        assert _fits(box.got[0], made.secret)


def test_every_try_is_signed_with_its_own_time() -> None:
    """Retries carry the same body under a new t, which the SDK accepts at that moment."""
    world = small_world()
    made = _made(world, "customer.created")
    box = Mailbox(world, 500)
    _cause(world)
    start = world.now
    world.advance_to(start + DAY)
    times = [int(headers["Stripe-Signature"].split(",")[0][2:]) for _, headers, _ in box.got]
    assert times == [start, start + 600, start + 4200, start + 15000]
    assert len({body for _, _, body in box.got}) == 1
    assert all(_fits(each, made.secret) for each in box.got)
