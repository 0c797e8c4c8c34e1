"""`make conformance`: the whole inspection, its figures, and every difference; 1 when there is anything to say.

`python -m tests.conformance --seeds 4` runs that many seeds of the campaign. Reaches no network but its own loopback door.
"""

from __future__ import annotations

import argparse
import logging
import sys
import time

from tests.conformance import runs
from tests.conformance.inspection import TOURS, Inspection


def main() -> int:
    """Inspect everything and print what was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--seeds", type=int, default=4)
    parser.add_argument("--days", type=int, default=45, help="days of the demo's story")
    given = parser.parse_args()
    logging.disable(logging.CRITICAL)  # what the engine says to hostile answers is not this report's subject
    began = time.monotonic()
    inspection = Inspection()
    for name in TOURS:
        inspection.tour(name)
    runs.routes(inspection)
    runs.campaigns(inspection, range(1, given.seeds + 1))
    runs.story(inspection, days=given.days)
    told = runs.scenarios(inspection)
    runs.over_http(inspection)
    print(f"The simulator against Stripe's OpenAPI document {inspection.watch.document.version}")
    print(inspection.report())
    print(f"scenario files: {', '.join(told) or 'none yet'}; {time.monotonic() - began:.0f} s")
    faults = inspection.faults()
    for each in faults:
        print(each)
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
