"""The simulator's commands, typed as a person does, against a simulator that serves on loopback."""

from __future__ import annotations

import json
import threading

import pytest

from flexpay_reconcile.cli import _simulator_serve as serving
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.simulator.door.server import make_server
from tests.unit.simulator.helpers import small_world


@pytest.fixture
def simulator(monkeypatch):
    """A small world that serves; commands find it by FLEXPAY_STRIPE_API."""
    ready = threading.Event()
    ports: list[int] = []

    def on_ready(port: int) -> None:
        ports.append(port)
        ready.set()

    server = make_server(small_world(), "127.0.0.1", 0, on_ready)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    assert ready.wait(10)
    monkeypatch.setenv("FLEXPAY_STRIPE_API", f"http://127.0.0.1:{ports[0]}")
    yield server
    server.should_exit = True
    thread.join(10)


def shown(capsys, what):
    """The JSON of `show`."""
    capsys.readouterr()
    assert entry(["simulator", "show", what, "--format", "json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_a_decline_and_a_payment_elsewhere(simulator, capsys):
    """A scripted decline fails the renewal; the customer's own payment settles it; both stand in the ledger."""
    assert entry(["simulator", "decline", "--customer", "ada", "--code", "insufficient_funds", "--times", "1"]) == 0
    assert entry(["simulator", "advance", "--to", "2026-01-31T00:00:00Z"]) == 0
    failed = [each for each in shown(capsys, "charges")["charges"] if each["status"] == "failed"]
    assert [each["reason"] for each in failed] == ["insufficient_funds"]
    assert entry(["simulator", "pay-elsewhere", "--customer", "ada"]) == 0
    assert capsys.readouterr().out == f"ada paid {failed[0]['invoice']}\n"
    assert shown(capsys, "state")["invoices"] == {"paid": 4}


@pytest.mark.parametrize("what", ["charges", "invoices", "state"])
def test_what_is_shown_to_people_has_a_head_and_the_clock(simulator, capsys, what):
    """Tables in words a merchant knows; no unix seconds."""
    assert entry(["simulator", "approve", "--customer", "ada"]) == 0
    assert entry(["simulator", "advance", "--days", "30", "--hours", "12"]) == 0
    assert "It is 2026-01-31 12:00 UTC" in capsys.readouterr().out
    assert entry(["simulator", "show", what]) == 0
    told = capsys.readouterr().out
    assert {"charges": "29.00 USD", "invoices": "0.00 USD", "state": "2026-01-31 12:00 UTC"}[what] in told
    assert "17697" not in told  # seconds since 1970


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["decline", "--customer", "eve", "--code", "lost_card"], 1, "no customer 'eve'"),
        (["pay-elsewhere", "--customer", "ada"], 1, "no open invoice"),
        (["advance", "--to", "2025-01-01T00:00:00Z"], 1, "never back"),
        (["advance", "--to", "tomorrow"], 64, "is not an instant"),
        (["advance", "--days", "1", "--to", "2026-02-01T00:00:00Z"], 64, "--days and --hours, or --to"),
        (["advance"], 64, "say how far"),
        (["decline", "--customer", "ada", "--code", "x", "--times", "0"], 64, "--times"),
        (["show", "customers"], 64, "customers"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(simulator, capsys, arguments, code, words):
    """A refusal of the simulator is exit 1, wrong usage 64; never a traceback."""
    assert entry(["simulator", *arguments]) == code
    heard = capsys.readouterr()
    assert heard.out == ""
    assert words in heard.err


@pytest.mark.parametrize(
    ("address", "code"), [("http://127.0.0.1:9", 9), ("http://192.0.2.1:4242", 64), ("ftp://127.0.0.1", 64)]
)
def test_an_address_without_a_simulator(capsys, address, code):
    """Nobody there is 9 (start it and try again); an address off this machine is wrong usage and never asked."""
    assert entry(["simulator", "show", "state", "--stripe-api", address]) == code
    assert capsys.readouterr().err.startswith("error[E-s")


def test_faults_of_a_scenario_are_all_told_with_their_places(tmp_path, capsys):
    """YAML faults come at once, at file:line:col; exit 3."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text("version: 1\nversion: 1\nseed: &x 7\n", encoding="utf-8")
    assert entry(["simulator", "serve", "--port", "0", "--scenario", str(scenario)]) == 3
    heard = capsys.readouterr()
    assert f"{scenario}:2:1: error[E-yaml-duplicate-key]" in heard.err
    assert f"{scenario}:3:7: error[E-yaml-anchor]" in heard.err
    assert heard.out == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [("version: 2\n", "start: is missing"), ("", "holds no scenario"), ("- 1\n", "holds no scenario")],
)
def test_what_is_no_scenario_is_refused(tmp_path, text, words):
    """The key that is wrong is named."""
    scenario = tmp_path / "scenario.yaml"
    scenario.write_text(text, encoding="utf-8")
    with pytest.raises(OperatorError, match=words):
        serving.load(scenario)


def test_a_host_beyond_this_machine_is_wrong_usage(tmp_path, capsys):
    """The simulator never serves a network."""
    assert entry(["simulator", "serve", "--host", "0.0.0.0", "--scenario", str(tmp_path)]) == 64  # noqa: S104


def test_the_environment_file_is_safe_to_source():
    """A value with a quote in it cannot become a command."""
    assert serving.env_text({"A": "rk_test_1", "B": "x'; echo y"}) == "A=rk_test_1\nB='x'\"'\"'; echo y'\n"
