"""Keys: who is refused, with which status and words, and that permission comes before existence."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator.protocol.access import FLEXPAY_PRESET, KNOWN, masked, permission_set
from flexpay_reconcile.simulator.routes import ROUTES
from flexpay_reconcile.simulator.scenario.scenario import env_of
from tests.unit.simulator.helpers import client, failed_invoice, send, small_world


def test_the_guides_six_rows_read_and_write_what_they_say() -> None:
    """A key with the guide's six rows passes the six read probes and the three write probes (404, not 403)."""
    api = client(small_world(), "PRIMARY")
    api.v1.charges.list({"limit": 1})
    api.v1.customers.list({"limit": 1})
    api.v1.payment_intents.list({"limit": 1})
    api.v1.invoices.list({"limit": 1, "expand": ["data.payments"]})
    api.v1.subscriptions.list({"limit": 1})
    api.v1.webhook_endpoints.list({"limit": 1})
    for probe in (
        lambda: api.v1.invoices.update("in_fpprobe000", {"metadata": {"a": "b"}}),
        lambda: api.v1.subscriptions.update("sub_fpprobe000", {"metadata": {"a": "b"}}),
        lambda: api.v1.webhook_endpoints.update("we_fpprobe000", {"description": "x"}),
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            probe()
        assert caught.value.http_status == 404
        assert caught.value.code == "resource_missing"


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {'/'.join(route.path)}")
def test_every_route_refuses_a_key_without_its_permission_before_looking(route) -> None:
    """A key with every permission but the route's gets 403, although the object does not exist."""
    everything = sorted(name for name in KNOWN if name not in _implying(route.permission))
    world = small_world(
        keys=[
            {"env": "STANDARD", "type": "standard"},
            {"env": "ALMOST", "type": "restricted", "permissions": everything},
        ]
    )
    path = "/v1/" + "/".join("none_1" if part == "*" else part for part in route.path)
    status, body, _ = send(world, route.method, path, key=env_of(world)["ALMOST"])
    assert status == 403
    assert body["error"]["code"] == "more_permissions_required"
    assert f"'{route.permission}'" in body["error"]["message"]
    assert "'acct_1AcmeUS'" in body["error"]["message"]


def _implying(permission: str) -> set[str]:
    return {permission, permission.replace("_read", "_write")}


def test_account_is_not_readable_with_the_six_rows() -> None:
    """GET /v1/account answers 403 that names the account and masks the key."""
    world = small_world()
    with pytest.raises(stripe.PermissionError) as caught:
        client(world, "PRIMARY").v1.accounts.retrieve_current()
    message = str(caught.value)
    secret = env_of(world)["PRIMARY"]
    assert "acct_1AcmeUS" in message
    assert "rak_accounts_kyc_basic_read" in message
    assert secret not in message
    assert secret[-4:] in message
    assert client(world).v1.accounts.retrieve_current().id == "acct_1AcmeUS"


def test_keys_that_are_no_good_get_401() -> None:
    """No key, an unknown, a revoked and an expired one are refused; only the expired one has a code."""
    world = small_world(
        keys=[
            {"env": "STANDARD", "type": "standard"},
            {"env": "REVOKED", "type": "standard", "revoked": True},
            {"env": "OLD", "type": "standard", "expires_at": "2026-01-01T00:00:00Z"},
        ]
    )
    keys = env_of(world)
    assert send(world, "GET", "/v1/charges", key="")[0] == 401
    assert send(world, "GET", "/v1/charges", key="rk_test_" + "x" * 24)[0] == 401
    assert send(world, "GET", "/v1/charges", key=keys["REVOKED"])[0] == 401
    status, body, _ = send(world, "GET", "/v1/charges", key=keys["OLD"])
    assert (status, body["error"]["code"]) == (401, "api_key_expired")
    assert keys["OLD"] not in body["error"]["message"]


def test_a_key_of_the_other_mode_sees_nothing_of_this_one() -> None:
    """A test key asks for a live object: 404 that says the object is in the other mode."""
    world = small_world(
        livemode=True,
        keys=[{"env": "STANDARD", "type": "standard"}, {"env": "TEST", "type": "standard", "livemode": False}],
    )
    customer = client(world).v1.customers.list().data[0].id
    assert client(world, "TEST").v1.customers.list().data == []
    status, body, _ = send(world, "GET", f"/v1/customers/{customer}", key=env_of(world)["TEST"])
    assert status == 404
    assert "exists in live mode, but a test mode key" in body["error"]["message"]


def test_expansion_needs_the_permission_of_what_it_shows() -> None:
    """Expanding a customer's card with the six rows is refused; invoice payments are not."""
    world = small_world()
    api = client(world, "PRIMARY")
    customer = api.v1.customers.list().data[0].id
    with pytest.raises(stripe.PermissionError, match="rak_payment_method_read"):
        api.v1.customers.retrieve(customer, {"expand": ["invoice_settings.default_payment_method"]})
    invoice = failed_invoice(world)
    assert api.v1.invoices.retrieve(invoice, {"expand": ["payments"]}).payments.data


def test_another_accounts_header_is_refused() -> None:
    """Stripe-Account naming a foreign account is 403; naming the key's own account is fine."""
    world = small_world()
    assert send(world, "GET", "/v1/charges", Stripe_Account="acct_other")[0] == 403
    assert send(world, "GET", "/v1/charges", Stripe_Account="acct_1AcmeUS")[0] == 200


def test_write_implies_read_and_unknown_names_are_refused() -> None:
    """The implied permissions are there; a name Stripe does not have is an error."""
    assert "rak_invoice_read" in permission_set(FLEXPAY_PRESET)
    assert "rak_credit_note_read" in permission_set(["rak_invoice_write"])
    assert "rak_credit_note_read" not in permission_set(["rak_invoice_read"])
    with pytest.raises(ValueError, match="rak_nonsense"):
        permission_set(["rak_nonsense"])


def test_masking_shows_prefix_and_last_four_only() -> None:
    """What is printed of a key is what Stripe prints."""
    assert masked("rk_test_" + "a" * 20 + "WXYZ") == "rk_test_" + "*" * 20 + "WXYZ"
