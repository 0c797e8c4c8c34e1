"""The ordinary simulator with less patience: for a follower that gives no sign, and for the answer to a delivery.

A killed or stopped daemon says nothing; what others wait for it is a run's longest pause. Tests only.
"""

from __future__ import annotations

import faulthandler
import signal
import sys

from flexpay_reconcile.cli.main import entry
from flexpay_reconcile.simulator.door import courier, follow

GIVEN_UP_AFTER = 3.0
"""Seconds, instead of twenty."""
ANSWERED_WITHIN = 0.5
"""Seconds, instead of ten: a stopped daemon takes deliveries and never answers."""

if __name__ == "__main__":
    faulthandler.register(signal.SIGUSR1)
    courier._TIMEOUT = ANSWERED_WITHIN
    follow.LIVE_SECONDS = GIVEN_UP_AFTER
    sys.argv = ["flexpay", "simulator", *sys.argv[1:]]
    sys.exit(entry())
