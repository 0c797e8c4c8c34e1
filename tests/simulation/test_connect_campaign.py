"""The campaign once more, with the book at a connected account that comes and goes: every invariant, every fault."""

from __future__ import annotations

import pytest

from tests.simulation import campaign
from tests.simulation.recipe import draw, with_rare


@pytest.mark.parametrize("seed", range(9_000, 9_008))
def test_a_seed_over_a_connected_account_breaks_nothing(seed: int, monkeypatch: pytest.MonkeyPatch):
    """Crashes, lost answers, several daemons, an account that leaves: nothing is broken, and calls name the account."""
    monkeypatch.setattr(campaign, "draw", lambda *given: with_rare(draw(*given), "departures"))
    report = campaign.run(seed)
    assert report.violation == ""
    assert report.cases == 0 or report.calls > 0
