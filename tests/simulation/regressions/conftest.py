"""Fixtures of the regressions."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.simulation import worlds

OTHER = "acct_2Other"
SHOP, MART = "acct_3Shop", "acct_4Mart"


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


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every world is a platform with two connected accounts: customers `shop-…` and `mart-…` are theirs."""
    one = worlds.scenario

    def three(customers: dict[str, Any], *, seed: int = 1) -> dict[str, Any]:
        made = one(customers, seed=seed)
        own = made["accounts"][worlds.ACCOUNT]
        for key in own["keys"]:
            key["connect_permissions"] = "flexpay"
        for name, id_ in (("shop", SHOP), ("mart", MART)):
            made["accounts"][id_] = {
                "name": name.capitalize(),
                "platform": worlds.ACCOUNT,
                "prices": copy.deepcopy(own["prices"]),
                "customers": {who: what for who, what in customers.items() if who.startswith(f"{name}-")},
            }
        own["customers"] = {who: what for who, what in customers.items() if not who.startswith(("shop-", "mart-"))}
        return made

    monkeypatch.setattr(worlds, "scenario", three)
