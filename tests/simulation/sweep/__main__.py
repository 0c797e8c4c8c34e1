"""Die at every crash point, under every answer of Stripe, with every order of restarts: `make sweep`.

`python -m tests.simulation.sweep --jobs 2 [--every 10] [WORD …]`; prints the counts, and ends with 1 when an end is
another than without the crash, or a crash point of the code was never died at.
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor

from tests.simulation.command import quietly
from tests.simulation.sweep import points, runs
from tests.simulation.sweep.orders import Order


def main(words: list[str]) -> int:
    """Sweep all, or every n-th fault of the settings whose name holds a word."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation.sweep", description=__doc__)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("words", nargs="*")
    given = parser.parse_args(words)
    chosen = [
        number
        for number, setting in enumerate(runs.settings())
        if not given.words or any(word in str(setting) for word in given.words)
    ]
    died: Counter[points.Point] = Counter()
    bad = 0
    with ProcessPoolExecutor(given.jobs, mp_context=multiprocessing.get_context("fork"), initializer=quietly) as pool:
        for tried, wrong in pool.map(_one, [(number, given.every) for number in chosen]):
            died.update(tried)
            bad += len(wrong)
            for each in wrong:
                print(each, flush=True)
    missed = [each for each in points.listed() if each not in died]
    for point in missed:
        print(f"never died at {point}")
    left_out = len(points.every()) - len(points.listed())
    if left_out:
        print(
            f"{left_out} crash points are not swept: {'; '.join(f'{at}: {why}' for at, why in points.NOT_SWEPT.items())}"
        )
    total = sum(died.values())
    answers = len({setting.answer for setting in runs.settings()})
    print(
        f"{total} single faults: {len(died)} of {len(points.listed())} crash points, {len(chosen)} settings with "
        f"{answers} answers, {len(Order)} orders; {bad} with another end"
    )
    whole = not given.words and given.every == 1
    return 1 if bad or (whole and missed) else 0


def _one(given: tuple[int, int]) -> tuple[list[points.Point], list[str]]:
    """One setting: the points died at, and what was wrong."""
    number, every = given
    setting = list(runs.settings())[number]
    plain = runs.run(setting)
    wanted = runs.ending(plain)
    chosen = [each for at, each in enumerate(runs.faults(setting, plain)) if (at + number) % every == 0]
    wrong = [f"{each}: {words}" for each in chosen if (words := runs.differs(each, wanted)) is not None]
    return [each.point for each in chosen], wrong


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
