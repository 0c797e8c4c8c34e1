"""Prints the mutation score of the last `mutmut run`, room by room, and fails below a limit.

A mutant counts as found when a test failed on it or ran out of time; one that no test reaches counts as not found. What
mutmut could not judge (a run that broke off) fails the command: a score over half the mutants says nothing.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from pathlib import Path

FOUND = {1, 3, 36, 24, 152, 255, -24}  # mutmut's exit codes: a test failed, or time ran out
MISSED = {0, 5, 33}  # survived; 5 and 33: no test reaches it


def verdicts(folder: Path) -> dict[str, Counter[str]]:
    """The number of mutants by module and verdict: found, missed or unknown."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for meta in sorted(folder.rglob("*.meta")):
        for code in json.loads(meta.read_text())["exit_code_by_key"].values():
            verdict = "found" if code in FOUND else "missed" if code in MISSED else "unknown"
            counts[str(meta.relative_to(folder)).removesuffix(".py.meta")][verdict] += 1
    return counts


def main() -> int:
    """Print the table and say whether the score is reached: 0 yes, 1 no."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-least", type=float, default=80.0, help="percent of all mutants that a test has to find")
    parser.add_argument("--folder", type=Path, default=Path("mutants/flexpay_reconcile"))
    asked = parser.parse_args()
    counts = verdicts(asked.folder)
    total: Counter[str] = Counter()
    for module, found in counts.items():
        total += found
        print(f"{module:32} {found['found']:5} of {found.total():5}  {100 * found['found'] / found.total():5.1f} %")
    if not total.total() or total["unknown"]:
        print(
            f"{total['unknown']} of {total.total()} mutants were not judged: run `make mutation` again", file=sys.stderr
        )
        return 1
    score = 100 * total["found"] / total.total()
    print(f"{'all':32} {total['found']:5} of {total.total():5}  {score:5.1f} % (asked: {asked.at_least:.0f} %)")
    return 0 if score >= asked.at_least else 1


if __name__ == "__main__":
    sys.exit(main())
