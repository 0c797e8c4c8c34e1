"""The note that says which copy of a state may charge."""

from __future__ import annotations

import pytest

from flexpay_reconcile.adapters.armed_file import ArmedFile, ArmedMemory
from flexpay_reconcile.errors import OperatorError


@pytest.fixture(params=["file", "memory"])
def note(request, tmp_path):
    """Each adapter of the port."""
    return ArmedFile(tmp_path / "state.db") if request.param == "file" else ArmedMemory()


def test_it_says_nothing_before_it_is_written_and_then_what_was_written(note):
    """None, then the last id."""
    assert note.read() is None
    note.write("first")
    note.write("second")
    assert note.read() == "second"


def test_an_odd_note_arms_nobody(tmp_path):
    """Empty or a folder: no id that could fit."""
    path = tmp_path / "state.db.armed"
    path.write_bytes(b"")
    assert ArmedFile(tmp_path / "state.db").read() is None
    path.unlink()
    path.mkdir()
    assert ArmedFile(tmp_path / "state.db").read() is None


def test_a_note_that_cannot_be_written_is_told(tmp_path):
    """The folder is not there: one clear error, and no half-written file left."""
    with pytest.raises(OperatorError) as refused:
        ArmedFile(tmp_path / "gone" / "state.db").write("x")
    assert refused.value.code == "E-armed-note"
    assert list(tmp_path.iterdir()) == []


def test_the_note_is_for_its_owner_only(tmp_path):
    """Mode 0600, and nothing else lies in the folder."""
    ArmedFile(tmp_path / "state.db").write("x")
    assert [each.name for each in tmp_path.iterdir()] == ["state.db.armed"]
    assert (tmp_path / "state.db.armed").stat().st_mode & 0o777 == 0o600
