"""Connect: whose events arrive where, what a platform reads of connected accounts, and what deauthorisation ends."""

from __future__ import annotations

import json
from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.scenario.scenario import ScenarioError, build_world, env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import Mailbox, client

OWN, CONNECT, LIVE = "http://127.0.0.1:1/own", "http://127.0.0.1:1/connect", "http://127.0.0.1:1/live"
SHOP, OTHER, PLATFORM = "acct_shop", "acct_other", "acct_platform"


def _document(**shop: Any) -> dict[str, Any]:
    accounts: dict[str, Any] = {
        SHOP: {"name": "Shop", "platform": PLATFORM, "keys": [{"env": "SHOP", "type": "standard"}], **shop},
        OTHER: {"name": "Other", "keys": [{"env": "OTHER", "type": "standard"}]},
        PLATFORM: {
            "name": "Platform",
            "keys": [
                {"env": "PLATFORM", "type": "standard"},
                {"env": "PLATFORM_LIVE", "type": "standard", "livemode": True},
            ],
        },
    }
    return {"version": 1, "seed": 3, "start": "2026-01-01T00:00:00Z", "accounts": accounts}


def _world(**shop: Any) -> World:
    return build_world(_document(**shop))


def _hook(world: World, env: str, url: str, *events: str, connect: bool = False) -> str:
    made = client(world, env).v1.webhook_endpoints.create(
        {"url": url, "enabled_events": list(events) or ["*"], "connect": connect}
    )
    return str(made.id)


def _arrived(box: Mailbox) -> list[tuple[str, str, str | None]]:
    """(end of URL, type, account) of each delivery."""
    rows = [(url, json.loads(body)) for url, _, body in box.got]
    return [(url.rpartition("/")[2], event["type"], event.get("account")) for url, event in rows]


def test_connect_endpoints_get_events_of_connected_accounts_only() -> None:
    """The platform's Connect endpoint hears of the shop, with `account`; its account endpoint hears of the platform."""
    world = _world()
    _hook(world, "PLATFORM", OWN, "customer.created")
    _hook(world, "PLATFORM", CONNECT, "customer.created", connect=True)
    _hook(world, "SHOP", "http://127.0.0.1:1/shop", "customer.created")
    box = Mailbox(world)
    client(world, "SHOP").v1.customers.create({})
    client(world, "OTHER").v1.customers.create({})
    client(world, "PLATFORM").v1.customers.create({})
    client(world, "PLATFORM").v1.customers.create({}, {"stripe_account": SHOP})
    world.advance_to(world.now)
    assert _arrived(box) == [
        ("shop", "customer.created", None),
        ("connect", "customer.created", SHOP),
        ("own", "customer.created", None),
        ("shop", "customer.created", None),
        ("connect", "customer.created", SHOP),
    ]
    shop = client(world, "SHOP").v1.events.list({"type": "customer.created"}).data
    assert [event.pending_webhooks for event in shop] == [0, 0]
    assert client(world, "PLATFORM").v1.events.list({}).data[0].id not in [event.id for event in shop]


def test_the_platforms_secret_signs() -> None:
    """A Connect delivery is signed with the secret of the platform's endpoint, and retried like any other."""
    world = _world()
    made = client(world, "PLATFORM").v1.webhook_endpoints.create(
        {"url": CONNECT, "enabled_events": ["customer.created"], "connect": True}
    )
    assert made.application.startswith("ca_")
    assert "connect" not in client(world, "PLATFORM").v1.webhook_endpoints.retrieve(made.id)
    box = Mailbox(world, 500)
    client(world, "SHOP").v1.customers.create({})
    world.advance_to(world.now + 600)
    assert len(box.got) == 2
    for _, headers, body in box.got:
        assert stripe.WebhookSignature.verify_header(
            body.decode(), headers["Stripe-Signature"], made.secret, tolerance=None
        )
    event = client(world, "SHOP").v1.events.list({}).data[0]
    assert control_api.post(world, "resend", {"event": event.id})["deliveries"] == 1


def test_a_live_connect_endpoint_gets_test_events_too() -> None:
    """Test events of the shop reach the live Connect endpoint with livemode false; live ones reach only that one."""
    world = _world(
        keys=[{"env": "SHOP", "type": "standard"}, {"env": "SHOP_LIVE", "type": "standard", "livemode": True}]
    )
    _hook(world, "PLATFORM_LIVE", LIVE, "customer.created", connect=True)
    _hook(world, "PLATFORM", CONNECT, "customer.created", connect=True)
    box = Mailbox(world)
    client(world, "SHOP").v1.customers.create({})
    client(world, "SHOP_LIVE").v1.customers.create({})
    world.advance_to(world.now)
    found = [(url.rpartition("/")[2], json.loads(body)["livemode"]) for url, _, body in box.got]
    assert found == [("connect", False), ("live", False), ("live", True)]


def test_what_a_platform_reads_of_its_accounts() -> None:
    """The list holds connected accounts; one is read by id or by Stripe-Account; a stranger's is refused."""
    world = _world()
    api = client(world, "PLATFORM")
    listed = api.v1.accounts.list({})
    assert [row.id for row in listed.data] == [SHOP]
    assert listed.data[0].requirements.disabled_reason is None
    assert api.v1.accounts.retrieve(SHOP).controller.type == "account"
    assert api.v1.accounts.retrieve(PLATFORM).id == api.v1.accounts.retrieve_current().id == PLATFORM
    assert api.v1.accounts.retrieve_current({}, {"stripe_account": SHOP}).id == SHOP
    assert client(world, "SHOP").v1.accounts.list({}).data == []
    for id_ in (OTHER, "acct_none"):
        with pytest.raises(stripe.PermissionError) as caught:
            api.v1.accounts.retrieve(id_)
        error: Any = caught.value.error
        assert error.code == "account_invalid"


def test_reading_accounts_needs_its_permission() -> None:
    """A key without rak_accounts_kyc_basic_read reads no account, its own neither."""
    world = _world(keys=[{"env": "SHOP", "type": "restricted", "permissions": "flexpay"}])
    api = client(world, "SHOP")
    for ask in (
        api.v1.accounts.retrieve_current,
        lambda: api.v1.accounts.list({}),
        lambda: api.v1.accounts.retrieve(SHOP),
    ):
        with pytest.raises(stripe.PermissionError, match="rak_accounts_kyc_basic_read"):
            ask()


def test_deauthorisation_is_told_to_the_platform_and_ends_its_access() -> None:
    """Only the Connect endpoint hears it, with the application; then calls fail and no more events come."""
    world = _world()
    _hook(world, "PLATFORM", CONNECT, connect=True)
    _hook(world, "PLATFORM", OWN)
    _hook(world, "SHOP", "http://127.0.0.1:1/shop", "account.application.deauthorized")
    box = Mailbox(world)
    assert control_api.post(world, "deauthorize", {"account": SHOP})["platform"] == PLATFORM
    client(world, "SHOP").v1.customers.create({})
    world.advance_to(world.now)
    assert _arrived(box) == [("connect", "account.application.deauthorized", SHOP)]
    told = json.loads(box.got[0][2])["data"]["object"]
    assert (told["object"], told["name"]) == ("application", "Platform")
    assert told["id"] == client(world, "PLATFORM").v1.webhook_endpoints.list({}).data[1].application
    api = client(world, "PLATFORM")
    with pytest.raises(stripe.PermissionError, match="Application access may have been revoked"):
        api.v1.customers.list({}, {"stripe_account": SHOP})
    assert api.v1.accounts.list({}).data == []
    assert world.sim.deauthorized == {SHOP}
    with pytest.raises(ControlError, match="not connected"):
        control_api.post(world, "deauthorize", {"account": SHOP})


def test_an_account_can_join_again() -> None:
    """After authorize, the platform acts for it and hears of it as before."""
    world = _world()
    _hook(world, "PLATFORM", CONNECT, "customer.created", connect=True)
    box = Mailbox(world)
    control_api.post(world, "deauthorize", {"account": SHOP})
    control_api.post(world, "authorize", {"account": SHOP, "platform": PLATFORM})
    control_api.post(world, "authorize", {"account": OTHER, "platform": PLATFORM})
    client(world, "SHOP").v1.customers.create({})
    client(world, "PLATFORM").v1.customers.create({}, {"stripe_account": OTHER})
    world.advance_to(world.now)
    assert [account for _, _, account in _arrived(box)] == [SHOP, OTHER]
    assert world.sim.deauthorized == set()
    for wrong in (
        {"account": SHOP, "platform": OTHER},
        {"account": SHOP, "platform": "acct_x"},
        {"account": "acct_x", "platform": SHOP},
    ):
        with pytest.raises(ControlError):
            control_api.post(world, "authorize", wrong)


def test_a_restricted_account_says_so() -> None:
    """charges_enabled turns false with a reason, account.updated goes to both, and all can be lifted again."""
    world = _world()
    api = client(world, "PLATFORM")
    _hook(world, "PLATFORM", CONNECT, "account.updated", connect=True)
    _hook(world, "SHOP", "http://127.0.0.1:1/shop", "account.updated")
    box = Mailbox(world)
    control_api.post(world, "restrict-account", {"account": SHOP, "reason": "rejected.fraud"})
    world.advance_to(world.now)
    assert sorted(_arrived(box)) == [("connect", "account.updated", SHOP), ("shop", "account.updated", None)]
    shown = api.v1.accounts.retrieve(SHOP)
    assert (shown.charges_enabled, shown.requirements.disabled_reason) == (False, "rejected.fraud")
    assert shown.capabilities.card_payments == "inactive"
    before = json.loads(box.got[0][2])["data"]["previous_attributes"]
    assert (before["charges_enabled"], before["payouts_enabled"]) == (True, True)
    control_api.post(world, "unrestrict-account", {"account": SHOP})
    control_api.post(world, "restrict-account", {"account": PLATFORM})
    assert api.v1.accounts.retrieve(SHOP).charges_enabled is True
    assert api.v1.accounts.retrieve_current().charges_enabled is False
    with pytest.raises(ControlError, match="reason is one of"):
        control_api.post(world, "restrict-account", {"account": SHOP, "reason": "bored"})


def test_scenarios_refuse_platforms_that_cannot_be() -> None:
    """An unknown platform, and an account as its own."""
    for platform in ("acct_none", SHOP):
        with pytest.raises(ScenarioError) as caught:
            _world(platform=platform)
        assert caught.value.path == f"accounts.{SHOP}.platform"
    assert set(env_of(_world())) == {"SHOP", "OTHER", "PLATFORM", "PLATFORM_LIVE"}
