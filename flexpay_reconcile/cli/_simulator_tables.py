"""What a simulator holds, as lines for people. Prints nothing."""

from __future__ import annotations

import json
from typing import Any

from flexpay_reconcile.cli._tables import columns
from flexpay_reconcile.values import money
from flexpay_reconcile.values.instant import Instant


def lines(what: str, document: dict[str, Any]) -> list[str]:
    """The lines of `show charges`, `show invoices` or `show state`."""
    if what == "charges":
        return _charges(document)
    if what == "invoices":
        return _invoices(document)
    return _state(document)


def _charges(document: dict[str, Any]) -> list[str]:
    charges = document["charges"]
    rows = [("WHEN", "CHARGE", "INVOICE", "AMOUNT", "STATUS", "REASON", "CAUSED BY")]
    rows += [
        (
            _when(row["created"]),
            row["id"],
            row["invoice"] or "-",
            _amount(row),
            row["status"],
            row["reason"] or row["failure_code"] or "-",
            row["source"],
        )
        for row in charges
    ]
    refunds = document["refunds"]
    good = sum(row["status"] == "succeeded" for row in charges)
    counted = f"{len(charges)} charges, {good} succeeded; {len(refunds)} refunds"
    return [*columns(rows), counted]


def _invoices(document: dict[str, Any]) -> list[str]:
    rows = [("CREATED", "INVOICE", "CUSTOMER", "STATUS", "REMAINING", "ATTEMPTS")]
    rows += [
        (
            _when(row["created"]),
            row["id"],
            row.get("customer_name") or row["customer"],
            row["status"],
            _amount({"amount": row["amount_remaining"], "currency": row["currency"]}),
            str(row["attempt_count"]),
        )
        for row in document["invoices"]
    ]
    return columns(rows)


def _state(document: dict[str, Any]) -> list[str]:
    rest = {name: value for name, value in document.items() if name != "now"}
    rows = [(name.replace("_", " "), _value(value)) for name, value in rest.items()]
    return [f"virtual clock: {_when(document['now'])}", *columns(rows)]


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{number} {name}" for name, number in value.items()) or "none"
    return value if isinstance(value, str) else json.dumps(value)


def _when(seconds: int) -> str:
    return Instant.from_seconds(seconds).short_text()


def _amount(row: dict[str, Any]) -> str:
    return money.of(row["amount"], row["currency"]).text()
