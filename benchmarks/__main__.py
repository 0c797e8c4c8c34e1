"""`python -m benchmarks`: every benchmark, one table each. Reads the wall clock; used by no test."""

from __future__ import annotations

import sys

from benchmarks import commands, engine, manifests, plan_calls, simulator_http, simulator_requests, simulator_year


def main() -> None:
    """Run all, or the ones named on the command line."""
    chosen = sys.argv[1:] or [
        "commands",
        "engine",
        "plan_calls",
        "manifests",
        "simulator_requests",
        "simulator_http",
        "simulator_year",
    ]
    if "commands" in chosen:
        commands.main()
    if "engine" in chosen:
        engine.main()
    if "plan_calls" in chosen:
        plan_calls.main()
    if "manifests" in chosen:
        manifests.main()
    if "simulator_requests" in chosen:
        simulator_requests.main()
    if "simulator_http" in chosen:
        simulator_http.main()
    if "simulator_year" in chosen:
        simulator_year.main()


if __name__ == "__main__":
    main()
