"""What a scenario says of webhooks and Connect: `delivery_faults:` at its top, `platform:` of an account.

    delivery_faults:
      disorder: true
      delay_seconds: 7200
      rates: {lost: 0.01, duplicated: 0.05, twin: 0.02, delayed: 0.2}
      script: [{kind: truncated, type: invoice.paid, nth: 2, times: 1}]

May not decide what any of that means.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol.delivery_faults import DeliveryFaults
from flexpay_reconcile.simulator.resources import connect
from flexpay_reconcile.simulator.scenario import scenario_checks as check
from flexpay_reconcile.simulator.scenario.scenario_building import Building
from flexpay_reconcile.simulator.scenario.scenario_checks import ScenarioError
from flexpay_reconcile.simulator.world import World


def delivery_faults(world: World, value: object, path: str) -> None:
    """Seeded rates, scripted entries and disorder; `seed` is the world's unless given."""
    sim = world.sim
    table = check.table(value, path, optional=("seed", "disorder", "delay_seconds", "rates", "script"))
    seed = check.integer(table.get("seed", sim.seed), f"{path}.seed", least=0)
    if check.boolean(table.get("disorder", False), f"{path}.disorder"):
        sim.outbox.disorder = (seed, "disorder")
    longest = check.integer(table.get("delay_seconds", 3600), f"{path}.delay_seconds", least=1)
    rates = check.mapping(table.get("rates", {}), f"{path}.rates")
    try:
        sim.delivery_faults.set_rates(rates, seed=seed, longest=longest)
    except ValueError as error:
        raise ScenarioError(f"{path}.rates", str(error)) from error
    for entry, at in check.items(table.get("script", []), f"{path}.script"):
        _entry(sim.delivery_faults, entry, at)


def _entry(faults: DeliveryFaults, value: object, path: str) -> None:
    table = check.table(value, path, required=("kind",), optional=("type", "endpoint", "nth", "times", "seconds"))
    try:
        faults.add(
            check.text(table["kind"], f"{path}.kind"),
            type=check.text(table.get("type", "*"), f"{path}.type"),
            endpoint=check.text(table.get("endpoint", "*"), f"{path}.endpoint"),
            nth=check.integer(table.get("nth", 1), f"{path}.nth", least=1),
            times=check.integer(table.get("times", 1), f"{path}.times", least=1),
            seconds=check.integer(table.get("seconds", 0), f"{path}.seconds", least=0),
        )
    except ValueError as error:
        raise ScenarioError(path, str(error)) from error


def platform(building: Building, value: object, path: str) -> None:
    """The account is connected to this platform from the start."""
    name, account = check.text(value, path), building.account

    def join(world: World) -> None:
        if all(each.id != name for each in world.sim.accounts.values()):
            raise ScenarioError(path, f"no account {name!r} in this scenario")
        try:
            connect.join(world.sim, account.id, name)
        except ValueError as error:
            raise ScenarioError(path, str(error)) from error

    building.later.append(join)
