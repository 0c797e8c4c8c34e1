"""The campaign once more, with the book at a connected account: every invariant, every fault, each call in its name."""

from __future__ import annotations

from typing import Any

import pytest

from tests.simulation import campaign, worlds

SHOP = "acct_3Shop"


@pytest.fixture
def platform(monkeypatch: pytest.MonkeyPatch) -> None:
    """The merchant's whole book is connected to a platform that has none, and the manifest listens to it."""
    scenario, text = worlds.scenario, worlds.text

    def connected(customers: dict[str, Any], *, seed: int = 1) -> dict[str, Any]:
        made = scenario(customers, seed=seed)
        own = made["accounts"].pop(worlds.ACCOUNT)
        keys = [{**key, "connect_permissions": "flexpay"} for key in own.pop("keys")]
        platform = {"name": "Platform", "livemode": False, "keys": keys}
        made["accounts"] = {worlds.ACCOUNT: platform, SHOP: {**own, "platform": worlds.ACCOUNT}}
        return made

    def listening(**choices: Any) -> str:
        return text(**choices, listen_to=f"connected_accounts\n      connected_accounts: [{SHOP}]")

    monkeypatch.setattr(worlds, "scenario", connected)
    monkeypatch.setattr(worlds, "text", listening)


@pytest.mark.usefixtures("platform")
@pytest.mark.parametrize("seed", range(9_000, 9_008))
def test_a_seed_over_a_connected_account_breaks_nothing(seed: int):
    """Crashes, lost answers, several daemons, wrong deliveries: no invariant is broken, and cases are recovered."""
    report = campaign.run(seed, without=("take_over",))
    assert report.violation == ""
    assert report.cases == 0 or report.calls > 0
