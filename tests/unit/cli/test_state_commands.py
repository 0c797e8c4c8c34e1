"""`flexpay state`, as a person types it."""

from __future__ import annotations

from pathlib import Path

from flexpay_reconcile import bootstrap
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.operations.check_armed import why_not
from flexpay_reconcile.values.instant import Span

STATE = "flexpay-state.db"
NOTE = Path(f"{STATE}.armed")


def why() -> str | None:
    """Why the state in this folder may not charge."""
    parts = bootstrap.open_control(STATE, None, create=False)
    try:
        return why_not(parts.state, parts.armed, parts.reader_for)
    finally:
        parts.close()


def test_a_restored_state_is_armed_again(shop, capsys):
    """The note is missing after a restore: rearm writes all three places, and the state may charge."""
    assert entry(["apply", "--auto-approve"]) == 0
    assert why() is None
    NOTE.unlink()
    assert "no note" in str(why())
    capsys.readouterr()
    assert entry(["state", "rearm", "--yes"]) == 0
    assert "1 endpoint at Stripe" in capsys.readouterr().out
    assert why() is None
    assert entry(["plan", "--detailed-exitcode"]) == 0


def test_rearming_is_never_guessed(shop, capsys):
    """Neither --yes nor a terminal: 64, and nothing is written; the environment cannot say yes."""
    assert entry(["apply", "--auto-approve"]) == 0
    before = NOTE.read_text()
    assert entry(["state", "rearm"]) == 64
    assert "E-approval" in capsys.readouterr().err
    assert NOTE.read_text() == before


def test_a_state_under_a_daemon_is_not_rearmed(shop, capsys):
    """A daemon holds the lease: 6, and the note stays."""
    assert entry(["apply", "--auto-approve"]) == 0
    before = NOTE.read_text()
    parts = bootstrap.open_control(STATE, None, create=False)
    with parts.store.begin() as unit:
        assert unit.leases.acquire("daemon on elsewhere", parts.clock.now(), Span.of(minutes=5)) is not None
    parts.close()
    assert entry(["state", "rearm", "--yes"]) == 6
    assert "E-daemon-running" in capsys.readouterr().err
    assert NOTE.read_text() == before


def test_there_is_nothing_to_arm_without_a_state(shop, capsys):
    """No state file: a clear error, and none is made."""
    assert entry(["state", "rearm", "--yes"]) == 1
    assert not Path(STATE).exists()
    assert not NOTE.exists()
