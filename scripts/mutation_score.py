"""Prints the mutation score of the last `mutmut run`, by module and by room, and fails below a limit.

A mutant counts as found when a test failed on it or ran out of time; one that no test reaches counts as not found. What
mutmut has not judged (a run that broke off) fails the command: a score over half the mutants says nothing. `--only`
looks at some mutants alone, by the pattern that `mutmut run` takes; `--missed` names those that no test has found.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

FOUND = {1, 3, 36, 24, 152, 255, -24}  # mutmut's exit codes: a test failed, or time ran out
MISSED = {0, 5, 33}  # survived; 5 and 33: no test reaches it


def verdicts(folder: Path, only: str) -> Iterator[tuple[str, str, str]]:
    """Each mutant as module, name and verdict: found, missed or unknown."""
    for meta in sorted(folder.rglob("*.meta")):
        module = str(meta.relative_to(folder)).removesuffix(".py.meta")
        for name, code in json.loads(meta.read_text())["exit_code_by_key"].items():
            if fnmatch(name, only):
                yield module, name, "found" if code in FOUND else "missed" if code in MISSED else "unknown"


def line(what: str, found: Counter[str]) -> str:
    """One row of the table."""
    return f"{what:32} {found['found']:5} of {found.total():5}  {100 * found['found'] / found.total():5.1f} %"


def main() -> int:
    """Print the table and say whether the score is reached: 0 yes, 1 no."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-least", type=float, default=80.0, help="percent of all mutants that a test has to find")
    parser.add_argument("--only", default="*", help="a pattern of mutants' names, as `mutmut run` takes it")
    parser.add_argument("--missed", action="store_true", help="name the mutants that no test has found")
    parser.add_argument("--folder", type=Path, default=Path("mutants/flexpay_reconcile"))
    asked = parser.parse_args()
    modules: dict[str, Counter[str]] = defaultdict(Counter)
    rooms: dict[str, Counter[str]] = defaultdict(Counter)
    for module, name, verdict in verdicts(asked.folder, asked.only):
        modules[module][verdict] += 1
        rooms[module.partition("/")[0]][verdict] += 1
        if asked.missed and verdict == "missed":
            print(name)
    for what, found in (*modules.items(), *rooms.items()):
        print(line(what, found))
    total = sum(rooms.values(), Counter())
    if not total.total() or total["unknown"]:
        print(f"{total['unknown']} of {total.total()} mutants are not judged: run it again, RESUME=1", file=sys.stderr)
        return 1
    print(f"{line('all', total)} (asked: {asked.at_least:.0f} %)")
    return 0 if 100 * total["found"] >= asked.at_least * total.total() else 1


if __name__ == "__main__":
    sys.exit(main())
