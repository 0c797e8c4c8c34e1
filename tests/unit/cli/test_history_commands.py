"""`show`, `history`, `rollback`, `lock show` and the grown `status`: what was, what is, and the way back."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.ports.control_state import Lock
from flexpay_reconcile.simulator.scenario.scenario import env_of
from flexpay_reconcile.values.instant import Span
from tests.unit.operations_control.harness import ADDRESS, MANIFEST, NAME

STATE = "flexpay-state.db"


@pytest.fixture
def two(shop, capsys):
    """Two revisions: the second moves the webhook and drops a currency limit."""
    assert entry(["apply", "--auto-approve"]) == 0
    changed = MANIFEST.replace("/hooks", "/other").replace("currencies: [USD]", "currencies: [EUR, USD]")
    Path("flexpay.yaml").write_text(changed, encoding="utf-8")
    assert entry(["apply", "--auto-approve"]) == 0
    capsys.readouterr()
    return shop


def said(capsys) -> str:
    """Both streams."""
    return "".join(capsys.readouterr())


def test_history_tells_what_each_revision_changed(two, capsys):
    """Newest first, with the addresses that were added, changed and removed; the limit is kept."""
    assert entry(["history", "--format", "json"]) == 0
    newest, oldest = json.loads(capsys.readouterr().out)["revisions"]
    assert (newest["revision"], newest["added"], newest["changed"]) == (2, ["currency.EUR"], [f"integration.{NAME}"])
    assert f"key_pair.{NAME}" in oldest["added"]
    assert entry(["history", "--limit", "1"]) == 0
    out = capsys.readouterr().out
    assert "revision 2" in out
    assert "revision 1," not in out


def test_rollback_is_a_new_revision(two, capsys):
    """Back to revision 1: the plan is shown, the endpoint has its old URL, and revision 3 is in force."""
    assert entry(["rollback", "--to", "1", "--plan"]) == 0
    assert "to change" in said(capsys)
    assert two.endpoint()["url"].endswith("/other")
    assert entry(["rollback", "--to", "1", "--auto-approve"]) == 0
    assert "revision 3 is in force" in said(capsys)
    assert two.endpoint()["url"].endswith("/hooks")
    parts = bootstrap.open_control(STATE, None, create=False)
    first, third = parts.state.revision(1), parts.state.revision(3)
    parts.close()
    assert first is not None
    assert third is not None
    assert first.configuration == third.configuration
    assert entry(["rollback", "--to", "3", "--auto-approve"]) == 0
    assert "revision 4" not in said(capsys), "nothing was to be done"


def test_rollback_is_not_guessed(two, capsys, monkeypatch):
    """Unasked without a terminal: 64; a revision that never was: 1; and the environment cannot approve."""
    monkeypatch.setenv("FLEXPAY_ROLLBACK_AUTO_APPROVE", "1")
    assert entry(["rollback", "--to", "1"]) == 64
    assert "E-approval" in said(capsys)
    assert entry(["rollback", "--to", "9", "--auto-approve"]) == 1
    assert "there are 1 to 2" in said(capsys)
    assert entry(["rollback", "--to", "0"]) == 64
    assert two.endpoint()["url"].endswith("/other")


def test_show_a_plan_and_the_state(two, capsys):
    """A saved plan in three forms; all applied resources; one by its address; and never a secret."""
    Path("flexpay.yaml").write_text(MANIFEST, encoding="utf-8")
    assert entry(["plan", "--out", "p.json"]) == 0
    saved = capsys.readouterr().out
    assert entry(["show", "p.json"]) == 0
    assert capsys.readouterr().out == saved
    assert entry(["show", "p.json", "--format", "markdown"]) == 0
    assert "### Plan" in capsys.readouterr().out
    assert entry(["show", "p.json", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["plan_id"]
    assert entry(["show"]) == 0
    assert "currency.EUR" in capsys.readouterr().out
    assert entry(["show", ADDRESS, "--format", "json"]) == 0
    out = capsys.readouterr().out
    (resource,) = json.loads(out)["resources"].values()
    assert resource["provider_id"] in two.endpoints
    for secret in (*env_of(two.world).values(), *two.account.secrets.values()):
        assert secret not in saved + out


@pytest.mark.parametrize(
    ("what", "code"), [("company.nobody", 1), ("gone.json", 64), ("x" * 300, 1), ("--format=markdown", 64)]
)
def test_show_of_nothing(two, capsys, what, code):
    """What is not there is told in words."""
    assert entry(["show", what]) == code
    assert "Traceback" not in said(capsys)


def test_a_plan_changed_by_hand_is_not_shown(two, capsys):
    """Its id no longer fits: 7."""
    entry(["plan", "--out", "p.json"])
    Path("p.json").write_text(Path("p.json").read_text().replace("/other", "/evil"))
    assert entry(["show", "p.json"]) == 7


def test_the_lock_is_shown(two, capsys):
    """None, then whoever holds it, with the way to release it."""
    assert entry(["lock", "show"]) == 0
    assert "no lock is held" in said(capsys)
    parts = bootstrap.open_control(STATE, None, create=False)
    now = parts.clock.now()
    held = Lock(owner="ada", host="build", pid=7, nonce="n-1", acquired_at=now, expires_at=now.plus(Span.of(hours=1)))
    parts.state.acquire_lock(held, now)
    parts.close()
    assert entry(["lock", "show"]) == 0
    assert "flexpay force-unlock n-1" in said(capsys)
    assert entry(["lock", "show", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["lock"]["owner"] == "ada"


def test_status_shows_webhooks_drift_and_what_is_to_be_done_by_hand(two, capsys):
    """No event yet, the daemon has not looked, and the retry settings are not attested."""
    assert entry(["status", "--format", "json"]) == 0
    each = json.loads(capsys.readouterr().out)["integrations"][NAME]
    assert each["webhooks"] == {"last_event_at": None, "suspect": False, "wrong_secret_at": None}
    assert each["drift"] is None
    assert [step["status"] for step in each["manual_steps"]] == ["outstanding"]
    assert entry(["status"]) == 0
    out = capsys.readouterr().out
    assert "no event yet" in out
    assert "by hand:" in out


@pytest.mark.parametrize("arguments", [["history"], ["show"], ["lock", "show"], ["rollback", "--to", "1", "--plan"]])
def test_without_a_state_each_says_so(shop, capsys, arguments):
    """1 and E-state-missing; no file is made."""
    assert entry(arguments) == 1
    assert "E-state-missing" in said(capsys)
    assert not Path(STATE).exists()
