"""Keys in depth: two columns of permissions, both wordings, connected accounts, keys that stop working and come back."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control_access, control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.protocol.access import FLEXPAY_PRESET, KNOWN
from flexpay_reconcile.simulator.routes import ROUTES
from flexpay_reconcile.simulator.scenario.scenario import ScenarioError, build_world, env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, START, client, document, error_of, send, small_world

PLATFORM, SHOP, STRANGER = "acct_1AcmeUS", "acct_1Shop", "acct_1Stranger"
READS = ["rak_invoice_read", "rak_customer_read"]


def restricted(env: str, permissions: Any = "flexpay", **more: Any) -> dict[str, Any]:
    """A restricted key of a scenario."""
    return {"env": env, "name": env, "type": "restricted", "permissions": permissions, **more}


def connected_world(**key: Any) -> World:
    """A platform, a shop connected to it and a stranger; each has customers of its own. `KEY` is a restricted key."""
    keys = [
        {"env": "STANDARD", "type": "standard"},
        {"env": "LIVE", "type": "standard", "livemode": True},
        restricted("KEY", **key),
    ]
    scenario = document(keys=keys)
    plain = {name: value for name, value in scenario["accounts"][PLATFORM].items() if name != "keys"}
    for other in (SHOP, STRANGER):
        scenario["accounts"][other] = {**plain, "name": other}
    world = build_world(scenario)
    world.sim.accounts[(SHOP, False)].platform = PLATFORM
    return world


def ask(world: World, env: str, path: str, account: str | None = None, method: str = "GET") -> tuple[int, Any, Any]:
    """A request with a key, perhaps for another account."""
    lines = {"Stripe_Account": account} if account else {}
    return send(world, method, path, key=env_of(world)[env], **lines)


def test_a_standard_key_of_the_platform_acts_on_the_connected_accounts_tables() -> None:
    """Stripe-Account leads to the shop's customers, and the answer names the account it is about."""
    world = connected_world()
    api = client(world)
    own = {row.id for row in api.v1.customers.list().data}
    theirs = {row.id for row in api.v1.customers.list(options={"stripe_account": SHOP}).data}
    assert own
    assert theirs
    assert not own & theirs
    status, _, headers = ask(world, "STANDARD", "/v1/customers", SHOP)
    assert (status, headers["Stripe-Account"]) == (200, SHOP)
    assert "Stripe-Account" not in ask(world, "STANDARD", "/v1/customers", PLATFORM)[2]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.customers.retrieve(next(iter(own)), options={"stripe_account": SHOP})
    assert caught.value.http_status == 404


def test_what_is_done_for_a_connected_account_is_done_in_its_books() -> None:
    """A customer made with Stripe-Account is the shop's: its event and its ledger are there."""
    world = connected_world()
    made = client(world).v1.customers.create({"name": "New"}, {"stripe_account": SHOP})
    assert world.sim.accounts[(SHOP, False)].find("customer", made.id) is not None
    assert world.sim.accounts[(PLATFORM, False)].find("customer", made.id) is None


@pytest.mark.parametrize("other", [STRANGER, "acct_1Nobody", "acct_1" + "x" * 300])
def test_row_wrong_account(other: str) -> None:
    """An account that is not connected, or does not exist, is 403 account_invalid; the key is masked."""
    world = connected_world()
    status, body, _ = ask(world, "STANDARD", "/v1/customers", other)
    assert (status, body["error"]["code"]) == (403, "account_invalid")
    assert "does not have access to account" in body["error"]["message"]
    assert env_of(world)["STANDARD"] not in body["error"]["message"]


def test_a_disconnected_account_is_out_of_reach_at_once() -> None:
    """After the shop leaves the platform the same request is 403 account_invalid."""
    world = connected_world()
    assert ask(world, "STANDARD", "/v1/customers", SHOP)[0] == 200
    world.sim.accounts[(SHOP, False)].platform = None
    assert ask(world, "STANDARD", "/v1/customers", SHOP)[1]["error"]["code"] == "account_invalid"


def test_a_live_key_does_not_reach_an_account_connected_in_test_mode() -> None:
    """Access is a matter of account and mode together."""
    assert ask(connected_world(), "LIVE", "/v1/customers", SHOP)[1]["error"]["code"] == "account_invalid"


def test_a_restricted_key_without_connect_column_may_not_name_an_account() -> None:
    """403 in Stripe's words for it; its own account named in the header is fine."""
    world = connected_world()
    status, body, _ = ask(world, "KEY", "/v1/customers", SHOP)
    assert status == 403
    assert "does not have any Connect permissions" in body["error"]["message"]
    assert ask(world, "KEY", "/v1/customers", PLATFORM)[0] == 200


def test_the_two_columns_are_independent() -> None:
    """A permission of the account column does not help on a connected account, nor the other way round."""
    world = connected_world(permissions=["rak_customer_read"], connect_permissions=["rak_invoice_write"])
    assert ask(world, "KEY", "/v1/customers")[0] == 200
    assert ask(world, "KEY", "/v1/invoices", SHOP)[0] == 200
    status, body, _ = ask(world, "KEY", "/v1/customers", SHOP)
    assert (status, body["error"]["code"]) == (403, "more_permissions_required")
    assert f"on account '{SHOP}'" in body["error"]["message"]
    assert "'rak_customer_read'" in body["error"]["message"]
    assert ask(world, "KEY", "/v1/invoices")[0] == 403
    assert ask(world, "KEY", "/v1/invoices/in_none/pay", SHOP, "POST")[0] == 404


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {'/'.join(route.path)}")
def test_every_route_asks_the_connect_column_for_a_connected_account(route: Any) -> None:
    """With every permission at home and all but the route's for others, the shop is 403 and home is not."""
    lacks = {route.permission, str(route.permission).replace("_read", "_write")}
    world = connected_world(
        permissions=sorted(KNOWN), connect_permissions=sorted(name for name in KNOWN if name not in lacks)
    )
    path = "/v1/" + "/".join("none_1" if part == "*" else part for part in route.path)
    status, body, _ = ask(world, "KEY", path, SHOP, route.method)
    assert (status, body["error"]["code"]) == (403, "more_permissions_required")
    assert f"'{route.permission}'" in body["error"]["message"]
    assert body["error"]["message"].count(SHOP) == 1
    assert ask(world, "KEY", path, None, route.method)[1].get("error", {}).get("code") != "more_permissions_required"


def test_expansion_on_a_connected_account_asks_its_own_column() -> None:
    """What may be expanded at home may be forbidden for the shop."""
    world = connected_world(permissions=[*READS, "rak_charge_read"], connect_permissions=["rak_invoice_read"])
    path = "/v1/invoices?limit=1&expand[]=data.customer"
    assert ask(world, "KEY", path)[0] == 200
    status, body, _ = ask(world, "KEY", path, SHOP)
    assert status == 403
    assert SHOP in body["error"]["message"]


def test_row_403_permission_before_existence_and_before_parameters() -> None:
    """An unknown object and an unknown parameter are both answered 403 to a key that may not ask."""
    world = small_world(keys=[restricted("STANDARD", ["rak_customer_read"])])
    assert send(world, "POST", "/v1/invoices/in_none/pay", body="nope=1")[0] == 403
    assert send(world, "GET", "/v1/charges/ch_none")[0] == 403
    with pytest.raises(stripe.PermissionError) as caught:
        client(world).v1.invoices.pay("in_none")
    assert (caught.value.http_status, error_of(caught).code) == (403, "more_permissions_required")


def test_row_403_in_both_wordings() -> None:
    """The older sentence names the rak, the newer one the Dashboard's row and the bare name."""
    world = small_world(
        keys=[
            {"env": "STANDARD", "type": "standard"},
            restricted("OLD", ["rak_customer_read"]),
            restricted("NEW", ["rak_customer_read"], wording="new"),
        ]
    )
    old = ask(world, "OLD", "/v1/invoices")[1]["error"]["message"]
    new = ask(world, "NEW", "/v1/invoices")[1]["error"]["message"]
    assert "Having the 'rak_invoice_read' permission would allow this request to continue." in old
    assert "Enabling Invoices Read ('invoice_read') permissions on this key would allow" in new


def test_row_401_expired_and_revoked_keys_by_hand_and_back() -> None:
    """`key` revokes, expires now or later, and restores; the SDK sees an AuthenticationError each time."""
    world = small_world()
    api = client(world, "PRIMARY")
    control_api.post(world, "key", {"key": "PRIMARY", "do": "revoke"})
    with pytest.raises(stripe.AuthenticationError, match="Invalid API Key provided"):
        api.v1.charges.list()
    control_api.post(world, "key", {"key": "Primary", "do": "restore"})
    assert api.v1.charges.list().data
    control_api.post(world, "key", {"key": "PRIMARY", "do": "expire", "at": START + DAY})
    assert api.v1.charges.list().data
    world.advance_to(START + DAY)
    with pytest.raises(stripe.AuthenticationError) as caught:
        api.v1.charges.list()
    assert error_of(caught).code == "api_key_expired"
    assert client(world).v1.charges.list().data


def test_a_permission_may_be_taken_and_granted_in_mid_run() -> None:
    """`permission` changes one column of a restricted key; what implies it goes too."""
    world = small_world()
    api = client(world, "PRIMARY")
    control_api.post(world, "permission", {"key": "PRIMARY", "permission": "rak_invoice_read", "do": "take"})
    with pytest.raises(stripe.PermissionError, match="rak_invoice_read"):
        api.v1.invoices.list()
    with pytest.raises(stripe.PermissionError, match="rak_invoice_write"):
        api.v1.invoices.pay("in_none")
    control_api.post(world, "permission", {"key": "PRIMARY", "permission": "rak_invoice_write", "do": "grant"})
    assert api.v1.invoices.list().data


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("key", {"key": "NOBODY", "do": "revoke"}),
        ("key", {"key": "PRIMARY", "do": "forget"}),
        ("key", {"key": "PRIMARY", "do": "revoke", "at": START}),
        ("permission", {"key": "STANDARD", "permission": "rak_invoice_read", "do": "take"}),
        ("permission", {"key": "PRIMARY", "permission": "rak_nonsense", "do": "take"}),
        ("permission", {"key": "PRIMARY", "permission": "rak_invoice_read", "do": "lend"}),
        ("permission", {"key": "PRIMARY", "permission": "rak_invoice_read", "do": "take", "column": "third"}),
        ("lock", {"object": "in_none", "seconds": 5}),
        ("limits", {"value": "many"}),
    ],
)
def test_control_requests_about_access_are_checked(name: str, given: dict[str, Any]) -> None:
    """Unknown keys, deeds, permissions, columns and objects are refused in words."""
    with pytest.raises(ControlError):
        control_api.post(small_world(), name, given)


def test_two_keys_of_one_name_have_to_be_told_apart() -> None:
    """The name of two keys is no name for either."""
    world = small_world(keys=[restricted("STANDARD"), {**restricted("B"), "name": "STANDARD"}])
    for key in list(world.sim.keys.values()):
        world.sim.keys[key.secret] = replace(key, env=None)
    with pytest.raises(ControlError, match="several"):
        control_access.set_key(world, "STANDARD", "revoke")


def test_a_key_tied_to_another_address_is_401() -> None:
    """From a foreign address the key is refused as not allowed there."""
    world = small_world()
    control_access.set_key(world, "PRIMARY", "foreign_address")
    with pytest.raises(stripe.AuthenticationError, match="does not allow requests from your IP address"):
        client(world, "PRIMARY").v1.charges.list()


def test_publishable_keys_are_refused() -> None:
    """A publishable key is known, and may ask for nothing here."""
    world = small_world(keys=[{"env": "STANDARD", "type": "standard"}, {"env": "PK", "type": "publishable"}])
    assert env_of(world)["PK"].startswith("pk_test_")
    with pytest.raises(stripe.PermissionError, match="publishable API key") as caught:
        client(world, "PK").v1.charges.list()
    assert error_of(caught).code == "secret_key_required"


@pytest.mark.parametrize(
    "key",
    [
        {"type": "standard", "connect_permissions": ["rak_invoice_read"]},
        {"type": "restricted", "permissions": "flexpay", "connect_permissions": ["rak_nonsense"]},
        {"type": "restricted", "permissions": "flexpay", "wording": "newest"},
        {"type": "restricted", "permissions": "flexpay", "foreign_address": "no"},
        {"type": "secret"},
        {"type": "publishable", "permissions": "flexpay"},
    ],
)
def test_scenarios_with_impossible_keys_are_refused(key: dict[str, Any]) -> None:
    """Columns, wordings and kinds that do not exist are named with their path."""
    with pytest.raises(ScenarioError, match=r"keys\[0\]"):
        small_world(keys=[key])


def test_the_guides_preset_works_in_the_connect_column_too() -> None:
    """`connect_permissions: flexpay` gives the six rows on connected accounts."""
    world = connected_world(connect_permissions="flexpay")
    key = world.sim.keys[env_of(world)["KEY"]]
    assert key.connect_permissions is not None
    assert key.connect_permissions >= FLEXPAY_PRESET
    api = stripe.StripeClient(key.secret, http_client=SimulatorTransport(world), stripe_account=SHOP)
    assert api.v1.subscriptions.list().data


def test_row_wrong_mode_says_where_the_object_is() -> None:
    """A live object asked for with a test key: 404 with Stripe's note about the other mode."""
    world = small_world(
        livemode=True,
        keys=[{"env": "STANDARD", "type": "standard"}, {"env": "TEST", "type": "standard", "livemode": False}],
    )
    invoice = client(world).v1.invoices.list({"limit": 1}).data[0].id
    with pytest.raises(stripe.InvalidRequestError) as caught:
        client(world, "TEST").v1.invoices.retrieve(invoice)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (404, "resource_missing", "invoice")
    assert "similar object exists in live mode" in str(caught.value)
