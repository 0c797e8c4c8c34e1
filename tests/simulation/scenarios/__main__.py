"""Run the named scenarios and tell of each: `make scenarios`, or `python -m tests.simulation.scenarios [WORD …]`.

The list is the table of docs/SCENARIOS_ENGINE.md. Without STORM_SIZE the storm has its full five thousand customers.
Ends with 1 when one is red.
"""

from __future__ import annotations

import contextlib
import io
import os
import sys

import pytest

from tests.simulation.scenarios import listed

FULL = "5000"


class Tally:
    """What pytest reports of one scenario."""

    def __init__(self) -> None:
        """Nothing yet."""
        self.passed = 0
        self.red: list[str] = []
        self.seconds = 0.0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """One phase of one test."""
        self.seconds += report.duration
        self.passed += report.when == "call" and report.passed
        if report.failed:
            self.red.append(f"{report.nodeid}\n{report.longreprtext}")


def main(words: list[str]) -> int:
    """Every scenario whose name holds one of the words."""
    os.environ.setdefault("STORM_SIZE", FULL)
    bad = 0
    for each in listed.scenarios():
        if words and not any(word in each.name for word in words):
            continue
        tally = Tally()
        nodes = [str(listed.BELOW / node) for node in each.nodes]
        with contextlib.redirect_stdout(io.StringIO()):  # pytest's own words; the tally has what counts
            code = pytest.main(["-q", "-p", "no:cacheprovider", *nodes], plugins=[tally])
        bad += bool(code)
        word = "ok " if not code else "RED"
        print(f"{word} {tally.seconds:7.1f} s  {tally.passed:3d} tests  {each.name}", flush=True)
        for trace in tally.red:
            print(trace)
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
