"""Seeded campaigns: a small book, 38 days of trouble, then 22 of rest; judged at every step by Stripe's own ledger.

A seed repeats a run exactly: the same calls, the same commits, the same ledger. `python -m tests.simulation.campaign`
runs many (`--seeds`, `--from`, `--jobs`); `--keep SEED` makes a seed a test for ever.
"""

from __future__ import annotations

import sys
from collections import Counter
from dataclasses import dataclass, field, replace

from flexpay_reconcile.simulator.control import control_api
from tests.simulation import card_numbers, worlds
from tests.simulation.finals import Finals
from tests.simulation.fleet import Fleet
from tests.simulation.judges import Judge, Violation
from tests.simulation.marks import Seen, marks_of
from tests.simulation.policies import Policies
from tests.simulation.readings import Readings
from tests.simulation.recipe import (
    QUIET_DAYS,
    SPACING_HOURS,
    TROUBLED_DAYS,
    VISA_PER_30_DAYS,
    Recipe,
    draw,
)
from tests.simulation.records import Records
from tests.simulation.referee import Referee
from tests.simulation.request import HookFailed
from tests.simulation.trace import Trace
from tests.simulation.trouble import Trouble

__all__ = ["QUIET_DAYS", "TROUBLED_DAYS", "Report", "main", "replace", "run"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one seed came to. `violation` is empty when every invariant held."""

    seed: int
    violation: str
    digest: str
    families: tuple[str, ...]
    daemons: int
    cases: int
    charges: int
    calls: int
    attempts: int
    crashes: int
    states: dict[str, int]
    met: Counter[str] = field(default_factory=Counter)
    marks: Counter[str] = field(default_factory=Counter)
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Judges:
    """All that watch one run."""

    judge: Judge
    records: Records
    referee: Referee
    finals: Finals
    readings: Readings


def run(seed: int, without: tuple[str, ...] = ()) -> Report:
    """One campaign; never raises for a violation."""
    recipe = draw(seed, without)
    fleet = Fleet(
        recipe.customers,
        loaded=worlds.manifest(**recipe.manifest),
        seed=seed,
        daemons=recipe.daemons,
        before=lambda each: _before(each, recipe),
        scenario=worlds.connected if recipe.has("departures") else worlds.scenario,
    )
    judge = Judge(
        fleet,
        spacing_hours=SPACING_HOURS,
        visa_per_30_days=VISA_PER_30_DAYS,
        per_minute=recipe.per_minute,
        recipe=recipe,
    )
    policies = Policies(fleet, recipe.manifest)
    judges = Judges(
        judge=judge,
        records=Records(fleet, policies),
        referee=Referee(fleet, recipe),
        finals=Finals(fleet, recipe, policies),
        readings=Readings(fleet),
    )
    trace = Trace(fleet)
    trouble = Trouble(fleet, recipe, policies)
    fleet.heard.append(lambda body, status: judge.heard(body) if status == 200 else None)
    violation = ""
    try:
        _live(fleet, judges, trouble)
    except Violation as broken:
        violation = str(broken)
    except (Exception, HookFailed) as broken:  # noqa: BLE001 - a campaign reports what it meets
        violation = f"{type(broken).__name__}: {broken}"
    states = Counter(case.state.value for case in fleet.cases())
    attempts = sum(each.sends > 0 for case in fleet.cases() for each in fleet.attempts(case))
    met = trouble.met + trace.faults()
    return Report(
        seed=seed,
        violation=violation,
        digest=trace.digest(),
        families=tuple(sorted(recipe.families)),
        daemons=recipe.daemons,
        cases=states.total(),
        charges=len(fleet.charges()),
        calls=len(fleet.requests),
        attempts=attempts,
        crashes=fleet.crashes,
        states=dict(states),
        met=met,
        marks=marks_of(Seen(fleet=fleet, recipe=recipe, met=met)),
        log=tuple(trouble.log),
    )


def _before(fleet: Fleet, recipe: Recipe) -> None:
    """Stripe's own settings, and what failed before anybody recovered it."""
    card_numbers.plant(fleet)
    if recipe.billing:
        control_api.post(fleet.world, "billing", {"account": worlds.book(fleet.world).id, **recipe.billing})
    if recipe.reads_events:
        for env in ("SIM_PRIMARY", "SIM_FALLBACK"):
            kept = fleet.world.sim.keys[fleet.environ[env]].permissions or frozenset()
            fleet.set_key(env, permissions=kept | {"rak_event_read"})
    if recipe.days_before:
        for name in recipe.customers:
            fleet.decline(name, "insufficient_funds", times=1)
        fleet.world.advance_to(fleet.world.now + recipe.days_before * 86_400)


def _live(fleet: Fleet, judges: Judges, trouble: Trouble) -> None:
    rng = trouble.rng

    def on_step(_: object) -> None:
        judges.judge.step()
        judges.readings.step()
        judges.records.step()
        judges.referee.step()

    for name in trouble.recipe.customers:
        if rng.random() < 0.7:
            trouble.deeds.do("refuse", name)
    left = float(TROUBLED_DAYS)
    while left > 0:
        span = min(rng.expovariate(1.5), left)
        left -= span
        fleet.live(span, on_step=on_step)
        trouble.something()
        on_step(None)
    trouble.calm()
    judges.referee.calm()
    judges.finals.calm()
    fleet.live(QUIET_DAYS, on_step=on_step)
    on_step(None)
    judges.records.end()
    judges.referee.end()
    judges.finals.end()
    card_numbers.search_database(fleet)


def main() -> int:
    """Run seeds and tell what they met; 1 when an invariant was broken."""
    from tests.simulation import command

    return command.main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(main())
