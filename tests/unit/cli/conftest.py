"""A shop for the commands: its manifest in the working folder, its Stripe simulated in process."""

from __future__ import annotations

import pytest

from flexpay_reconcile import bootstrap
from flexpay_reconcile.simulator.scenario.scenario import env_of
from tests.unit.operations_control.harness import MANIFEST, House, WorldClock

OTHERS = "ghp_CanaryOfSomebodyElse0123456789abcd"
"""A secret in the same environment that is none of ours."""


@pytest.fixture
def shop(tmp_path, monkeypatch):
    """A folder with a manifest, and commands that find a simulated Stripe instead of the real one."""
    house = House()
    real = bootstrap.open_control

    def open_control(state_path, stripe_api, allow_secret_commands=False, *, create=True):
        return real(
            state_path,
            None,
            allow_secret_commands,
            create=create,
            clock=WorldClock(house.world),
            http_client=house.transport,
            environ={**env_of(house.world), "SAME": env_of(house.world)["PRIMARY"], "GITHUB_TOKEN": OTHERS},
        )

    monkeypatch.setattr(bootstrap, "open_control", open_control)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "flexpay.yaml").write_text(MANIFEST, encoding="utf-8")
    return house
