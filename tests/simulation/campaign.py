"""Seeded campaigns: a small book, forty days of trouble, then rest; judged at every step by Stripe's own ledger.

`python -m tests.simulation.campaign --seeds 200` runs more of them than `make test` does; `--from N` begins elsewhere.
A seed repeats a run exactly: the same ledger to the last row.
"""

from __future__ import annotations

import argparse
import logging
import random
import sys
from dataclasses import dataclass, replace

from tests.simulation import worlds
from tests.simulation.judges import Judge, Violation
from tests.simulation.records import Records
from tests.simulation.rig import Rig
from tests.simulation.trouble import CARDS, DOWN, Trouble

__all__ = ["Report", "main", "replace", "run"]

TROUBLED_DAYS = 26
QUIET_DAYS = 14
SPACING_HOURS = 12
VISA_PER_30_DAYS = 5
PER_MINUTE = 6
_MORE = f"""\
    network_ceilings:
      visa: {{per_30_days: {VISA_PER_30_DAYS}}}
brakes:
  attempts: {{per_minute: {PER_MINUTE}}}
"""
_FIXED = "    fixed_schedule: [{days: 1}, {days: 2}, {days: 2}, {days: 2}]\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What one seed came to. `violation` is empty when every invariant held."""

    seed: int
    violation: str
    digest: str
    cases: int
    charges: int
    crashes: int
    states: dict[str, int]
    log: tuple[str, ...]


def run(seed: int) -> Report:
    """One campaign; never raises for a violation."""
    rng = random.Random(f"book {seed}")
    names = [f"c{number}" for number in range(8)]
    customers = {
        name: worlds.customer(card, renews_in_days=rng.uniform(0.01, 6), price=rng.choice(("gold", "weekly", "weekly")))
        for name, card in zip(names, CARDS, strict=True)
    }
    timing = rng.choice(("even", "even", "fixed"))
    loaded = worlds.manifest(
        timing=timing, spacing_hours=SPACING_HOURS, more=(_FIXED if timing == "fixed" else "") + _MORE
    )
    rig = Rig(customers, loaded=loaded, seed=seed)
    judge = Judge(rig, spacing_hours=SPACING_HOURS, visa_per_30_days=VISA_PER_30_DAYS, per_minute=PER_MINUTE)
    records = Records(rig)
    trouble = Trouble(rig, judge, names, seed)
    violation = ""
    try:
        _live(rig, judge, records, trouble)
    except Violation as broken:
        violation = str(broken)
    except Exception as broken:  # noqa: BLE001 - a campaign reports what it meets
        violation = f"{type(broken).__name__}: {broken}"
    states: dict[str, int] = {}
    for case in rig.cases():
        states[case.state.value] = states.get(case.state.value, 0) + 1
    return Report(
        seed=seed,
        violation=violation,
        digest=rig.world.ledger.digest(),
        cases=sum(states.values()),
        charges=len(rig.charges()),
        crashes=rig.crashes,
        states=states,
        log=tuple(trouble.log),
    )


def _live(rig: Rig, judge: Judge, records: Records, trouble: Trouble) -> None:
    rng = trouble.rng

    def on_step(_: object) -> None:
        judge.step()
        records.step()

    for name in trouble.names:
        if rng.random() < 0.8:
            trouble._refuse(name)
    left = float(TROUBLED_DAYS)
    while left > 0:
        span = min(rng.expovariate(1.5), left)
        left -= span
        rig.live(span, down=rng.choice(DOWN), on_step=on_step)
        trouble.something()
        on_step(None)
    trouble.calm()
    rig.live(QUIET_DAYS, on_step=on_step)
    on_step(None)
    records.end()


def main() -> int:
    """Run seeds and tell what they met; 1 when an invariant was broken."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=200)
    parser.add_argument("--from", type=int, default=1, dest="first")
    given = parser.parse_args()
    logging.getLogger("flexpay").setLevel(logging.CRITICAL + 1)  # what goes wrong here goes wrong on purpose
    bad, cases, charges, crashes = 0, 0, 0, 0
    for seed in range(given.first, given.first + given.seeds):
        report = run(seed)
        cases, charges, crashes = cases + report.cases, charges + report.charges, crashes + report.crashes
        if report.violation:
            bad += 1
            print(f"seed {seed}: {report.violation}")
    print(f"{given.seeds} seeds, {cases} cases, {charges} charges, {crashes} crashes, {bad} seeds with violations")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
