"""Idempotency keys as Stripe documents them: what is saved, for whom, how long, and what a repeated key answers."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator import requests
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, client, document, error_of, failed_invoice, send, small_world


def pay(world: World, invoice: str, key: str = "k1", body: str = "", **headers: str):
    """Pay under a key."""
    return send(world, "POST", f"/v1/invoices/{invoice}/pay", body=body, Idempotency_Key=key, **headers)


def test_a_saved_decline_and_a_saved_500_are_replayed_word_for_word() -> None:
    """Status and body are the first ones; the answer says it is a replay and of which request."""
    world = small_world()
    invoice = failed_invoice(world)
    for kind, status in ((None, 402), ("500", 500)):
        if kind:
            world.sim.faults.add(kind)
        key = f"key-{status}"
        first, again = pay(world, invoice, key), pay(world, invoice, key)
        assert first[0] == again[0] == status
        assert first[1] == again[1]
        assert "Idempotent-Replayed" not in first[2]
        assert again[2]["Idempotent-Replayed"] == "true"
        assert again[2]["Original-Request"] == first[2]["Request-Id"] != again[2]["Request-Id"]
        assert first[2]["Idempotency-Key"] == again[2]["Idempotency-Key"] == key


def test_row_key_reuse_with_other_parameters() -> None:
    """400 idempotency_error through the SDK, and the first answer stands."""
    world = small_world()
    invoice = failed_invoice(world)
    api = client(world)
    api.v1.invoices.update(invoice, {"metadata": {"a": "1"}}, {"idempotency_key": "k1"})
    with pytest.raises(stripe.IdempotencyError, match="same parameters") as caught:
        api.v1.invoices.update(invoice, {"metadata": {"a": "2"}}, {"idempotency_key": "k1"})
    assert caught.value.http_status == 400
    assert "'k1'" in str(caught.value)
    assert api.v1.invoices.update(invoice, {"metadata": {"a": "1"}}, {"idempotency_key": "k1"}).metadata["a"] == "1"


def test_another_endpoint_under_the_same_key_is_named() -> None:
    """Stripe's sentence shows both paths."""
    world = small_world()
    invoice = failed_invoice(world)
    pay(world, invoice)
    status, body, _ = send(world, "POST", f"/v1/invoices/{invoice}/void", Idempotency_Key="k1")
    assert (status, body["error"]["type"]) == (400, "idempotency_error")
    assert f"('/v1/invoices/{invoice}/void' vs '/v1/invoices/{invoice}/pay')" in body["error"]["message"]


def test_the_order_of_parameters_does_not_matter() -> None:
    """The same parameters in another order are the same request."""
    world = small_world()
    invoice = failed_invoice(world)
    pay(world, invoice, body="off_session=true&forgive=false")
    assert "Idempotent-Replayed" in pay(world, invoice, body="forgive=false&off_session=true")[2]


def test_row_key_in_flight() -> None:
    """While the first request's answer is held back its key is 409 with Should-Retry; other keys are not affected."""
    world = small_world()
    invoice = failed_invoice(world)
    world.sim.faults.add("slow", path="/v1/invoices/*/pay")
    lines = {"Authorization": f"Bearer {env_of(world)['STANDARD']}", "Idempotency-Key": "k1"}
    held = world.handle("POST", f"/v1/invoices/{invoice}/pay", lines, b"").held
    assert held is not None
    requests.hold(world.sim, held)
    with pytest.raises(stripe.APIError) as caught:
        client(world).v1.invoices.pay(invoice, options={"idempotency_key": "k1"})
    error = error_of(caught)
    assert (caught.value.http_status, error.code, error.type) == (409, "idempotency_key_in_use", "idempotency_error")
    assert (caught.value.headers or {})["stripe-should-retry"] == "true"
    assert pay(world, invoice, "k2")[0] == 402
    requests.let_go(world.sim, held)
    assert pay(world, invoice)[2]["Idempotent-Replayed"] == "true"


def test_conflicts_locks_limits_and_wrong_parameters_are_not_saved() -> None:
    """After each of them the same key carries the request through."""
    for kind in ("409", "429", "429_lock", "500_unsaved", "502_html"):
        world = small_world()
        invoice = failed_invoice(world)
        control.approve(world, "ada")
        world.sim.faults.add(kind)
        lines = {"Authorization": f"Bearer {env_of(world)['STANDARD']}", "Idempotency-Key": "k1"}
        assert world.handle("POST", f"/v1/invoices/{invoice}/pay", lines, b"").status in (409, 429, 500, 502)
        assert pay(world, invoice, body="nope=1")[0] == 400
        assert pay(world, invoice)[0] == 200


def test_a_key_is_pruned_after_a_day_and_then_means_a_new_request() -> None:
    """24 hours of virtual time later other parameters are fine too."""
    world = small_world()
    invoice = failed_invoice(world)
    pay(world, invoice)
    world.advance_to(world.now + DAY)
    status, _, headers = pay(world, invoice, body="off_session=true")
    assert status == 402
    assert "Idempotent-Replayed" not in headers


@pytest.mark.parametrize(("length", "status"), [(0, 400), (1, 200), (255, 200), (256, 400)])
def test_keys_have_one_to_255_characters(length: int, status: int) -> None:
    """Stripe's sentence tells the length."""
    world = small_world()
    got, body, _ = send(world, "POST", "/v1/customers", Idempotency_Key="k" * length)
    assert got == status
    if status == 400:
        assert body["error"]["type"] == "idempotency_error"
        assert f"length is {length}" in body["error"]["message"]


def test_keys_mean_nothing_on_get_and_delete() -> None:
    """A DELETE with a known key is carried out, a GET with one reads; neither takes the key."""
    world = small_world()
    api = client(world)
    subscription = api.v1.subscriptions.list().data[0].id
    path = f"/v1/subscriptions/{subscription}"
    assert send(world, "POST", path, body="metadata[a]=b", Idempotency_Key="k1")[0] == 200
    assert send(world, "GET", path, Idempotency_Key="k1")[1]["status"] == "active"
    status, body, headers = send(world, "DELETE", path, Idempotency_Key="k1")
    assert (status, body["status"]) == (200, "canceled")
    assert "Idempotency-Key" not in headers
    assert send(world, "DELETE", path, Idempotency_Key="k1")[2].get("Idempotent-Replayed") is None


def test_keys_belong_to_an_account_and_a_mode() -> None:
    """The same key is new in the other mode, and for a connected account."""
    scenario = document(
        keys=[{"env": "STANDARD", "type": "standard"}, {"env": "LIVE", "type": "standard", "livemode": True}]
    )
    scenario["accounts"]["acct_1Shop"] = {"name": "Shop"}
    world = build_world(scenario)
    world.sim.accounts[("acct_1Shop", False)].platform = "acct_1AcmeUS"
    made = [
        send(world, "POST", "/v1/customers", key=key, Idempotency_Key="k1", **more)
        for key, more in (
            (None, {}),
            (env_of(world)["LIVE"], {}),
            (None, {"Stripe_Account": "acct_1Shop"}),
        )
    ]
    assert len({body["id"] for _, body, _ in made}) == 3
    assert not any("Idempotent-Replayed" in headers for _, _, headers in made)
