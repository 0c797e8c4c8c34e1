"""Which fields the control verb `set` may set, and to what. Knows no world and changes nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flexpay_reconcile.simulator.protocol.event_types import EVENT_TYPES

Check = Callable[[Any, int], bool]
FAR = 4_102_444_800
"""2100: nothing is planned after it."""


def _instant(value: Any, now: int) -> bool:
    return value is None or (type(value) is int and now < value <= FAR)


def _truth(value: Any, _: int) -> bool:
    return type(value) is bool


def _count(value: Any, _: int) -> bool:
    return type(value) is int and 0 <= value <= 1000


def _texts(value: Any, _: int) -> bool:
    return (
        isinstance(value, dict)
        and len(value) <= 50
        and all(isinstance(key, str) and isinstance(each, str) for key, each in value.items())
        and all(len(key) <= 40 and len(each) <= 500 for key, each in value.items())
    )


def _words(*words: str) -> tuple[Check, str]:
    return (lambda value, _: isinstance(value, str) and value in words), "one of " + ", ".join(words)


def _text(value: Any, _: int) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= 5000)


def _url(value: Any, _: int) -> bool:
    if not isinstance(value, str) or len(value) > 5000:
        return False
    parts = value.split("://", 1)
    return len(parts) == 2 and parts[0] in ("http", "https") and bool(parts[1].partition("/")[0])


def _names(value: Any, _: int) -> bool:
    known = EVENT_TYPES | {"*"}
    return isinstance(value, list) and bool(value) and all(isinstance(each, str) and each in known for each in value)


_INSTANT = (_instant, "an instant in the future and before 2100 (seconds), or null")
_TRUTH = (_truth, "true or false")
_TEXTS = (_texts, "a hash of at most 50 texts")
SETTABLE: dict[str, dict[str, tuple[Check, str]]] = {
    "invoice": {
        "next_payment_attempt": _INSTANT,
        "auto_advance": _TRUTH,
        "metadata": _TEXTS,
        "attempt_count": (_count, "a number from 0 to 1000"),
    },
    "subscription": {
        "cancel_at": _INSTANT,
        "cancel_at_period_end": _TRUTH,
        "metadata": _TEXTS,
        "status": _words("active", "past_due", "unpaid", "paused", "canceled"),
    },
    "customer": {"delinquent": _TRUTH, "metadata": _TEXTS},
    "webhook_endpoint": {
        "status": _words("enabled", "disabled"),
        "metadata": _TEXTS,
        "url": (_url, "an http or https address"),
        "enabled_events": (_names, "a list of event types"),
        "description": (_text, "a text, or null"),
    },
}


def complaint(kind: str, field: str, value: Any, now: int) -> str | None:
    """What is wrong with setting a field of such an object to that value; None when nothing is."""
    fields = SETTABLE[kind]
    if field not in fields:
        return f"{field!r} of a {kind} cannot be set; one of {', '.join(sorted(fields))}"
    fits, words = fields[field]
    return None if fits(value, now) else f"{field} must be {words}"
