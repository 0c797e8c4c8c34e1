"""Fixtures of the regressions."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.simulation import worlds

OTHER = "acct_2Other"


@pytest.fixture
def two_accounts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every world has a second account of the same shape, whose keys stand in variables of their own."""
    one = worlds.scenario

    def two(customers: dict[str, Any], *, seed: int = 1) -> dict[str, Any]:
        made = one(customers, seed=seed)
        other = copy.deepcopy(made["accounts"][worlds.ACCOUNT])
        for key in other["keys"]:
            key["env"] = f"OTHER_{key['env']}"
        other["customers"] = {f"other-{name}": value for name, value in other["customers"].items()}
        made["accounts"][OTHER] = other
        return made

    monkeypatch.setattr(worlds, "scenario", two)
