"""`--overlay NAME`: found beside the manifest, bound by a saved plan, and refused in words."""

from __future__ import annotations

import json

import pytest

from flexpay_reconcile.cli.main import entry
from tests.unit.operations_control.harness import ACCOUNT, NAME

OVER = f"integrations:\n  {NAME}:\n    description: From the overlay\n"


@pytest.fixture
def laid(shop, tmp_path):
    """The shop's folder with an overlay in it."""
    (tmp_path / "overlays").mkdir()
    (tmp_path / "overlays" / "live.yaml").write_text(OVER, encoding="utf-8")
    return tmp_path


def test_a_plan_names_the_overlay_and_its_line(laid, capsys):
    """The plan's JSON binds the overlay's file, and the change points at the line in it."""
    assert entry(["plan", "--overlay", "live", "--format", "json"]) in (0, 4, 5)
    document = json.loads(capsys.readouterr().out)
    assert document["binds"]["overlay"] == "overlays/live.yaml"
    assert "From the overlay" in json.dumps(document["resource_changes"])


def test_a_plan_saved_with_an_overlay_is_not_applied_without_it(laid, capsys):
    """Exit 7, and the reason names the overlay; with it the same plan is applied."""
    accept = ["--accept-account", ACCOUNT]
    assert entry(["plan", "--overlay", "live", "--out", "plan.json", *accept]) == 0
    assert entry(["apply", "plan.json"]) == 7
    assert "overlays/live.yaml" in capsys.readouterr().err
    assert entry(["apply", "plan.json", "--overlay", "live"]) == 0


@pytest.mark.parametrize(
    ("name", "code"), [("nobody", 3), ("../live", 64), ("live.yaml", 64), ("", 64), ("a/b", 64), (".", 64)]
)
def test_an_overlay_is_a_name_of_one_that_is_there(laid, name, code, capsys):
    """A path is wrong usage, a name without a file an invalid manifest; neither is a traceback."""
    assert entry(["validate", "--overlay", name]) == code
    assert "Traceback" not in capsys.readouterr().err


def test_a_folder_has_its_overlays_inside(laid, tmp_path, monkeypatch):
    """With `-f FOLDER` the overlay is looked for in it."""
    monkeypatch.chdir(tmp_path.parent)
    assert entry(["validate", "-f", str(tmp_path), "--overlay", "live"]) == 0
    assert entry(["validate", "-f", str(tmp_path / "flexpay.yaml"), "--overlay", "live"]) == 0
