"""`python -m tests.chaos --kills 100`: rounds of real-process chaos until so many daemons were killed; 1 on a violation.

A seed gives the merchant, the deeds and the order of everything; the instant of a kill is the machine's own.
"""

from __future__ import annotations

import argparse
import signal
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.chaos import planted
from tests.chaos.round import play
from tests.chaos.stand import Plan
from tests.chaos.tally import Tally

KILLS_A_ROUND = 40


def main(words: list[str]) -> int:
    """Play and tell."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--kills", type=int, default=100)
    parser.add_argument("--seed", type=int, default=1, help="of the first round; the next rounds have the next ones")
    parser.add_argument("--jobs", type=int, default=2, help="rounds at a time")
    parser.add_argument("--disk", choices=("any", "tmpfs", "limit"), default="any")
    parser.add_argument("--bug", choices=sorted(planted.BUGS), help="plant a bug: the run has to end with 1")
    parser.add_argument("--trace", type=Path, help="add every named point that is passed to this file")
    parser.add_argument("--verbose", action="store_true", help="tell what is done")
    given = parser.parse_args(words)
    began = time.monotonic()
    tally = Tally()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: tally.interrupted.set())
    plans = _plans(given)
    with ThreadPoolExecutor(given.jobs) as pool:
        for plan, _ in zip(plans, pool.map(lambda each: play(each, tally), plans), strict=True):
            seconds = time.monotonic() - began
            print(
                f"seed {plan.seed}: {tally.kills} kills so far, {len(tally.breaches)} violations, {seconds:.0f} s",
                flush=True,
            )
    print(tally.text(time.monotonic() - began))
    return 1 if tally.breaches else 0


def _plans(given: argparse.Namespace) -> list[Plan]:
    """Rounds of about forty kills each, one seed after another."""
    count = max(1, -(-given.kills // KILLS_A_ROUND))
    shares = [given.kills // count + (place < given.kills % count) for place in range(count)]
    return [
        Plan(
            seed=given.seed + place,
            kills=kills,
            disk=given.disk,
            bug=given.bug,
            trace=given.trace,
            verbose=given.verbose,
        )
        for place, kills in enumerate(shares)
    ]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
