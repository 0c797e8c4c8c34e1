"""Scenarios: a plain document in, a world out. Unknown keys are refused with their path.

Composable: a key at the top is one line in `ROOT`; the keys of accounts and customers stand in `scenario_account`.
May not read files (the caller parses YAML) nor a clock: a scenario says when it starts.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from flexpay_reconcile.simulator.scenario import scenario_account, scenario_faults, scenario_story, scenario_webhooks
from flexpay_reconcile.simulator.scenario import scenario_checks as check
from flexpay_reconcile.simulator.scenario.scenario_checks import ScenarioError
from flexpay_reconcile.simulator.state import Simulation
from flexpay_reconcile.simulator.world import World

VERSION = 1

__all__ = ["ROOT", "VERSION", "ScenarioError", "build_world", "env_of"]


def build_world(document: Mapping[str, Any]) -> World:
    """The world a scenario describes; ScenarioError when it cannot be built."""
    root = check.table(
        document, "", required=("version", "start", "accounts"), optional=("seed", "name", "description", *ROOT)
    )
    if root["version"] != VERSION:
        raise ScenarioError("version", f"must be {VERSION}")
    start = check.instant(root["start"], "start")
    sim = Simulation(seed=check.integer(root.get("seed", 0), "seed", least=0), now=start)
    accounts = root["accounts"]
    if not isinstance(accounts, Mapping) or not accounts:
        raise ScenarioError("accounts", "must name at least one account")
    buildings = [scenario_account.build(sim, str(id_), value, f"accounts.{id_}") for id_, value in accounts.items()]
    sim.now = start
    world = World(sim)
    for building in buildings:
        for work in building.later:
            work(world)
    for key in ("name", "description"):
        if key in root:
            setattr(world, key, check.text(root[key], key))
    for key, parse in ROOT.items():
        if key in root:
            parse(world, root[key], key)
    return world


def env_of(world: World) -> dict[str, str]:
    """Environment variable name to key, for every key that names one."""
    return {key.env: key.secret for key in world.sim.keys.values() if key.env is not None}


ROOT: dict[str, Callable[[World, object, str], None]] = {
    "faults": scenario_faults.faults,
    "limits": scenario_faults.limits,
    "delivery_faults": scenario_webhooks.delivery_faults,
    "days": scenario_story.days,
    "story": scenario_story.story,
    "requests": scenario_story.requests,
}
"""What a scenario may say at its top beside version, start, seed and accounts, in the order in which it is read."""
