"""The ledger: an append-only list of every charge, refund and state change; the judge in tests.

May not be read by any resource to decide something: it only records.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

Row = dict[str, Any]


class Ledger:
    """Rows in the order they happened. `kind` is charge, refund or state."""

    def __init__(self) -> None:
        self.rows: list[Row] = []
        self.charges: list[Row] = []
        self.refunds: list[Row] = []

    def charge(self, row: Row) -> None:
        """Record an attempt to collect, whatever its answer."""
        self.charges.append(row)
        self.rows.append({"kind": "charge", **row})

    def refund(self, row: Row) -> None:
        """Record a refund."""
        self.refunds.append(row)
        self.rows.append({"kind": "refund", **row})

    def state(self, at: int, account: str, object_: str, status: str) -> None:
        """Record that an object reached a status."""
        self.rows.append({"kind": "state", "at": at, "account": account, "object": object_, "status": status})

    def successes_by_invoice(self) -> dict[str, int]:
        """How many charges succeeded for each invoice (more than one is a double charge)."""
        return dict(Counter(row["invoice"] for row in self.charges if row["status"] == "succeeded" and row["invoice"]))

    def digest(self) -> str:
        """A hash over all rows: equal ledgers, equal digests."""
        total = hashlib.sha256()
        for row in self.rows:
            total.update(json.dumps(row, sort_keys=True, separators=(",", ":")).encode())
            total.update(b"\n")
        return total.hexdigest()
