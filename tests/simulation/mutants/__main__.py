"""Hunt every planted bug, or those whose names hold a word, and tell in which seed each was found.

`python -m tests.simulation.mutants --seeds 200 --jobs 2 [WORD …]`; 1 when one was found in no seed, or as another's.
`--measure` writes the first seed that finds each to `firsts.json`, for the tests; `--at-least` goes on after the first.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import statistics
import sys
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.command import quietly
from tests.simulation.mutants import ALL
from tests.simulation.mutants.planting import MEASURED, Hunt, hunt, measured


def main(words: list[str]) -> int:
    """Hunt them all."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.mutants", description=__doc__)
    parser.add_argument("--seeds", type=int, default=200, help="give up after so many")
    parser.add_argument("--from", type=int, default=1, dest="since", help="the first seed")
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--measure", action="store_true", help="keep the firsts")
    parser.add_argument("--at-least", type=int, default=1, help="run so many seeds of each, found or not")
    parser.add_argument("words", nargs="*")
    given = parser.parse_args(words)
    chosen = [
        number for number, each in enumerate(ALL) if not given.words or any(word in each.what for word in given.words)
    ]
    bad, hunts = 0, []
    with ProcessPoolExecutor(given.jobs, mp_context=multiprocessing.get_context("fork"), initializer=quietly) as pool:
        for number, found in zip(
            chosen,
            pool.map(_one, [(each, given.since, given.since + given.seeds, given.at_least) for each in chosen]),
            strict=True,
        ):
            well = found.found is not None and found.named in ALL[number].breaks
            bad += not well
            hunts.append(found)
            print(_line(found, well), flush=True)
    if given.measure:
        _write(hunts)
    firsts = [each.found or given.seeds for each in hunts]
    words_ = (
        f"{len(chosen)} planted bugs, {bad} not found; worst {max(firsts)} seeds, median {statistics.median(firsts):g}"
    )
    print(f"{words_}; {sum(each.ran for each in hunts)} seeds run")
    return 1 if bad else 0


def _line(found: Hunt, well: bool) -> str:
    note = "" if well else "   <-- NOT FOUND" if found.found is None else "   <-- found as another's"
    first = "none" if found.found is None else str(found.found)
    return f"first {first:>4}, {found.times:2d} of {found.ran:2d}  {found.what}: {found.words[:110]}{note}"


def _write(hunts: list[Hunt]) -> None:
    """Those that were hunted now, beside the others as they were; bugs that are no more are dropped."""
    kept = measured() if MEASURED.exists() else {}
    kept |= {
        each.what: {"first": each.found, "named": each.named, "times": each.times, "seeds": each.ran} for each in hunts
    }
    rows = {each.what: kept[each.what] for each in ALL if each.what in kept}
    MEASURED.write_text(json.dumps(rows, indent=2, ensure_ascii=False) + "\n")


def _one(given: tuple[int, int, int, int]) -> Hunt:
    number, since, until, at_least = given
    return hunt(ALL[number], range(since, until), at_least=at_least)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
