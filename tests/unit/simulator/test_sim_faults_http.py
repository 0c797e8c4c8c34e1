"""Faults over HTTP: what the wire carries of them, and two requests at once under one key."""

from __future__ import annotations

import http.client
import json
import threading
from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.scenario.scenario import env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import error_of, failed_invoice, small_world
from tests.unit.simulator.serving import serving


def payable() -> tuple[World, str]:
    """A world with an open invoice that would be paid now."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    return world, invoice


def sdk(world: World, port: int) -> Any:
    """The SDK over the socket."""
    return stripe.StripeClient(env_of(world)["STANDARD"], base_addresses={"api": f"http://127.0.0.1:{port}"})


@pytest.mark.parametrize(
    ("kind", "error", "paid"),
    [
        ("refused", stripe.APIConnectionError, False),
        ("lost_answer", stripe.APIConnectionError, True),
        ("connection_reset_mid_body", stripe.APIConnectionError, True),
        ("truncated", stripe.APIError, True),
        ("502_html", stripe.APIError, False),
        ("504_html", stripe.APIError, True),
        ("500_executed", stripe.APIError, True),
        ("429", stripe.RateLimitError, False),
    ],
)
def test_the_sdk_meets_each_fault_over_http_as_in_process(kind: str, error: type[Exception], paid: bool) -> None:
    """The same exception, and the same truth about the payment."""
    world, invoice = payable()
    world.sim.faults.add(kind, path="/v1/invoices/*/pay")
    with serving(world) as port:
        with pytest.raises(error) as caught:
            sdk(world, port).v1.invoices.pay(invoice)
        assert type(caught.value) is error
        assert sdk(world, port).v1.invoices.retrieve(invoice).status == ("paid" if paid else "open")


def test_half_a_body_arrives_before_the_connection_breaks() -> None:
    """connection_reset_mid_body: the client reads a true beginning of the answer and then nothing."""
    world, invoice = payable()
    world.sim.faults.add("connection_reset_mid_body")
    with serving(world) as port:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request(
            "GET", f"/v1/invoices/{invoice}", headers={"Authorization": f"Bearer {env_of(world)['STANDARD']}"}
        )
        with pytest.raises(http.client.IncompleteRead) as caught:
            connection.getresponse().read()
        connection.close()
    assert caught.value.partial.startswith(b'{"')
    assert len(caught.value.partial) > 500


def test_row_key_in_flight_two_requests_at_once() -> None:
    """While the first answer is held back a second request under its key is 409; afterwards the key replays."""
    world, invoice = payable()
    world.sim.faults.add("slow", path="/v1/invoices/*/pay", seconds=1)
    account = world.sim.accounts[("acct_1AcmeUS", False)]
    first: list[Any] = []
    with serving(world) as port:
        api = sdk(world, port)
        thread = threading.Thread(
            target=lambda: first.append(api.v1.invoices.pay(invoice, options={"idempotency_key": "k1"}))
        )
        thread.start()
        while not world.sim.limiter.running:  # the request is being answered
            thread.join(0.005)
        with pytest.raises(stripe.APIError) as caught:
            sdk(world, port).v1.invoices.pay(invoice, options={"idempotency_key": "k1"})
        assert (caught.value.http_status, error_of(caught).code) == (409, "idempotency_key_in_use")
        thread.join(10)
        assert first[0].status == "paid"
        assert sdk(world, port).v1.invoices.pay(invoice, options={"idempotency_key": "k1"}).status == "paid"
    assert world.ledger.successes_by_invoice()[invoice] == 1
    assert world.sim.limiter.running == {}
    assert account.idempotency._running == {}


def test_row_rate_limit_concurrency_over_http() -> None:
    """With one place for an endpoint, a request beside a slow one is 429 endpoint-concurrency."""
    world, _ = payable()
    control_api.post(world, "limits", {"value": "off"})
    world.sim.faults.add("slow", path="/v1/charges", seconds=1)
    with serving(world) as port:
        _control(port, "limits", {"value": {"endpoint_concurrency": 1}})
        thread = threading.Thread(target=sdk(world, port).v1.charges.list)
        thread.start()
        while not world.sim.limiter.running:
            thread.join(0.005)
        with pytest.raises(stripe.RateLimitError) as caught:
            sdk(world, port).v1.charges.list()
        assert (caught.value.headers or {})["stripe-rate-limited-reason"] == "endpoint-concurrency"
        assert sdk(world, port).v1.customers.list().data
        thread.join(10)
        assert sdk(world, port).v1.charges.list().data


def _control(port: int, name: str, document: dict[str, Any]) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("POST", f"/_simulator/{name}", body=json.dumps(document))
    assert connection.getresponse().status == 200
    connection.close()
