"""Hunt every planted bug, or those whose names hold a word, and tell in which seed each was found.

`python -m tests.simulation.mutants --seeds 200 --jobs 2 [WORD …]`; 1 when one was found in no seed, or as another's.
"""

from __future__ import annotations

import argparse
import multiprocessing
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.command import quietly
from tests.simulation.mutants import ALL
from tests.simulation.mutants.planting import Hunt, hunt


def main(words: list[str]) -> int:
    """Hunt them all."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="give up after so many")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("words", nargs="*")
    given = parser.parse_args(words)
    chosen = [
        number for number, each in enumerate(ALL) if not given.words or any(word in each.what for word in given.words)
    ]
    bad, ran = 0, []
    with ProcessPoolExecutor(given.jobs, mp_context=multiprocessing.get_context("fork"), initializer=quietly) as pool:
        for number, found in zip(chosen, pool.map(_one, [(each, given.seeds) for each in chosen]), strict=True):
            named = found.words.partition(":")[0]
            well = found.found is not None and named in ALL[number].breaks
            bad += not well
            ran.append(found.ran)
            note = "" if well else "   <-- NOT FOUND" if found.found is None else "   <-- found as another's"
            print(f"{found.ran:5d} seeds  {found.what}: {found.words[:110]}{note}", flush=True)
    print(f"{len(chosen)} planted bugs, {bad} not found; worst {max(ran)} seeds, median {statistics.median(ran):g}")
    return 1 if bad else 0


def _one(given: tuple[int, int]) -> Hunt:
    number, seeds = given
    return hunt(ALL[number], range(1, seeds + 1))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
