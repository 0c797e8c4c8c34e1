"""Answers as broken proxies, other API versions and Stripe's future would give them: what a fault does to a body.

Works on the bytes that go out; what is stored (objects, saved answers of keys) stays as it is. May not decide when.
"""

from __future__ import annotations

import json
from typing import Any

from flexpay_reconcile.simulator.protocol.encoding import encoded
from flexpay_reconcile.simulator.protocol.faults import PAGES, Fault

OLD_VERSION = "2024-06-20"
"""The version in whose shape `wrong_version` answers: the last before invoices lost `subscription` and `paid`."""
NEW_WORD = "newly_added"
_TITLES = {502: "Bad Gateway", 503: "Service Temporarily Unavailable", 504: "Gateway Time-out"}


def page(kind: str) -> tuple[int, bytes]:
    """Status and body of a proxy's error page."""
    status = PAGES[kind]
    title = f"{status} {_TITLES[status]}"
    text = f"<html>\r\n<head><title>{title}</title></head>\r\n<body><center><h1>{title}</h1></center></body>\r\n</html>"
    return status, text.encode()


def spoil(fault: Fault, raw: bytes) -> bytes:
    """The body after a fault that changes it; other faults leave it alone."""
    if fault.kind == "truncated":
        return raw[: max(len(raw) // 2, 1)]
    if fault.kind not in ("wrong_version", "new_enum", "missing_field"):
        return raw
    document = json.loads(raw)
    if fault.kind == "wrong_version":
        document = _older(document)
    elif fault.kind == "new_enum":
        document = _newer(document)
    else:
        document = _without(document, fault.field)
    return encoded(document)


def _older(node: Any) -> Any:
    """Objects in the shape before 2025-03-31.basil."""
    if isinstance(node, list):
        return [_older(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {name: _older(value) for name, value in node.items()}
    kind = found.get("object")
    if kind == "invoice":
        parent = node.get("parent") or {}
        details = parent.get("subscription_details") or {}
        found.pop("parent", None)
        found.pop("payments", None)
        found["subscription"] = details.get("subscription")
        found["paid"] = found.get("status") == "paid"
        found["payment_intent"] = found["charge"] = None
    elif kind == "subscription":
        rows = ((found.get("items") or {}).get("data")) or [{}]
        for name in ("current_period_start", "current_period_end"):
            found[name] = rows[0].get(name)
            for row in rows:
                row.pop(name, None)
    elif kind in ("charge", "payment_intent"):
        found["invoice"] = None
    return found


def _newer(node: Any) -> Any:
    """Every status, outcome, decline code and event type a word nobody knows yet, and a field beside them."""
    if isinstance(node, list):
        return [_newer(item) for item in node]
    if not isinstance(node, dict):
        return node
    found = {name: _newer(value) for name, value in node.items()}
    if "object" in found and found["object"] != "list":
        found[f"{NEW_WORD}_field"] = {"value": NEW_WORD}
        if isinstance(found.get("status"), str):
            found["status"] = NEW_WORD
        if found["object"] == "event":
            found["type"] = f"{str(found['type']).rpartition('.')[0]}.{NEW_WORD}"
    if isinstance(found.get("outcome"), dict):
        found["outcome"] = {**found["outcome"], "type": NEW_WORD, "reason": NEW_WORD}
    for name in ("decline_code", "advice_code"):
        if isinstance(found.get(name), str):
            found[name] = NEW_WORD
    return found


def _without(document: Any, field: str) -> Any:
    """The object, each row of a list, or the error, without a field."""
    if not isinstance(document, dict):
        return document
    if isinstance(document.get("error"), dict):
        return {**document, "error": {name: value for name, value in document["error"].items() if name != field}}
    if document.get("object") == "list" and field not in ("data", "has_more", "object", "url"):
        return {**document, "data": [_without(row, field) for row in document["data"]]}
    return {name: value for name, value in document.items() if name != field}
