"""The commands as a person types them, against a simulated account in process: streams, files, exit codes."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli import main
from flexpay_reconcile.cli.main import COMMANDS, entry
from flexpay_reconcile.reconcile import codec
from tests.unit.operations_control.harness import MANIFEST

PAGE_OF_FAULTS = "version: 2\ncurrencies: [USD, usd!]\ncompanies: {a: {nam: x}}\n"


def files() -> set[str]:
    """What lies in the working folder."""
    return {path.name for path in Path.cwd().iterdir()}


def test_the_way_of_a_newcomer(shop, capsys):
    """validate, plan (2), apply, plan (0), status: and the state is made by apply, not by plan."""
    assert entry(["validate"]) == 0
    assert entry(["plan", "--detailed-exitcode"]) == 2
    assert files() == {"flexpay.yaml"}
    assert entry(["apply", "--auto-approve"]) == 0
    assert "Configuration revision 1 is in force" in capsys.readouterr().out
    assert entry(["plan", "--detailed-exitcode"]) == 0
    assert entry(["apply", "--auto-approve"]) == 0
    capsys.readouterr()
    assert entry(["status", "--format", "json"]) == 0
    status = json.loads(capsys.readouterr().out)
    assert status["revision"] == 1
    assert status["integrations"]["acme-us-sandbox"]["endpoint"] in shop.endpoints
    assert status["integrations"]["acme-us-sandbox"]["signing_secret"] is True
    assert (status["lock"], status["unfinished_steps"]) == (None, [])
    assert entry(["status"]) == 0
    assert "cases: none" in capsys.readouterr().out


def test_a_saved_plan_is_private_and_applies_once(shop, capsys):
    """--out is the public JSON, 0600; applied it does exactly that; applied again it is stale (7)."""
    assert entry(["plan", "--out", "plan.json", "--json-into", "copy.json"]) == 0
    assert stat.S_IMODE(Path("plan.json").stat().st_mode) == 0o600
    assert Path("plan.json").read_text() == Path("copy.json").read_text()
    codec.read_saved(Path("plan.json").read_text())
    assert entry(["apply", "plan.json"]) == 0
    assert len(shop.endpoints) == 1
    capsys.readouterr()
    assert entry(["apply", "plan.json"]) == 7
    assert "no longer fits" in capsys.readouterr().err
    assert len(shop.endpoints) == 1


def test_a_plan_for_another_manifest_is_stale(shop):
    """The manifest changed after the plan was saved: 7, and nothing is written."""
    entry(["plan", "--out", "plan.json"])
    Path("flexpay.yaml").write_text(MANIFEST.replace("/hooks", "/other"), encoding="utf-8")
    assert entry(["apply", "plan.json"]) == 7
    assert shop.endpoints == {}


def test_json_is_one_document_and_nothing_else(shop, capsys):
    """The plan alone is on stdout, parseable; what else is said goes to stderr."""
    assert entry(["plan", "--format", "json", "--out", "plan.json"]) == 0
    out, err = capsys.readouterr()
    assert json.loads(out)["plan_id"] == json.loads(Path("plan.json").read_text())["plan_id"]
    assert "saved to plan.json" in err
    assert entry(["apply", "--auto-approve", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["revision"] == 1


def test_without_a_terminal_nothing_is_applied_unasked(shop, capsys):
    """No plan file, no --auto-approve, no terminal: 64, a clear sentence, and no environment variable helps."""
    assert entry(["apply"]) == 64
    assert "--auto-approve" in capsys.readouterr().err
    assert shop.endpoints == {}


@pytest.mark.parametrize("variable", ["FLEXPAY_APPLY_AUTO_APPROVE", "FLEXPAY_AUTO_APPROVE"])
def test_approval_never_comes_from_the_environment(shop, monkeypatch, variable):
    """A variable in a pipeline cannot say yes."""
    monkeypatch.setenv(variable, "1")
    assert entry(["apply"]) == 64


@pytest.mark.parametrize(("answer", "code", "made"), [("yes\n", 0, 1), ("y\n", 1, 0), ("", 1, 0)])
def test_on_a_terminal_only_yes_is_a_yes(shop, monkeypatch, answer, code, made):
    """`y` and nothing are a no."""
    import io
    import sys

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    monkeypatch.setattr(sys, "stdin", Terminal(answer))
    monkeypatch.setattr(sys, "stderr", Terminal())
    assert entry(["apply"]) == code
    assert len(shop.endpoints) == made


def test_options_read_their_variables(shop, monkeypatch, tmp_path):
    """Shared options read FLEXPAY_<OPTION>, a command's own FLEXPAY_<COMMAND>_<OPTION>."""
    monkeypatch.setenv("FLEXPAY_STATE", str(tmp_path / "elsewhere.db"))
    monkeypatch.setenv("FLEXPAY_PLAN_DETAILED_EXITCODE", "1")
    assert entry(["plan"]) == 2
    assert entry(["apply", "--auto-approve"]) == 0
    assert "elsewhere.db" in files()


def test_manual_steps_count_only_when_asked(shop):
    """--strict turns outstanding manual steps into 10; changes present are weaker."""
    assert entry(["plan"]) == 0
    assert entry(["plan", "--strict"]) == 10
    assert entry(["plan", "--strict", "--detailed-exitcode"]) == 10


def test_wrong_keys_are_told_at_their_line_before_anything_is_sent(shop, capsys):
    """Both references lead to one key: file:line:col, exit 4, no request."""
    Path("flexpay.yaml").write_text(MANIFEST.replace("{env: FALLBACK}", "{env: SAME}"), encoding="utf-8")
    assert entry(["plan"]) == 4
    err = capsys.readouterr().err
    assert "flexpay.yaml:12:" in err
    assert "E-key-same" in err
    assert "rk_test_primary" not in err
    assert shop.calls == []


def test_a_missing_reference_is_named(shop, capsys):
    """An unset variable: the reference, its line, exit 4, and the plan is not made."""
    Path("flexpay.yaml").write_text(MANIFEST.replace("{env: FALLBACK}", "{env: NOBODY}"), encoding="utf-8")
    assert entry(["plan"]) == 4
    assert "env:NOBODY" in capsys.readouterr().err
    assert shop.calls == []


def test_a_bad_manifest_is_3_everywhere(shop, capsys):
    """validate, plan and apply print every fault with its place, and exit with 3."""
    Path("flexpay.yaml").write_text(PAGE_OF_FAULTS, encoding="utf-8")
    for command in (["validate"], ["plan"], ["apply", "--auto-approve"]):
        assert entry(command) == 3
        assert "flexpay.yaml:1:10: error[" in capsys.readouterr().err
    assert entry(["validate", "--format", "json"]) == 3
    told = json.loads(capsys.readouterr().out)
    assert told["valid"] is False
    assert len(told["diagnostics"]) >= 3
    assert entry(["plan", "-f", "nowhere.yaml"]) == 3
    assert "flexpay init" in capsys.readouterr().err


def test_a_folder_is_read_file_by_file(shop, tmp_path):
    """-f names a folder: its *.yaml files in order of name."""
    folder = tmp_path / "manifests"
    folder.mkdir()
    head, _, tail = MANIFEST.partition("integrations:")
    (folder / "a.yaml").write_text(head, encoding="utf-8")
    (folder / "b.yml").write_text("version: 1\nintegrations:" + tail, encoding="utf-8")
    (folder / "notes.txt").write_text("no manifest", encoding="utf-8")
    assert entry(["validate", "-f", str(folder)]) == 0


def test_init_writes_once(tmp_path, monkeypatch, capsys):
    """The starter is valid; a second init leaves the file as it is."""
    monkeypatch.chdir(tmp_path)
    assert entry(["init"]) == 0
    assert entry(["validate"]) == 0
    Path("flexpay.yaml").write_text("mine", encoding="utf-8")
    assert entry(["init"]) == 1
    assert Path("flexpay.yaml").read_text(encoding="utf-8") == "mine"


def test_usage_is_64(capsys):
    """An option or command nobody has: 64, where click itself would say 2, which means changes."""
    assert entry(["plan", "--nope"]) == 64
    assert entry(["nope"]) == 64
    assert entry([]) == 64
    assert entry(["plan", "--format", "xml"]) == 64
    assert "Traceback" not in capsys.readouterr().err


def test_schemas_are_printed(capsys):
    """`schema` prints what is published."""
    for which in ("manifest", "plan"):
        assert entry(["schema", which]) == 0
        assert "draft-07" in json.loads(capsys.readouterr().out)["$schema"]


def test_a_bug_is_70_without_traceback(monkeypatch, capsys):
    """An unexpected error shows its type and place, not its words; FLEXPAY_DEBUG=1 shows the rest."""

    def explode(*args: object, **more: object) -> None:
        raise RuntimeError("rk_test_0123456789")

    monkeypatch.setattr(main.cli, "main", explode)
    assert entry(["version"]) == 70
    err = capsys.readouterr().err
    assert "internal error: RuntimeError at" in err
    assert "rk_test" not in err
    assert "Traceback" not in err
    monkeypatch.setenv("FLEXPAY_DEBUG", "1")
    assert entry(["version"]) == 70
    assert "Traceback" in capsys.readouterr().err


@pytest.mark.parametrize(("error", "code"), [(KeyboardInterrupt, 130), (main._Terminated, 143)])
def test_signals(monkeypatch, error, code):
    """SIGINT is 130, SIGTERM 143."""

    def stop(*args: object, **more: object) -> None:
        raise error

    monkeypatch.setattr(main.cli, "main", stop)
    assert entry(["version"]) == code


def test_every_command_has_its_own_help(capsys):
    """Each command of the table can be loaded, and its help names what it does."""
    for name in COMMANDS:
        assert entry([name, "--help"]) == 0, name
        assert "Usage: flexpay " + name in capsys.readouterr().out


def test_force_unlock_needs_the_nonce(shop, capsys):
    """Another nonce releases nothing; the right one does."""
    from flexpay_reconcile.ports.control_state import Lock
    from flexpay_reconcile.values.instant import Span

    entry(["apply", "--auto-approve"])
    parts = bootstrap.open_control("flexpay-state.db", None)
    now = parts.clock.now()
    lock = Lock(owner="ben", host="ci", pid=2, nonce="abc", acquired_at=now, expires_at=now.plus(Span.of(hours=1)))
    parts.state.acquire_lock(lock, now)
    parts.close()
    Path("flexpay.yaml").write_text(MANIFEST.replace("/hooks", "/other"), encoding="utf-8")
    assert entry(["apply", "--auto-approve"]) == 6
    capsys.readouterr()
    assert entry(["status"]) == 0
    assert "nonce abc" in capsys.readouterr().out
    assert entry(["force-unlock", "xyz"]) == 1
    assert entry(["force-unlock", "abc"]) == 0
    assert entry(["apply", "--auto-approve"]) == 0


def test_status_without_a_state_says_so(tmp_path, monkeypatch, capsys):
    """No state: a clear error, and none is made."""
    monkeypatch.chdir(tmp_path)
    assert entry(["status"]) == 1
    assert "there is no state" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
