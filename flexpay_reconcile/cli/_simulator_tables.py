"""What a simulator holds, as lines for people. Prints nothing."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, Final

from flexpay_reconcile.cli._tables import columns
from flexpay_reconcile.values import money
from flexpay_reconcile.values.instant import Instant


def lines(what: str, document: dict[str, Any]) -> list[str]:
    """The lines of `show WHAT`, or of `judge` (findings)."""
    make = _OF.get(what, _state)
    return make(document)


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


def _subscriptions(document: dict[str, Any]) -> list[str]:
    rows = [("CREATED", "SUBSCRIPTION", "CUSTOMER", "STATUS", "ENDS")]
    for row in document["subscriptions"]:
        end = row["ended_at"] or row["cancel_at"]
        rows.append(
            (_when(row["created"]), row["id"], row["customer"], row["status"], "-" if end is None else _when(end))
        )
    return columns(rows)


def _ledger(document: dict[str, Any]) -> list[str]:
    rows = [("WHEN", "WHAT", "OBJECT", "STATUS", "CAUSED BY")]
    rows += [
        (
            _when(row.get("at", row.get("created"))),
            row["kind"],
            row.get("object") or row["id"],
            row["status"],
            row.get("source") or "-",
        )
        for row in document["rows"]
    ]
    return [*columns(rows), f"digest {document['digest']}"]


def _events(document: dict[str, Any]) -> list[str]:
    rows = [("WHEN", "EVENT", "TYPE", "OBJECT", "UNDELIVERED")]
    rows += [
        (
            _when(row["created"]),
            row["id"],
            row["type"],
            row["data"]["object"].get("id", "-"),
            str(row["pending_webhooks"]),
        )
        for row in document["events"]
    ]
    return columns(rows)


def _deliveries(document: dict[str, Any]) -> list[str]:
    rows = [("DUE", "EVENT", "TYPE", "TO", "FAILED TRIES")]
    rows += [
        (_when(row["at"]), row["event"], row["type"] or "-", row["url"] or "-", str(row["failed_tries"]))
        for row in document["pending"]
    ]
    counts = document["counts"]
    told = f"{counts['pending']} pending, {counts['given_up']} given up, {counts['delivered']} delivered"
    return [*columns(rows), told]


def _findings(document: dict[str, Any]) -> list[str]:
    if not document["findings"]:
        return ["nothing found"]
    rows = [("WHEN", "CODE", "", "WHAT")]
    rows += [
        (_when(row["at"]), row["code"], "note" if row["informative"] else "WRONG", row["words"])
        for row in document["findings"]
    ]
    return [*columns(rows), f"{len(document['findings'])} found, {document['wrong']} wrong"]


def _state(document: dict[str, Any]) -> list[str]:
    rest = {name: value for name, value in document.items() if name != "now"}
    rows = [(name.replace("_", " "), _value(value)) for name, value in rest.items()]
    return [f"virtual clock: {_when(document['now'])}", *columns(rows)]


_OF: Final[dict[str, Callable[[dict[str, Any]], list[str]]]] = {
    "charges": _charges,
    "invoices": _invoices,
    "subscriptions": _subscriptions,
    "ledger": _ledger,
    "events": _events,
    "deliveries": _deliveries,
    "findings": _findings,
}


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{number} {name}" for name, number in value.items()) or "none"
    return value if isinstance(value, str) else json.dumps(value)


def _when(seconds: int) -> str:
    return Instant.from_seconds(seconds).short_text()


def _amount(row: dict[str, Any]) -> str:
    return money.of(row["amount"], row["currency"]).text()
