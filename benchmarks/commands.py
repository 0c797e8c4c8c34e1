"""CPU of the commands a person waits for, beside the bare interpreter as the physical floor."""

from __future__ import annotations

import os
import resource
import statistics
import subprocess
import sys
from pathlib import Path

REPEATS = 7
EXAMPLE = Path(__file__).parents[1] / "examples" / "01-one-account" / "flexpay.yaml"
CASES: dict[str, list[str]] = {
    "python -c pass": ["-c", "pass"],
    "python -c 'import click'": ["-c", "import click"],
    "flexpay --help": ["-m", "flexpay_reconcile", "--help"],
    "flexpay validate (one manifest)": ["-m", "flexpay_reconcile", "validate", "-f", str(EXAMPLE)],
}


def cpu_seconds(arguments: list[str]) -> float:
    """User and system time of one child."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, *arguments], check=True, capture_output=True, env=os.environ)  # noqa: S603
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return (after.ru_utime - before.ru_utime) + (after.ru_stime - before.ru_stime)


def main() -> None:
    """Print the table."""
    print(f"CPU seconds, median of {REPEATS} (min)")
    for name, arguments in CASES.items():
        runs = [cpu_seconds(arguments) for _ in range(REPEATS)]
        print(f"  {name:<34} {statistics.median(runs):6.3f}  ({min(runs):.3f})")
    print()
