"""The ground every test here stands on; what was started on it is ended with it."""

from __future__ import annotations

import pytest

from tests.integration.ground import Ground


@pytest.fixture
def ground(tmp_path):
    """A laid out folder; no process runs yet."""
    made = Ground(folder=tmp_path)
    made.lay_out()
    try:
        yield made
    finally:
        made.end()


@pytest.fixture
def applied(ground):
    """The same with a simulator that runs and the example's manifest applied."""
    ground.start_simulator()
    ground.ok("apply", "--auto-approve")
    return ground
