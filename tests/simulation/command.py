"""The campaign as a command: seeds over the cores, what they met, and how to keep one that broke something."""

from __future__ import annotations

import argparse
import json
import logging
import multiprocessing
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from stripe import _api_requestor

from tests.simulation import campaign
from tests.simulation.campaign import Report
from tests.simulation.marks import MARKS

KEPT = Path(__file__).parent / "seeds"


def quietly() -> None:
    """What goes wrong in a campaign goes wrong on purpose. The SDK formats each line before anybody asks whether it is wanted."""
    logging.disable(logging.CRITICAL)
    for each in ("log_info", "log_debug"):
        setattr(_api_requestor, each, lambda *_, **__: None)


def main(words: list[str]) -> int:
    """Run seeds and tell what they met; 1 when an invariant was broken or a mark was never hit in 100 seeds or more."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.campaign", description=campaign.__doc__)
    parser.add_argument("--seeds", type=int, default=100)
    parser.add_argument("--from", type=int, default=1, dest="first")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", type=int, metavar="SEED", help="make this seed a test for ever")
    parser.add_argument("--note", default="", help="with --keep: what it showed")
    parser.add_argument("--without", nargs="*", default=[], metavar="FAMILY")
    given = parser.parse_args(words)
    if given.keep is not None:
        print(keep(given.keep, given.without, given.note))
        return 0
    began = time.perf_counter()
    total = Total()
    for report in reports(range(given.first, given.first + given.seeds), tuple(given.without), given.jobs):
        total.add(report)
        if report.violation:
            print(f"seed {report.seed}: {report.violation}", flush=True)
    print(total.text(time.perf_counter() - began))
    blind = total.seeds >= 100 and not given.without and total.never_hit()
    return 1 if total.bad or blind else 0


def reports(seeds: Iterable[int], without: tuple[str, ...] = (), jobs: int = 1) -> Iterator[Report]:
    """Every seed's report in order, by so many processes."""
    if jobs == 1:
        quietly()
        for seed in seeds:
            yield campaign.run(seed, without)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(jobs, mp_context=context, initializer=quietly) as pool:
        yield from pool.map(_one, [(seed, without) for seed in seeds])


def _one(given: tuple[int, tuple[str, ...]]) -> Report:
    return campaign.run(*given)


class Total:
    """What many seeds came to."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.seeds = self.bad = self.cases = self.charges = self.calls = self.attempts = self.crashes = 0
        self.met: Counter[str] = Counter()
        self.marks: Counter[str] = Counter()
        self.families: Counter[str] = Counter()
        self.daemons: Counter[int] = Counter()
        self.most_cases = 0

    def add(self, report: Report) -> None:
        """One more seed."""
        self.seeds += 1
        self.bad += bool(report.violation)
        self.cases += report.cases
        self.most_cases = max(self.most_cases, report.cases)
        self.charges += report.charges
        self.calls += report.calls
        self.attempts += report.attempts
        self.crashes += report.crashes
        self.met += report.met
        self.marks += Counter(dict.fromkeys(report.marks, 1))
        self.families += Counter(report.families)
        self.daemons[report.daemons] += 1

    def never_hit(self) -> list[str]:
        """Marks no seed met."""
        return [name for name in MARKS if not self.marks[name]]

    def text(self, seconds: float) -> str:
        """For a person."""
        never = self.never_hit()
        lines = [
            f"{self.seeds} seeds of 60 days, {self.seeds / max(seconds, 0.001):.2f} seeds/s, {self.bad} with violations",
            f"{self.calls} Stripe calls, {self.attempts} attempts, {self.charges} charges, {self.crashes} crashes",
            f"{self.cases} cases, at most {self.most_cases} in a seed",
            "daemons: " + ", ".join(f"{count} seeds with {number}" for number, count in sorted(self.daemons.items())),
            "families: " + ", ".join(f"{name} {count}" for name, count in sorted(self.families.items())),
            "faults: " + ", ".join(f"{name} {count}" for name, count in sorted(self.met.items())),
            f"marks: {len(MARKS) - len(never)} of {len(MARKS)} hit; seeds that hit each:",
            *(f"  {self.marks[name]:5d}  {name}" for name in MARKS),
        ]
        return "\n".join(lines)


def keep(seed: int, without: list[str], note: str) -> str:
    """Write the seed down; all that are written down run with the tests. Returns where."""
    report = campaign.run(seed, tuple(without))
    KEPT.mkdir(exist_ok=True)
    path = KEPT / f"{seed:04d}.json"
    document = {"seed": seed, "without": without, "note": note or report.violation or "kept while it was green"}
    path.write_text(json.dumps(document, indent=2) + "\n")
    return f"{path.name}: {report.violation or 'no violation now'}"
