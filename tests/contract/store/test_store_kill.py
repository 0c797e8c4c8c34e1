"""kill -9 at any moment leaves all of a unit of work or nothing of it (file only)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from flexpay_reconcile.adapters.sqlite_store import open_store, upkeep
from flexpay_reconcile.adapters.state_cipher import open_cipher

ROOT = Path(__file__).resolve().parents[3]
STOPS = ["opened", "begun", "case", "intent", "ledger", "inbox", "journal", "committed"]
TABLES = ("cases", "attempts", "card_ledger", "inbox", "transactions", "journal", "journal_heads")


def _writer(kind: str, path: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "tests.contract.store.killed_writer", kind, str(path)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("stop", STOPS)
def test_killed_between_statements(file_path, stop):
    """Before the commit nothing is there, after it everything; the next process opens the file as if nothing was."""
    with _writer("one", file_path) as writer:
        assert writer.stdin is not None
        assert writer.stdout is not None
        for line in writer.stdout:
            if line.strip() == stop:
                writer.kill()
                break
            writer.stdin.write("on\n")
            writer.stdin.flush()
    assert writer.returncode == -9
    state = open_store(file_path, open_cipher(file_path), create=False)
    try:
        counts = upkeep.row_counts(state.database)
        found = [counts[table] for table in TABLES]
        assert found == ([1, 1, 199, 1, 1, 1, 1] if stop == "committed" else [0] * 7)
        assert upkeep.unsound(state.database) == ()
        with state.store.begin() as unit:
            unit.marks.set("alive", "yes")
    finally:
        state.close()


@pytest.mark.parametrize("told", [1, 7, 40, 111])
def test_killed_in_full_swing(file_path, told):
    """A writer killed while it commits one unit after another: every unit it told of is there, and none is half there."""
    with _writer("many", file_path) as writer:
        assert writer.stdout is not None
        for line in writer.stdout:
            if int(line.split()[0]) == told:
                writer.kill()
                break
    state = open_store(file_path, open_cipher(file_path), create=False)
    try:
        counts = upkeep.row_counts(state.database)
        with state.store.reading() as unit:
            last = int(unit.marks.get("last") or 0)
        assert last >= told
        assert [counts[table] for table in ("cases", "attempts", "journal")] == [last] * 3
        assert upkeep.unsound(state.database) == ()
    finally:
        state.close()
