"""`python -m flexpay_reconcile`: the same as `flexpay`. Holds nothing else."""

from __future__ import annotations

import sys

from flexpay_reconcile.cli.main import entry

if __name__ == "__main__":
    sys.exit(entry())
