"""The `faults:` and `limits:` of a scenario: what goes wrong with requests, and how many are admitted.

May not decide anything: `faults` and `limiter` say what is right.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol import faults as scripts
from flexpay_reconcile.simulator.protocol import limiter
from flexpay_reconcile.simulator.scenario import scenario_checks as check
from flexpay_reconcile.simulator.scenario.scenario_checks import ScenarioError
from flexpay_reconcile.simulator.world import World


def faults(world: World, value: object, path: str) -> None:
    """A list of `{kind, method?, path?, nth?, times?, …}` and `{rates, seed?, method?, path?}`."""
    for entry, at in check.items(value, path):
        try:
            scripts.add_entry(world.sim.faults, check.mapping(entry, at), world.sim.seed)
        except ValueError as error:
            raise ScenarioError(at, str(error)) from error


def limits(world: World, value: object, path: str) -> None:
    """`stripe`, `off`, or a map like `{global: 25, endpoint: 25}`."""
    try:
        world.sim.limiter.set(limiter.limits_of(value))
    except ValueError as error:
        raise ScenarioError(path, str(error)) from error
