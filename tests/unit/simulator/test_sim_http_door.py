"""The HTTP door and clock following: the real SDK over loopback, real deliveries, followers, control, hostile bodies."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.door.follow import Busy, Conductor
from flexpay_reconcile.simulator.door.server import make_server
from flexpay_reconcile.simulator.scenario.scenario import env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, HOUR, START, client, failed_invoice, small_world

RENEWAL = START + 29 * DAY + 9 * HOUR


@contextmanager
def _serving(world: World) -> Iterator[int]:
    """The door on a free port."""
    ready = threading.Event()
    ports: list[int] = []

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    server = make_server(world, "127.0.0.1", 0, on_ready)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(10)
    try:
        yield ports[0]
    finally:
        server.should_exit = True
        thread.join(10)
        assert not thread.is_alive()


def _ask(
    port: int, method: str, path: str, body: Any = None, raw: bytes | None = None, **headers: str
) -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        data = raw if raw is not None else (json.dumps(body).encode() if body is not None else None)
        connection.request(method, path, body=data, headers=headers)
        answer = connection.getresponse()
        text = answer.read()
        return answer.status, json.loads(text) if "json" in (answer.headers["Content-Type"] or "") else text
    finally:
        connection.close()


class _Hook:
    """A webhook listener on loopback."""

    def __init__(self) -> None:
        self.got: list[tuple[dict[str, str], bytes]] = []
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                hook.got.append((dict(self.headers.items()), body))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                pass

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(5)


def test_the_real_sdk_lives_through_a_month_over_http() -> None:
    """Endpoint, decline by control, advance with signed deliveries, pay: all over loopback HTTP."""
    world = small_world()
    hook = _Hook()
    try:
        with _serving(world) as port:
            api = stripe.StripeClient(env_of(world)["PRIMARY"], base_addresses={"api": f"http://127.0.0.1:{port}"})
            made = api.v1.webhook_endpoints.create({"url": hook.url, "enabled_events": ["invoice.payment_failed"]})
            assert (
                _ask(port, "POST", "/_simulator/decline", {"customer": "ada", "code": "insufficient_funds"})[0] == 200
            )
            status, done = _ask(port, "POST", "/_simulator/advance", {"days": 31})
            assert (status, done["now"], done["deliveries"]) == (200, START + 31 * DAY, 1)
            headers, body = hook.got[0]
            stripe.WebhookSignature.verify_header(
                body.decode(), headers["Stripe-Signature"], made.secret, tolerance=None
            )
            invoice = json.loads(body)["data"]["object"]["id"]
            with pytest.raises(stripe.CardError) as caught:
                api.v1.invoices.pay(invoice)
            assert (caught.value.headers or {})["simulator-clock"] == str(START + 31 * DAY)
            world.sim.faults.add("lost_answer", path="/v1/invoices/*/pay")
            _ask(port, "POST", "/_simulator/approve", {"customer": "ada"})
            with pytest.raises(stripe.APIConnectionError):
                api.v1.invoices.pay(invoice)
            assert api.v1.invoices.retrieve(invoice).status == "paid"
            rows = _ask(port, "GET", "/_simulator/charges")[1]["charges"]
            assert [row["status"] for row in rows if row["invoice"] == invoice] == ["failed", "failed", "succeeded"]
            assert _ask(port, "GET", "/_simulator/clock")[1] == {"now": START + 31 * DAY}
            assert _ask(port, "GET", "/_simulator/invoices")[1]["invoices"]
            page = _ask(port, "GET", "/")[1]
            assert b"2026-02-01T00:00:00Z" in page
    finally:
        hook.close()


def test_bad_requests_over_http_get_clean_errors() -> None:
    """Too large, not JSON, unknown names and fields, clocks going back, foreign host names: an error document each."""
    world = small_world()
    with _serving(world) as port:
        cases = [
            (413, _ask(port, "POST", "/v1/customers", raw=b"a" * (1024 * 1024 + 1))),
            (400, _ask(port, "POST", "/_simulator/advance", raw=b"{nope")),
            (400, _ask(port, "POST", "/_simulator/advance", raw=b"[" * 100000)),
            (400, _ask(port, "POST", "/_simulator/advance", [1])),
            (400, _ask(port, "POST", "/_simulator/advance", {"to": START - 1})),
            (400, _ask(port, "POST", "/_simulator/advance", {"days": 1, "seconds": 1})),
            (400, _ask(port, "POST", "/_simulator/advance", {"days": True})),
            (400, _ask(port, "POST", "/_simulator/decline", {"customer": "ada"})),
            (400, _ask(port, "POST", "/_simulator/decline", {"customer": "nobody", "code": "x"})),
            (400, _ask(port, "POST", "/_simulator/decline", {"customer": "ada", "code": "x", "colour": "red"})),
            (400, _ask(port, "POST", "/_simulator/fault", {"kind": "fire"})),
            (400, _ask(port, "POST", "/_simulator/follow", {"follower": "", "as_of": 1})),
            (400, _ask(port, "POST", "/_simulator/follow", {"follower": "a", "as_of": "x"})),
            (404, _ask(port, "POST", "/_simulator/nope", {})),
            (404, _ask(port, "GET", "/_simulator/nope")),
            (401, _ask(port, "GET", "/v1/charges")),
            (401, _ask(port, "GET", "/favicon.ico")),
            (403, _ask(port, "GET", "/_simulator/charges", Host="evil.example")),
        ]
        for expected, (status, answer) in cases:
            assert status == expected
            assert answer["error"]["message"]


def test_the_control_interface_reaches_every_act() -> None:
    """Card, set, pay elsewhere, void and cancel work as JSON."""
    world = small_world()
    invoice = failed_invoice(world)
    with _serving(world) as port:

        def post(name: str, **document: Any) -> dict[str, Any]:
            status, answer = _ask(port, "POST", f"/_simulator/{name}", document)
            assert status == 200, answer
            return answer

        assert post("card", customer="ada", token="pm_card_visa")["payment_method"].startswith("pm_")
        post("set", object=invoice, field="next_payment_attempt", value=world.now + DAY)
        post("set", object=invoice, field="next_payment_attempt", value=None)
        assert post("pay-elsewhere", customer="ada", how="out_of_band")["invoice"] == invoice
        assert post("cancel", customer="ben")["subscription"].startswith("sub_")
        assert _ask(port, "POST", "/_simulator/void", {"invoice": invoice})[0] == 400
        assert _ask(port, "GET", "/_simulator/state")[1]["subscriptions"] == {"active": 1, "canceled": 1}


def test_only_loopback_is_served() -> None:
    """Binding elsewhere is refused before a socket is opened."""
    with pytest.raises(ValueError, match="loopback"):
        make_server(small_world(), "0.0.0.0", 0)  # noqa: S104


class _Daemon(threading.Thread):
    """A follower: at each waking it does its due work, then says until when it can sleep."""

    def __init__(self, conductor: Conductor, every: int) -> None:
        super().__init__(daemon=True)
        self.conductor = conductor
        self.every = every
        self.turns: list[tuple[int, str]] = []
        self.idle = threading.Event()
        self.stop = False

    def run(self) -> None:
        now = self.conductor.world.now
        due = now + self.every
        while not self.stop:
            self.idle.set()
            now, reason = self.conductor.follow("daemon", as_of=now, wake_at=due, timeout=5)
            self.turns.append((now, reason))
            if now >= due:
                due = now + self.every


def test_a_follower_is_woken_at_its_own_instants_and_at_deliveries() -> None:
    """An advance never passes a wake_at, stops for each delivery, and ends with the follower idle at the target."""
    world = small_world()
    client(world).v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/x", "enabled_events": ["invoice.payment_failed"]}
    )
    control.decline(world, "ada", "insufficient_funds")
    conductor = Conductor(world, send=lambda parcel: 200)
    conductor.start()
    daemon = _Daemon(conductor, every=10 * DAY)
    daemon.start()
    assert daemon.idle.wait(5)
    done = conductor.advance(START + 31 * DAY + 5)
    assert done.deliveries == 1
    assert (RENEWAL + HOUR, "delivery") in daemon.turns
    clocked = [now for now, reason in daemon.turns if reason == "clock"]
    assert clocked == [START + 10 * DAY, START + 20 * DAY, START + 30 * DAY, START + 31 * DAY + 5]
    assert conductor.followers() == ["daemon"]
    daemon.stop = True
    conductor.stop()
    daemon.join(5)
    assert not daemon.is_alive()


def test_a_follower_may_call_stripe_during_an_advance() -> None:
    """What the follower does in its turn happens at the instant it was woken, and counts before time moves on."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    conductor = Conductor(world, send=lambda parcel: None)
    conductor.start()
    secret = env_of(world)["PRIMARY"]
    due = world.now + 3 * DAY
    idle = threading.Event()

    def live() -> None:
        now = world.now
        idle.set()
        while now < due:
            now, _ = conductor.follow("daemon", as_of=now, wake_at=due, timeout=5)
        conductor.handle(
            "POST",
            f"/v1/invoices/{invoice}/pay",
            {"authorization": f"Bearer {secret}", "simulator-follower": "daemon"},
            b"",
        )
        while now < due + 7 * DAY:
            now, _ = conductor.follow("daemon", as_of=now, wake_at=None, timeout=5)
        conductor.follow("daemon", as_of=now, wake_at=None, timeout=5)

    thread = threading.Thread(target=live, daemon=True)
    with conductor.changed:
        conductor._touch("daemon")
    thread.start()
    assert idle.wait(5)
    conductor.advance(world.now + 10 * DAY)
    assert [row["created"] for row in world.ledger.charges if row["invoice"] == invoice][-1] == due
    conductor.stop()
    thread.join(5)


def test_a_follower_that_vanished_is_dropped(capsys) -> None:
    """After twenty seconds without a sign the clock no longer waits, and a line says so."""
    moment = [0.0]
    world = small_world()
    conductor = Conductor(world, send=lambda parcel: 200, monotonic=lambda: moment[0])
    conductor.follow("gone", as_of=world.now, wake_at=None, timeout=0)
    moment[0] = 21.0
    assert conductor.advance(START + DAY).now == START + DAY
    assert "'gone'" in capsys.readouterr().err


def test_a_delivery_since_the_last_idle_wakes_at_once() -> None:
    """A follower that was busy while something was delivered is told so right away, once."""
    world = small_world()
    conductor = Conductor(world, send=lambda parcel: 200, monotonic=lambda: 0.0)
    conductor.follow("a", as_of=world.now, wake_at=None, timeout=0)
    world.delivered += 1
    assert conductor.follow("a", as_of=world.now, wake_at=None, timeout=9) == (START, "delivery")
    assert conductor.follow("a", as_of=world.now, wake_at=None, timeout=0) == (START, "timeout")


def test_the_clock_neither_goes_back_nor_is_moved_twice() -> None:
    """A target in the past is refused, and so is a second advance."""
    conductor = Conductor(small_world(), send=lambda parcel: 200)
    with pytest.raises(ValueError, match="go back"):
        conductor.advance(START - 1)
    conductor._advancing = True
    with pytest.raises(Busy):
        conductor.advance(START + 1)
