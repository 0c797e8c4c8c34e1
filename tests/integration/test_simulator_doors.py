"""Two doors, one world: each packaged scenario played in process and over loopback HTTP gives the same ledger.

Real: the SDK, the sockets, the webhook deliveries. Played twice by bare requests and twice by the SDK.
"""

from __future__ import annotations

import http.client
import json
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import pytest
import stripe
import yaml

from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.issuers import worlds
from flexpay_reconcile.simulator.judge import judge
from flexpay_reconcile.simulator.scenario import playthrough
from flexpay_reconcile.simulator.scenario.playthrough import Call, Played
from flexpay_reconcile.simulator.scenario.scenario import build_world
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.serving import serving

NAMES = sorted(worlds.scenario_texts())
_HOOK = re.compile(r"https?://[^\s,\"'}]*hook")
_DRAWN = re.compile(r"\bworld: |\bretries: smart|\brates: ")
_ADVANCE_SECONDS = 300.0


class _Hook(BaseHTTPRequestHandler):
    """Takes every delivery."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(200)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def hook() -> Iterator[str]:
    """The address of a listener that takes every delivery."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Hook)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/hook"
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)


def _world(name: str, hook: str, seed: int | None = None) -> World:
    document = yaml.safe_load(_HOOK.sub(hook, worlds.scenario_texts()[name]))
    if seed is not None:
        document["seed"] = seed
    world = build_world(document)
    world.deliver = lambda url, headers, body: 200
    return world


def _by_sdk(make: Callable[[str], Any]) -> Call:
    """Ask through the SDK. It would give each POST a key by chance, so that each gets one by its number here."""
    number = 0

    def call(method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        nonlocal number
        number += 1
        options: dict[str, Any] = {"idempotency_key": headers.get("Idempotency-Key", f"request-{number}")}
        for name, option in (("Stripe-Account", "stripe_account"), ("Stripe-Version", "stripe_version")):
            if name in headers:
                options[option] = headers[name]
        api = make(headers["Authorization"].removeprefix("Bearer "))
        if method != "POST":
            del options["idempotency_key"]
        try:
            answer = api.raw_request(method.lower(), path, **options, **dict(parse_qsl(body.decode())))
        except stripe.APIConnectionError:
            return playthrough.NO_ANSWER, {}
        except stripe.StripeError as error:
            refused: Any = error.json_body or {}
            return int(error.http_status or 0), refused
        return answer.code, dict(answer.data)

    return call


def _in_process(world: World, *, sdk: bool) -> Played:
    def make(secret: str) -> Any:
        return stripe.StripeClient(secret, http_client=SimulatorTransport(world))

    return playthrough.run(world, call=_by_sdk(make) if sdk else None)


@contextmanager
def _bare(port: int) -> Iterator[Call]:
    """Ask by bare HTTP on one connection, opened anew after a fault broke it."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)

    def call(method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            connection.request(method, path, body or None, headers)
            answer = connection.getresponse()
            return answer.status, playthrough.document_of(answer.read())
        except (http.client.HTTPException, OSError):
            connection.close()
            return playthrough.NO_ANSWER, {}

    try:
        yield call
    finally:
        connection.close()


def _over_http(world: World, *, sdk: bool) -> Played:
    with serving(world) as port:

        def advance(instant: int) -> None:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_ADVANCE_SECONDS)
            try:
                connection.request("POST", "/_simulator/advance", json.dumps({"to": instant}))
                answer = connection.getresponse()
                assert (answer.status, json.loads(answer.read())["now"]) == (200, instant)
            finally:
                connection.close()

        def make(secret: str) -> Any:
            return stripe.StripeClient(
                secret,
                base_addresses={"api": f"http://127.0.0.1:{port}"},
                http_client=stripe.RequestsClient(timeout=20),
            )

        if sdk:
            return playthrough.run(world, call=_by_sdk(make), advance=advance)
        with _bare(port) as call:
            return playthrough.run(world, call=call, advance=advance)


@pytest.mark.parametrize("sdk", [True, False], ids=["sdk", "bare"])
@pytest.mark.parametrize("name", NAMES)
def test_both_doors_give_the_same_ledger(name: str, sdk: bool, hook: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same requests at the same instants: one hash, the same answers, and the same counts of everything."""
    monkeypatch.setattr(stripe, "enable_telemetry", False)
    inside = _in_process(_world(name, hook), sdk=sdk)
    outside = _over_http(_world(name, hook), sdk=sdk)
    assert outside.digest == inside.digest
    assert [reply.status for reply in outside.replies] == [reply.status for reply in inside.replies]
    assert [reply.document for reply in outside.replies] == [reply.document for reply in inside.replies]
    assert outside.summary == inside.summary
    assert inside.surprises == ()


@pytest.mark.parametrize("name", NAMES)
def test_the_same_seed_gives_the_same_ledger_twice(name: str, hook: str) -> None:
    """Played twice in process: one hash, and nothing in the ledger that should not be there but what the file is about."""
    first, second = _world(name, hook), _world(name, hook)
    assert _in_process(first, sdk=False).digest == _in_process(second, sdk=False).digest
    assert [each.code for each in judge(first.ledger) if not each.informative] == []


def _told(world: World) -> list[tuple[int, str, str | None]]:
    """What happened, without the ids, which every seed makes anew."""
    playthrough.run(world)
    return [(row["created"], row["status"], row["reason"]) for row in world.ledger.charges]


@pytest.mark.parametrize("name", NAMES)
def test_another_seed_changes_what_hangs_on_chance_and_nothing_else(name: str, hook: str) -> None:
    """Where people, issuers or smart retries are drawn, another seed tells another story; a script stays the same."""
    drawn = _DRAWN.search(worlds.scenario_texts()[name]) is not None
    assert (_told(_world(name, hook)) != _told(_world(name, hook, seed=8))) is drawn
    assert _world(name, hook, seed=8).ledger.digest() != _world(name, hook).ledger.digest()


def test_a_request_more_gives_another_hash(hook: str) -> None:
    """The comparison can fail: one call that only one of the doors sees shows in the ledger."""
    inside, outside = _world("soft-decline", hook), _world("soft-decline", hook)
    secret = next(iter(outside.sim.keys))
    outside.handle("GET", "/v1/charges", {"Authorization": f"Bearer {secret}"}, b"")
    assert _over_http(outside, sdk=False).digest != _in_process(inside, sdk=False).digest
