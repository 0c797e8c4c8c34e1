"""What webhook endpoints may be: types of events, versions, scopes, addresses, limits."""

from __future__ import annotations

import json

import pytest
import stripe

from flexpay_reconcile.simulator.protocol.event_types import API_VERSIONS, EVENT_TYPES
from flexpay_reconcile.simulator.state import API_VERSION
from tests.unit.simulator.helpers import Mailbox, client, small_world

URL = "https://hooks.example/stripe"


def _create(api, **changes):
    return api.v1.webhook_endpoints.create({"url": URL, "enabled_events": ["*"], **changes})


def test_only_types_stripe_knows_can_be_asked_for() -> None:
    """An unknown type and a wildcard are refused by their place in the list; every known type is taken."""
    api = client(small_world())
    for number, events in ((0, ["invoice.*"]), (1, ["invoice.paid", "invoice.payd"]), (0, [""])):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            _create(api, enabled_events=events)
        assert caught.value.param.startswith(f"enabled_events[{number}]")
    assert len(EVENT_TYPES) > 250
    made = _create(api, enabled_events=sorted(EVENT_TYPES))
    assert set(api.v1.webhook_endpoints.retrieve(made.id).enabled_events) == EVENT_TYPES
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.webhook_endpoints.update(made.id, {"enabled_events": ["nothing.known"]})


def test_an_endpoint_gets_the_version_it_was_pinned_to() -> None:
    """A version Stripe knows is taken and named in every body; another one is refused; none means the account's."""
    world = small_world()
    api = client(world)
    box = Mailbox(world)
    _create(api, api_version="2025-09-30.clover", enabled_events=["customer.created"])
    _create(api, enabled_events=["customer.created"])
    api.v1.customers.create({})
    world.advance_to(world.now)
    assert sorted(json.loads(body)["api_version"] for _, _, body in box.got) == ["2025-09-30.clover", API_VERSION]
    assert API_VERSION in API_VERSIONS
    for wrong in ("2025-09-31.clover", "latest"):
        with pytest.raises(stripe.InvalidRequestError, match="Invalid API version"):
            _create(api, api_version=wrong)


def test_sixteen_of_each_scope() -> None:
    """Account endpoints do not take the places of Connect endpoints; deleting makes room."""
    api = client(small_world())
    own = [_create(api).id for _ in range(16)]
    connected = [_create(api, connect=True).id for _ in range(16)]
    for connect in (False, True):
        with pytest.raises(stripe.InvalidRequestError, match="maximum of 16 test"):
            _create(api, connect=connect)
    api.v1.webhook_endpoints.delete(connected[3])
    _create(api, connect=True)
    with pytest.raises(stripe.InvalidRequestError, match="maximum of 16"):
        _create(api)
    assert len(api.v1.webhook_endpoints.list({"limit": 100}).data) == 32
    assert own[0] in [row.id for row in api.v1.webhook_endpoints.list({"limit": 100}).data]


def test_live_endpoints_need_https() -> None:
    """Plain HTTP is for sandboxes (and, here, for loopback); what is no URL is refused everywhere."""
    live = client(small_world(livemode=True))
    test = client(small_world())
    assert _create(test, url="http://hooks.example/x").url == "http://hooks.example/x"
    assert _create(live, url="http://127.0.0.1:1/x").status == "enabled"
    for api, url in (
        (live, "http://hooks.example/x"),
        (test, "hooks.example"),
        (test, "ftp://x/y"),
        (test, "http://["),
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            _create(api, url=url)
        assert (caught.value.code, caught.value.param) == ("url_invalid", "url")


def test_changes_of_endpoints_make_no_events() -> None:
    """Stripe has no event type for endpoints: creating, disabling and deleting one is not reported."""
    world = small_world()
    api = client(world)
    made = _create(api, metadata={"a": "1"}, description="x")
    changed = api.v1.webhook_endpoints.update(made.id, {"disabled": True, "metadata": {"b": "2"}, "description": ""})
    assert (changed.status, changed.metadata.to_dict(), changed.description) == ("disabled", {"a": "1", "b": "2"}, None)
    assert api.v1.webhook_endpoints.update(made.id, {"disabled": False}).status == "enabled"
    api.v1.webhook_endpoints.delete(made.id)
    assert api.v1.events.list({}).data == []
