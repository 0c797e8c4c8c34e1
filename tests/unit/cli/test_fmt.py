"""`flexpay fmt` as a person types it: streams, files, modes, exit codes."""

from __future__ import annotations

import io
import stat
import sys
from pathlib import Path

import pytest

from flexpay_reconcile.cli import files
from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.errors import OperatorError

UGLY = b"version:  1 # one\ncurrencies: [USD,EUR]\n"
FAIR = b"version: 1  # one\ncurrencies: [USD, EUR]\n"


@pytest.fixture
def place(tmp_path, monkeypatch):
    """A working folder with one file that is not in its form."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "flexpay.yaml"
    path.write_bytes(UGLY)
    path.chmod(0o640)
    return path


def test_it_writes_once_and_keeps_the_mode(place, capsys):
    """The file is named and rewritten with its mode; the second time nothing is named and nothing written."""
    assert entry(["fmt"]) == 0
    assert capsys.readouterr().out == "flexpay.yaml\n"
    assert place.read_bytes() == FAIR
    assert stat.S_IMODE(place.stat().st_mode) == 0o640
    before = place.stat()
    assert entry(["fmt", "flexpay.yaml"]) == 0
    assert capsys.readouterr().out == ""
    assert (place.stat().st_ino, place.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)
    assert [each.name for each in place.parent.iterdir()] == ["flexpay.yaml"]


def test_check_and_diff_write_nothing(place, capsys):
    """--check: 2 and the name; --diff: the lines, 0; both: the lines, 2; and 0 where nothing differs."""
    assert entry(["fmt", "--check"]) == 2
    assert capsys.readouterr().out == "flexpay.yaml\n"
    assert entry(["fmt", "--diff"]) == 0
    shown = capsys.readouterr().out
    assert "-version:  1 # one" in shown
    assert "+version: 1  # one" in shown
    assert entry(["fmt", "--check", "--diff"]) == 2
    assert capsys.readouterr().out == shown
    assert place.read_bytes() == UGLY
    place.write_bytes(FAIR)
    assert entry(["fmt", "--check", "--diff"]) == 0
    assert capsys.readouterr().out == ""


def test_standard_input_is_printed(place, monkeypatch, capsys):
    """- reads standard input and prints it; no file is touched; beside another name it is wrong usage."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(UGLY)))
    assert entry(["fmt", "-"]) == 0
    assert capsys.readouterr().out.encode() == FAIR
    assert place.read_bytes() == UGLY
    assert entry(["fmt", "-", "flexpay.yaml"]) == 64


def test_a_fault_in_one_file_writes_none(place, capsys):
    """What cannot be read for sure is told with its place, exit code 3, and no file is touched."""
    Path("other.yaml").write_text("a: 1\na: 2\n", encoding="utf-8")
    assert entry(["fmt", "flexpay.yaml", "other.yaml"]) == 3
    assert "other.yaml:2:1: error[E-yaml-duplicate-key]" in capsys.readouterr().err
    assert place.read_bytes() == UGLY
    assert entry(["fmt", "missing.yaml"]) == 3


def test_a_key_in_the_file_is_never_shown(place, capsys):
    """A literal key is a fault, and --diff does not print its line."""
    key = "rk_live_" + "a1B2" * 8
    place.write_text(f"version:  1\nx:   {key}\n", encoding="utf-8")
    assert entry(["fmt", "--diff"]) == 3
    out, err = capsys.readouterr()
    assert key not in out + err


def test_a_link_stays_a_link_and_a_file_that_moved_is_left(place):
    """The file behind a link is rewritten; one that changed after it was read keeps its new content."""
    link = place.parent / "link.yaml"
    link.symlink_to(place)
    files.rewrite(str(link), UGLY, FAIR)
    assert link.is_symlink()
    assert place.read_bytes() == FAIR
    with pytest.raises(OperatorError, match="changed meanwhile"):
        files.rewrite(str(place), UGLY, b"lost")
    assert place.read_bytes() == FAIR
    assert sorted(each.name for each in place.parent.iterdir()) == ["flexpay.yaml", "link.yaml"]


def test_a_pipe_is_not_replaced(place):
    """What is no plain file is refused in words."""
    with pytest.raises(OperatorError, match="no plain file"):
        files.rewrite("/dev/null", b"", b"x")
