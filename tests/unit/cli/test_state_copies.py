"""`flexpay state backup | restore | verify | rekey`: sound copies, never armed by themselves, and no secret lost or shown."""

from __future__ import annotations

import base64
import json
import sqlite3
import stat
from pathlib import Path

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.adapters.process_lock import ProcessLock
from flexpay_reconcile.adapters.state_cipher import NewKey
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.operations.check_armed import why_not
from tests.unit.operations_control.harness import NAME

STATE = "flexpay-state.db"
KEY = Path(f"{STATE}.key")
NOTE = Path(f"{STATE}.armed")


@pytest.fixture
def applied(shop, capsys):
    """A shop with one revision applied."""
    assert entry(["apply", "--auto-approve"]) == 0
    capsys.readouterr()
    return shop


def secrets() -> tuple[str, ...]:
    """The signing secrets that the state opens."""
    parts = bootstrap.open_control(STATE, None, create=False)
    try:
        return tuple(each.reveal() for each in parts.state.secrets_for(NAME))
    finally:
        parts.close()


def why() -> str | None:
    """Why this copy may not charge."""
    parts = bootstrap.open_control(STATE, None, create=False)
    try:
        return why_not(parts.state, parts.armed, parts.reader_for)
    finally:
        parts.close()


def test_backup_and_restore(applied, capsys):
    """The copy is private and sound; restored over the state it is not armed, until rearm; what was there is kept."""
    before = secrets()
    writing = bootstrap.open_control(STATE, None, create=False)
    with writing.store.begin() as unit:
        unit.marks.set("x", "before")
    assert entry(["state", "backup", "copy.db"]) == 0
    assert stat.S_IMODE(Path("copy.db").stat().st_mode) == 0o600
    assert not list(Path().glob(".copy.db*"))
    with writing.store.begin() as unit:
        unit.marks.set("x", "after")
    writing.close()
    assert entry(["state", "backup", "copy.db"]) == 1
    assert "E-backup-exists" in capsys.readouterr().err
    assert entry(["state", "restore", "copy.db"]) == 1
    assert why() is None
    assert entry(["state", "restore", "copy.db", "--replace", "--format", "json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["armed"], said["kept"]) == (False, f"{STATE}.replaced-1")
    assert not NOTE.exists()
    assert "no note" in str(why())
    assert secrets() == before
    parts = bootstrap.open_control(STATE, None, create=False)
    with parts.store.reading() as view:
        assert view.marks.get("x") == "before"
    parts.close()
    assert entry(["state", "verify"]) == 0
    assert "not armed" in capsys.readouterr().out
    assert entry(["state", "rearm", "--yes"]) == 0
    assert why() is None


def test_a_damaged_backup_changes_nothing(applied, capsys):
    """A journal entry changed by hand, another program's file, no file: refused, and the state stays armed."""
    parts = bootstrap.open_control(STATE, None, create=False)
    parts.close()
    assert entry(["state", "backup", "copy.db"]) == 0
    copy = sqlite3.connect("copy.db")
    copy.execute("INSERT INTO journal VALUES ('c', 1, 0, 'opened', 'x', '{}', 'no hash')")
    copy.commit()
    copy.close()
    Path("other.db").write_bytes(b"x" * 4096)
    for name in ("copy.db", "other.db", "none.db", "."):
        assert entry(["state", "restore", name, "--replace"]) in {1, 64}
        assert "Traceback" not in capsys.readouterr().err
        assert why() is None
    assert not list(Path().glob("*.replaced-*"))


def test_verify_finds_a_broken_chain_and_a_lost_key(applied, capsys):
    """Exit 1 with a sentence for each fault; the key's content is in none."""
    assert entry(["state", "verify", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["armed"] is True
    key = KEY.read_text()
    KEY.write_text(base64.b64encode(b"k" * 32).decode())
    database = sqlite3.connect(STATE)
    database.execute("INSERT INTO journal VALUES ('c', 1, 0, 'opened', 'x', '{}', 'no hash')")
    database.commit()
    database.close()
    assert entry(["state", "verify", "--format", "json"]) == 1
    out = capsys.readouterr().out
    faults = json.loads(out)["faults"]
    assert any("chain" in each for each in faults)
    assert any("does not open" in each for each in faults)
    assert key.strip() not in out


def test_rekey(applied, capsys, monkeypatch):
    """A fresh key, then one by reference: the secrets open with the new key and with no other; nothing is shown."""
    before, first = secrets(), KEY.read_text()
    assert entry(["state", "rekey"]) == 0
    second = KEY.read_text()
    assert second != first
    assert secrets() == before
    given = base64.b64encode(b"n" * 32).decode()
    monkeypatch.setenv("NEW_STATE_KEY", given)
    assert entry(["state", "rekey", "--to", "env:NEW_STATE_KEY"]) == 0
    assert KEY.read_text().strip() == given
    assert stat.S_IMODE(KEY.stat().st_mode) == 0o600
    assert secrets() == before
    said = "".join(capsys.readouterr())
    assert not any(each in said for each in (*before, first.strip(), second.strip(), given))
    KEY.write_text(first)
    with pytest.raises(Exception, match="does not open"):
        secrets()


@pytest.mark.parametrize("point", ["begin", "finish"])
def test_a_rekey_that_was_killed_is_run_again(applied, monkeypatch, point):
    """Killed after the new key was written, or after the secrets were sealed with it: the next run ends it."""
    before = secrets()

    class Killed(BaseException):
        """kill -9."""

    def die(*args: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        if point == "begin":
            real = NewKey.begin

            def begin(self, key):
                real(self, key)
                raise Killed

            patch.setattr(NewKey, "begin", begin)
        else:
            patch.setattr(NewKey, "finish", die)
        with pytest.raises(Killed):
            entry(["state", "rekey"])
    assert Path(f"{KEY}.new").exists()
    assert entry(["state", "rekey"]) == 0
    assert not Path(f"{KEY}.new").exists()
    assert secrets() == before


def test_under_a_daemon_only_backup_and_verify_work(applied, capsys):
    """Restore and rekey are refused with 6 while a daemon of this machine holds the file."""
    lock = ProcessLock(Path(STATE))
    lock.acquire()
    try:
        assert entry(["state", "backup", "copy.db"]) == 0
        assert entry(["state", "verify"]) == 0
        assert entry(["state", "restore", "copy.db", "--replace"]) == 6
        assert entry(["state", "rekey"]) == 6
    finally:
        lock.release()
    assert why() is None


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["state", "rekey", "--to", "sk_" + "live_abc"], 64),
        (["state", "rekey", "--to", "env:NOT_THERE"], 4),
        (["state", "backup", "no/where/copy.db"], 1),
        (["state", "backup", "c.db", "--state", "https://recovery.acme.example"], 64),
        (["state", "verify", "--state", "none.db"], 1),
    ],
)
def test_what_cannot_be_done_is_told(applied, capsys, arguments, code):
    """A clear error and its exit code; no traceback, and no file is left."""
    assert entry(arguments) == code
    said = capsys.readouterr().err
    assert "Traceback" not in said
    assert "internal error" not in said
    assert not Path(f"{KEY}.new").exists()
