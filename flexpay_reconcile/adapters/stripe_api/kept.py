"""Which fields of a webhook event are kept: those that its signal is read from, and no other (invariant G2).

Names, addresses, e-mails, descriptions, metadata, lines and whatever Stripe adds tomorrow are dropped before anything
is written. Texts that people or issuers wrote are kept without card numbers. The signal of what is kept is the signal
of the event; a field of the wrong kind stays a field of the wrong kind.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from enum import Enum
from typing import Any

from flexpay_reconcile.adapters.stripe_api.keys import masked
from flexpay_reconcile.recovery.attempt import is_ours
from flexpay_reconcile.values import card_number


class _Keep(Enum):
    """How one field is kept."""

    PLAIN = "plain"
    """Ids, codes, numbers, flags of Stripe's own."""
    TEXT = "text"
    """Free text: without card numbers and keys."""
    ID = "id"
    """The id of an object, whether expanded or not."""


_OBJECT_ID = re.compile(r"^[a-z]+_[A-Za-z0-9_]+$")
_Fields = Mapping[str, "_Keep | _Fields"]
_PLAIN, _TEXT, _ID = _Keep.PLAIN, _Keep.TEXT, _Keep.ID
_CARD: _Fields = dict.fromkeys(("brand", "network", "funding", "country", "fingerprint", "last4"), _PLAIN)
_OUTCOME: _Fields = {
    **dict.fromkeys(("advice_code", "network_decline_code", "network_advice_code"), _PLAIN),
    **dict.fromkeys(("type", "reason", "network_status"), _PLAIN),
    "seller_message": _TEXT,
}
_ANY: _Fields = {"id": _PLAIN, "object": _PLAIN, "customer": _ID}
_INVOICE: _Fields = {**_ANY, "parent": {"subscription_details": {"subscription": _ID}}}
_CHARGE: _Fields = {
    **_ANY,
    **dict.fromkeys(("livemode", "status", "amount", "amount_refunded", "currency", "created", "disputed"), _PLAIN),
    "payment_intent": _ID,
    "payment_method": _ID,
    "failure_code": _PLAIN,
    "failure_message": _TEXT,
    "outcome": _OUTCOME,
}
_REFUND: _Fields = {
    **_ANY,
    **dict.fromkeys(("status", "amount", "currency", "created"), _PLAIN),
    "payment_intent": _ID,
    "charge": {"id": _PLAIN, "object": _PLAIN, "customer": _ID},
}
_EVENT: _Fields = {
    **dict.fromkeys(("id", "object", "type", "account", "livemode", "created", "api_version"), _PLAIN),
    "request": {"id": _PLAIN},
}


def reduced(event: dict[str, Any]) -> bytes:
    """The event with nothing but the fields that are kept, as JSON."""
    kept = _part(event, _EVENT)
    kind = event.get("type") if isinstance(event.get("type"), str) else ""
    request, data = event.get("request"), event.get("data")
    if isinstance(request, dict) and "idempotency_key" in request:
        kept["request"]["idempotency_key"] = _key(request["idempotency_key"])
    kept["data"] = {"object": _object(data.get("object"), str(kind))} if isinstance(data, dict) else _leaf(data, _PLAIN)
    return json.dumps(kept, separators=(",", ":")).encode()


def _object(data: Any, kind: str) -> Any:
    if not isinstance(data, dict):
        return _leaf(data, _PLAIN)
    if kind.startswith("charge.") and not kind.startswith(("charge.dispute.", "charge.refund.")):
        kept = _part(data, _CHARGE)
        if "payment_method_details" in data:
            kept["payment_method_details"] = _method(data["payment_method_details"])
        return kept
    if kind.startswith("refund."):
        return _part(data, _REFUND)
    return _part(data, _INVOICE if kind.startswith("invoice.") else _ANY)


def _method(data: Any) -> Any:
    """The details of the method's own type, and no other."""
    if not isinstance(data, dict):
        return _leaf(data, _PLAIN)
    kept = _part(data, {"type": _PLAIN})
    kind = data.get("type")
    if isinstance(kind, str) and kind in data and kind != "type":
        kept[kind] = _value(data[kind], _CARD)
    return kept


def _part(data: dict[str, Any], fields: _Fields) -> dict[str, Any]:
    return {name: _value(data[name], how) for name, how in fields.items() if name in data}


def _value(value: Any, how: _Keep | _Fields) -> Any:
    if isinstance(how, _Keep):
        return _leaf(value, how)
    return _part(value, how) if isinstance(value, dict) else _leaf(value, _PLAIN)


def _leaf(value: Any, how: _Keep) -> Any:
    """A scalar; of anything else only its kind, so that it is refused later as it would have been."""
    if isinstance(value, str):
        if how is _TEXT:
            return masked(value)
        return value if _OBJECT_ID.match(value) else card_number.masked(value)
    if how is _ID and isinstance(value, dict):
        return {name: _leaf(value[name], _PLAIN) for name in ("id", "object") if name in value}
    return type(value)() if isinstance(value, dict | list) else value


def _key(value: Any) -> Any:
    """Who else sends requests may put anything into their keys; ours stay as they are."""
    return card_number.masked(value) if isinstance(value, str) and not is_ours(value) else _leaf(value, _PLAIN)
