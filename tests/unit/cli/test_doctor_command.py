"""`flexpay doctor` and `flexpay completion`: what is well, what is not, and what a shell is offered."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.operations import suspicion
from flexpay_reconcile.operations.check_health import Finding, Health, Machine, check_health
from flexpay_reconcile.simulator.scenario.scenario import env_of
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Span
from tests.unit.operations_control.harness import ADDRESS, NAME
from tests.unit.operations_control.test_check_drift import moved

STATE = "flexpay-state.db"


@pytest.fixture
def applied(shop, capsys):
    """A shop with one revision applied."""
    assert entry(["apply", "--auto-approve"]) == 0
    capsys.readouterr()
    return shop


def findings(**changes) -> dict[str, Finding]:
    """The findings of the state in this folder, by what they are of; `changes` to the machine."""
    machine = Machine(free_bytes=10**12, faults=(), armed=True, versions={"flexpay": "1"}, skew=lambda: Span(0))
    parts = bootstrap.open_control(STATE, None, create=False)
    try:
        found = check_health(
            state=parts.state,
            store=parts.store,
            readers=parts.reader_for,
            machine=dataclasses.replace(machine, **changes),
            now=parts.clock.now(),
        )
    finally:
        parts.close()
    return {each.what: each for each in found}


def test_all_well(applied, capsys):
    """A fresh apply: nothing is sick, alarms are told with what to do, exit 0; nothing but reads and probes was sent."""
    applied.calls.clear()
    serial = Path(STATE).read_bytes()
    assert entry(["doctor", "--format", "json"]) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["well"] is True
    healths = {each["what"]: each["health"] for each in document["findings"]}
    assert (healths["disk"], healths["database"], healths["armed"], healths["clock"]) == ("well",) * 4
    assert (healths["daemon"], healths["by hand"]) == ("alarm", "alarm")
    assert {"identity", "versions", "webhooks"} <= healths.keys()
    assert applied.writes() == []
    assert Path(STATE).read_bytes() == serial
    assert entry(["doctor"]) == 0
    assert "start it: flexpay daemon" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("changes", "what", "health"),
    [
        ({"free_bytes": 5 * 10**8}, "disk", Health.ALARM),
        ({"free_bytes": 10**7}, "disk", Health.SICK),
        ({"faults": ("journal of x: the chain is broken",)}, "database", Health.SICK),
        ({"armed": False}, "armed", Health.SICK),
        ({"skew": lambda: Span.of(seconds=59)}, "clock", Health.WELL),
        ({"skew": lambda: Span.of(seconds=61)}, "clock", Health.ALARM),
        ({"skew": lambda: Span(-301_000)}, "clock", Health.SICK),
        ({"skew": lambda: None}, "clock", Health.UNKNOWN),
    ],
)
def test_what_the_machine_says(applied, changes, what, health):
    """Disk, database, note and clock, each by its own bound, and what is not well says what to do."""
    found = findings(**changes)[what]
    assert found.health is health
    assert bool(found.remedy) is (health is not Health.WELL)


def test_what_stripe_and_the_state_say(applied, capsys):
    """An endpoint disabled at Stripe, suspect webhooks, a quiet week: each is told, and drift makes the exit 1."""
    moved(applied, status="disabled")
    parts = bootstrap.open_control(STATE, None, create=False)
    with parts.store.begin() as unit:
        suspicion.suspect(unit, IntegrationId(NAME), parts.clock.now())
    parts.close()
    found = findings()
    assert (found["drift"].health, found["drift"].subject) == (Health.SICK, ADDRESS)
    assert "did not bring" in found["webhooks"].words
    assert entry(["doctor"]) == 1
    assert "flexpay drift" in capsys.readouterr().out
    moved(applied, status="enabled")
    applied.world.advance_to(applied.world.now + 4 * 86_400)
    assert findings()["webhooks"].health is Health.ALARM


def test_revoked_keys_are_not_well_and_not_shown(applied, capsys):
    """Exit 1, unknown or sick, and no key in the words."""
    keys = env_of(applied.world).values()
    for secret, key in list(applied.world.sim.keys.items()):
        applied.world.sim.keys[secret] = dataclasses.replace(key, revoked=True)
    assert entry(["doctor"]) == 1
    said = "".join(capsys.readouterr())
    assert "could not be seen" in said
    assert not any(each in said for each in keys)


def test_before_the_first_apply_and_without_a_state(shop, capsys):
    """No state: 1 with words; none is made."""
    assert entry(["doctor"]) == 1
    assert "E-state-missing" in capsys.readouterr().err
    assert not Path(STATE).exists()


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(capsys, shell):
    """Each shell gets its script; an unknown one is 64."""
    assert entry(["completion", shell]) == 0
    assert "_FLEXPAY_COMPLETE" in capsys.readouterr().out
    assert entry(["completion", "tcsh"]) == 64


def complete(capsys, monkeypatch, words: str) -> list[str]:
    """What bash would be offered for the last of the words."""
    monkeypatch.setenv("_FLEXPAY_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(len(words.split(" ")) - 1))
    with pytest.raises(SystemExit):
        entry([])
    return capsys.readouterr().out.split()


def test_addresses_are_completed(applied, capsys, monkeypatch):
    """Commands, and for `show` the addresses of what is applied; without a state none, and no error."""
    assert "plain,rollback" in complete(capsys, monkeypatch, "flexpay roll")
    assert f"plain,{ADDRESS}" in complete(capsys, monkeypatch, "flexpay show webhook_")
    Path(STATE).unlink()
    assert not any(ADDRESS in each for each in complete(capsys, monkeypatch, "flexpay show webhook_"))
