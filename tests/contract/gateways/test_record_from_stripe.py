"""`make record`: which keys it takes, what it writes, and that a difference is told. A simulator stands in for Stripe."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flexpay_reconcile.simulator.scenario.scenario import build_world
from flexpay_reconcile.simulator.world import World
from tests.contract.gateways import likeness, record, sandbox
from tests.contract.gateways.conversation import CASSETTE
from tests.contract.gateways.record import served
from tests.contract.gateways.test_cassette_conversation import without_sockets
from tests.contract.gateways.worlds import WorldClock

KEY = "sk_" + "test_" + "StandIn0123456789"
Change = Callable[[str, dict[str, Any]], dict[str, Any]]


def stand_in(change: Change = lambda path, body: body) -> World:
    """A world that is asked in Stripe's place; `change` spoils its answers."""
    account = {
        "name": "Private Name",
        "country": "US",
        "livemode": False,
        "keys": [{"env": "KEY", "name": "Key", "type": "standard", "secret": KEY}],
        "prices": {},
        "customers": {},
    }
    world = build_world(
        {"version": 1, "seed": 11, "start": "2026-02-01T00:00:00Z", "accounts": {"acct_1Sandbox": account}}
    )
    honest = world.handle

    def handle(method: str, path: str, headers: Any, body: bytes) -> Any:
        answer = honest(method, path, headers, body)
        return replace(answer, body=json.dumps(change(path, json.loads(answer.body))).encode())

    world.handle = handle  # type: ignore[method-assign]
    return world


def recorded(tmp_path: Path, world: World) -> tuple[int, str]:
    """Run the recording against a stand-in; (exit code, cassette)."""
    cassette = tmp_path / "stripe_sandbox.yaml"
    with served(world) as address:
        code = sandbox.main(KEY, address=address, clock=WorldClock(world), wait=lambda _: None, cassette=cassette)
    return code, cassette.read_text(encoding="utf-8")


def test_a_stand_in_that_answers_alike_shows_no_difference(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Every answer of the conversation and of its preparation is recorded and compared, and nothing secret is written."""
    code, text = recorded(tmp_path, stand_in())
    told = capsys.readouterr().out
    assert (code, told.count("\n")) == (0, 1)
    assert re.fullmatch(r"\d\d answers of a stand-in at \S+ recorded in \S+; the simulator differs in 0 places\n", told)
    assert text.startswith("# Recorded from a stand-in at http://127.0.0.1:")
    assert re.findall(r"[rs]k_(?:test|live)_\w+|whsec_(?!masked\b)\w+|_secret_(?!masked\b)\w+", text) == []
    assert "Private Name" not in text
    assert text.count("method:") >= 20


@pytest.mark.parametrize(
    ("change", "line"),
    [
        pytest.param(
            lambda path, body: {**body, "colour": "red"} if body.get("object") == "customer" else body,
            "POST /v1/customers (200) colour: the simulator leaves it out",
            id="field",
        ),
        pytest.param(
            lambda path, body: {**body, "amount_due": "much"} if path.endswith("/pay") and "id" in body else body,
            "POST /v1/invoices/*/pay (200).amount_due: Stripe gives a text, the simulator a number",
            id="type",
        ),
        pytest.param(
            lambda path, body: {**body, "status": "unpaid"} if body.get("object") == "subscription" else body,
            "POST /v1/subscriptions (200) status: Stripe says 'unpaid', the simulator 'incomplete'",
            id="state",
        ),
        pytest.param(
            lambda path, body: (
                {"error": {**body["error"], "code": "declined"}} if path.endswith("/pay") and "error" in body else body
            ),
            "POST /v1/invoices/*/pay (402) error.code: Stripe says 'declined', the simulator 'card_declined'",
            id="error code",
        ),
    ],
)
def test_a_difference_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str], change: Change, line: str) -> None:
    """A field, a type, a state or an error code that the stand-in says otherwise is named, and the exit code is 1."""
    code, _ = recorded(tmp_path, stand_in(change))
    told = capsys.readouterr().out
    assert code == 1
    assert line.replace(" (200).", " (200) ") in told


@pytest.mark.parametrize(
    ("key", "address", "words"),
    [
        pytest.param("", None, "STRIPE_TEST_KEY is not set", id="no key"),
        pytest.param("sk_" + "live_" + "Abcdefgh12345678", None, "holds no test key", id="live key"),
        pytest.param("rk_" + "live_" + "Abcdefgh12345678", None, "holds no test key", id="live restricted key"),
        pytest.param("pk_" + "test_" + "Abcdefgh12345678", None, "holds no test key", id="publishable key"),
        pytest.param("sk_" + "test_" + "Abcdefgh1234\n5678", None, "holds no test key", id="odd key"),
        pytest.param(KEY, "https://stripe.example", "--address is for an address of this machine", id="address"),
    ],
)
def test_what_may_not_be_asked_is_refused_before_anything_is_sent(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], key: str, address: str | None, words: str
) -> None:
    """Without a test key, or for another machine, no socket is opened, the exit code is 2 and the key is not told."""
    with without_sockets():
        assert sandbox.main(key, address=address, cassette=tmp_path / "none.yaml") == 2
    told = capsys.readouterr()
    assert words in told.out
    assert not key or key not in told.out + told.err
    assert list(tmp_path.iterdir()) == []


def test_the_command_asks_stripe_only_when_told_to(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--stripe` without a key in the environment ends with 2 and says which variable holds it."""
    monkeypatch.delenv("STRIPE_TEST_KEY", raising=False)
    with without_sockets():
        assert record.main(["--stripe"]) == 2
    assert "STRIPE_TEST_KEY" in capsys.readouterr().out


def test_a_refused_key_is_told_without_the_key(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A sandbox that refuses the key ends with 2, and the message holds no key."""
    world, other = stand_in(), "sk_" + "test_" + "Unknown0123456789"
    with served(world) as address:
        code = sandbox.main(
            other, address=address, clock=WorldClock(world), wait=lambda _: None, cassette=tmp_path / "none.yaml"
        )
    told = capsys.readouterr()
    assert code == 2
    assert "could not be held" in told.out
    assert other not in told.out + told.err


def test_conversations_that_take_other_ways_are_not_compared() -> None:
    """Where one side was asked other questions, that is the one difference told."""

    def said(path: str) -> dict[str, Any]:
        request = {"method": "GET", "uri": f"http://127.0.0.1:4242{path}"}
        return {"request": request, "response": {"status": {"code": 200}, "body": {"string": "{}"}}}

    assert likeness.differences([said("/v1/customers/cus_1")], [said("/v1/customers/cus_2")]) == []
    (line,) = likeness.differences([said("/v1/customers/cus_1")], [said("/v1/invoices/in_1")])
    assert "took other ways" in line


def test_every_cassette_says_what_it_was_recorded_from() -> None:
    """The first line of each recording names its source."""
    for cassette in CASSETTE.parent.glob("*.yaml"):
        assert cassette.read_text(encoding="utf-8").startswith("# Recorded from "), cassette.name
