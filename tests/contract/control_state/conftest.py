"""The control state under test: once in a file, once in memory."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexpay_reconcile.adapters.sqlite_store import open_store
from flexpay_reconcile.adapters.state_cipher import open_cipher
from tests.contract.control_state.doors import served


@pytest.fixture(params=["file", "memory"])
def state(request: pytest.FixtureRequest, tmp_path: Path):
    """An open, empty state."""
    path = tmp_path / "state.db" if request.param == "file" else None
    opened = open_store(path or ":memory:", open_cipher(path))
    yield opened
    opened.close()


@pytest.fixture(params=["direct", "door"])
def control(request: pytest.FixtureRequest, state):
    """The control-state port of it: called directly, and through a control door."""
    if request.param == "direct":
        yield state.control
        return
    with served(state) as remote:
        yield remote


@pytest.fixture
def inside(state):
    """The control-state port of it, called directly: what does not cross a door."""
    return state.control


@pytest.fixture
def file_path(tmp_path: Path) -> Path:
    """Where the tests that need a file put it."""
    return tmp_path / "state.db"
