"""Durations of a manifest, `{days: 3, hours: 12}`, as spans. Other shapes are none; says nothing about them."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.values.instant import Span

_UNITS = ("days", "hours", "minutes")


def span_of(value: Any) -> Span | None:
    """The span a map of days, hours and minutes means, or None where it is no such map."""
    if not isinstance(value, dict) or not value or not value.keys() <= set(_UNITS):
        return None
    if not all(type(part) is int and part >= 0 for part in value.values()):
        return None
    return Span.of(**value)
