"""`flexpay drift`, as a person or a pipeline calls it: exit codes, forms, and a state that is not touched."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.simulator.scenario.scenario import env_of
from tests.unit.operations_control.harness import ADDRESS
from tests.unit.operations_control.test_check_drift import moved

STATE = Path("flexpay-state.db")


def test_exit_codes_and_forms(shop, capsys):
    """0 without drift, 2 with it, in text, JSON and Markdown, with and without a manifest; nothing is written."""
    assert entry(["drift"]) == 1
    assert "E-drift-nothing" in capsys.readouterr().err
    assert entry(["apply", "--auto-approve"]) == 0
    before = STATE.read_bytes()
    assert entry(["drift"]) == 0
    assert "No drift." in capsys.readouterr().out
    moved(shop, status="disabled")
    shop.calls.clear()
    assert entry(["drift", "--json-into", "drift.json"]) == 2
    out = capsys.readouterr().out
    assert ADDRESS in out
    assert '"enabled" → "disabled"  (drift)' in out
    assert entry(["drift", "--format", "markdown"]) == 2
    assert capsys.readouterr().out.startswith("<!-- flexpay-reconcile drift -->")
    Path("flexpay.yaml").unlink()
    assert entry(["drift", "--format", "json"]) == 2
    document = json.loads(capsys.readouterr().out)
    assert (document["against"], document["drift_found"]) == ("applied", True)
    assert json.loads(Path("drift.json").read_text())["against"] == "manifest"
    assert {method for method, _ in shop.calls} == {"GET"}
    assert STATE.read_bytes() == before


def test_the_plan_names_drift_too(shop, capsys):
    """`resource_drift` of the plan's JSON: what moved, from the last apply to now."""
    entry(["apply", "--auto-approve"])
    moved(shop, status="disabled")
    capsys.readouterr()
    assert entry(["plan", "--format", "json"]) == 0
    (drift,) = json.loads(capsys.readouterr().out)["resource_drift"]
    assert (drift["address"], drift["change"]["actions"]) == (ADDRESS, ["update"])


def test_not_being_able_to_look_is_no_zero(shop, capsys):
    """Revoked keys: 4, and the words say that not everything could be seen; no key is shown."""
    entry(["apply", "--auto-approve"])
    for secret in list(shop.world.sim.keys):
        shop.world.sim.keys[secret] = _revoked(shop.world.sim.keys[secret])
    capsys.readouterr()
    assert entry(["drift"]) == 4
    said = "".join(capsys.readouterr())
    assert "Not everything could be seen" in said
    assert not any(key in said for key in env_of(shop.world).values())


def _revoked(key):
    import dataclasses

    return dataclasses.replace(key, revoked=True)


@pytest.mark.parametrize("text", ["", "version: 2\n", "\x00"])
def test_a_bad_manifest_is_3(shop, text):
    """A manifest that is none is told as by `plan`."""
    Path("flexpay.yaml").write_text(text)
    assert entry(["drift"]) == 3
