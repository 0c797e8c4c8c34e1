"""`flexpay simulator` beyond the tour: any verb, the judge, a fresh start, listing, pages, and what goes wrong at the start."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
import stripe

from flexpay_reconcile.cli import _simulator_client as client
from flexpay_reconcile.cli import _simulator_serve as serving_command
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.simulator.control import control_query
from flexpay_reconcile.simulator.door import server
from tests.unit.simulator.helpers import START, failed_invoice, small_world
from tests.unit.simulator.helpers import client as sdk
from tests.unit.simulator.serving import serving


@pytest.fixture
def world(monkeypatch):
    """A world behind a door that the commands find."""
    made = small_world()
    with serving(made) as port:
        monkeypatch.setenv("FLEXPAY_STRIPE_API", f"http://127.0.0.1:{port}")
        yield made


def test_any_verb_can_be_done_and_all_are_listed(world, capsys):
    """`do` lists every verb with a sentence; with one it carries it out, numbers and JSON values in place."""
    assert entry(["simulator", "do"]) == 0
    assert "The customer puts in a new card" in capsys.readouterr().out
    assert entry(["simulator", "do", "card", "customer=ada", "token=pm_card_mastercard"]) == 0
    assert '"payment_method": "pm_' in capsys.readouterr().out
    assert entry(["simulator", "do", "decline", "customer=ada", "code=lost_card", "times=2"]) == 0
    assert capsys.readouterr().out == "decline: done\n"
    invoice = failed_invoice(world)
    assert entry(["simulator", "do", "set", f"object={invoice}", "field=next_payment_attempt", "value=null"]) == 0
    assert entry(["simulator", "do", "approve", "customer=ada", "--format", "json"]) == 0


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["do", "dance"], 64, "no verb 'dance'"),
        (["do", "decline", "customer"], 64, "no FIELD=VALUE"),
        (["do", "decline", "customer=ada", "customer=ben"], 64, "stands twice"),
        (["do", "decline", "customer=ada", "code=x", "times=two"], 64, "whole number"),
        (["do", "decline", "customer=ada"], 1, "'code' is missing"),
        (["do", "decline", "customer=ada", "code=x", "colour=red"], 1, "colour"),
        (["judge", "--visa", "0"], 64, "--visa"),
        (["reset"], 1, "not started from a scenario"),
        (["advance", "--next", "--days", "1"], 64, "or --next"),
    ],
)
def test_what_cannot_be_done_is_said_in_one_line(world, capsys, arguments, code, words):
    """Wrong usage 64, refusals 1; never a traceback."""
    assert entry(["simulator", *arguments]) == code
    heard = capsys.readouterr()
    assert heard.out == ""
    assert words in heard.err
    assert "Traceback" not in heard.err


def test_the_judge_exits_with_one_when_something_is_wrong(world, capsys):
    """Nothing found is 0; a client that pays twice at once is 1, told in a table and as JSON."""
    assert entry(["simulator", "judge"]) == 0
    assert capsys.readouterr().out == "nothing found\n"
    invoice = failed_invoice(world)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            sdk(world).v1.invoices.pay(invoice)
    assert entry(["simulator", "judge"]) == 1
    told = capsys.readouterr().out
    assert "attempts_at_once" in told
    assert "1 found, 1 wrong" in told
    assert entry(["simulator", "judge", "--visa", "1", "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out)["counts"] == {"attempts_at_once": 1, "too_many_attempts": 2}


@pytest.mark.parametrize("what", ["subscriptions", "ledger", "events", "deliveries"])
def test_what_is_shown_has_a_head_and_no_unix_seconds(world, capsys, what):
    """Tables for people."""
    failed_invoice(world)
    assert entry(["simulator", "show", what]) == 0
    told = capsys.readouterr().out
    assert told.split()[0] in {"CREATED", "WHEN", "DUE"}
    assert "17697" not in told


def test_long_documents_are_put_together_from_their_pages(world, capsys, monkeypatch):
    """Whatever the page holds, the command shows the whole."""
    failed_invoice(world)
    assert entry(["simulator", "show", "ledger", "--format", "json"]) == 0
    whole = capsys.readouterr().out
    monkeypatch.setattr(control_query, "PAGE", 2)
    assert entry(["simulator", "show", "ledger", "--format", "json"]) == 0
    assert capsys.readouterr().out == whole
    assert len(json.loads(whole)["rows"]) == len(world.ledger.rows)


def test_advance_to_the_next_event(world, capsys):
    """It stops where something happens."""
    due = world.next_event_at()
    assert entry(["simulator", "advance", "--next", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["now"] == due


def test_reset_begins_again_from_the_scenario(monkeypatch, capsys):
    """The clock stands at the scenario's start again."""
    with serving(small_world(), rebuild=small_world) as port:
        monkeypatch.setenv("FLEXPAY_STRIPE_API", f"http://127.0.0.1:{port}")
        assert entry(["simulator", "advance", "--days", "40"]) == 0
        assert entry(["simulator", "reset"]) == 0
        assert "It is 2026-01-01 00:00 UTC again." in capsys.readouterr().out
        assert client.ask(f"http://127.0.0.1:{port}", "GET", "clock") == {"now": START}


def test_the_packaged_scenarios_are_listed(capsys):
    """Names with what they show."""
    assert entry(["simulator", "serve", "--list"]) == 0
    assert capsys.readouterr().out.startswith("approved ")


def test_another_seed_can_be_asked_for(monkeypatch, tmp_path):
    """`--seed` replaces the scenario's own, also after a reset."""
    seeds = []

    class Stop(Exception):
        pass

    def made(world, *_, rebuild, **__):
        seeds.extend([world.sim.seed, rebuild().sim.seed])
        raise Stop

    monkeypatch.setattr(server, "make_server", made)
    with pytest.raises(Stop):
        serving_command.run("127.0.0.1", 0, Path("approved"), None, seed=99)
    assert seeds == [99, 99]


def test_what_goes_wrong_at_the_start_is_said_in_one_line(tmp_path, capsys):
    """No scenario, one that is not there, a folder, no UTF-8, a wrong key, a port in use."""
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    (tmp_path / "wrong.yaml").write_text("version: 1\nstart: '2026-01-01T00:00:00Z'\naccounts: {}\n", encoding="utf-8")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        for arguments, code, words in (
            ([], 64, "--scenario"),
            (["--scenario", str(tmp_path / "none.yaml")], 3, "none.yaml"),
            (["--scenario", str(tmp_path)], 3, "cannot be read"),
            (["--scenario", str(tmp_path / "bytes.yaml")], 3, "bytes.yaml"),
            (["--scenario", str(tmp_path / "wrong.yaml")], 3, "accounts"),
            (["--scenario", "approved", "--port", port], 1, port),
        ):
            assert entry(["simulator", "serve", *arguments]) == code, arguments
            heard = capsys.readouterr()
            assert words in heard.err
            assert "Traceback" not in heard.err
            assert heard.out == ""
