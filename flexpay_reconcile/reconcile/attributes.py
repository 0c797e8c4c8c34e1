"""Configuration values as attributes of a plan: exact, plain, and readable. Holds references to secrets, no secret."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from typing import Any

from flexpay_reconcile.values import digest, plain
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import SecretRef

_UNITS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1))


def attributes(value: Any, *, without: frozenset[str] = frozenset()) -> dict[str, Any]:
    """The fields of a dataclass by name, `without` some."""
    return {f.name: _plain(getattr(value, f.name)) for f in fields(value) if f.name not in without}


def _plain(value: Any) -> Any:
    match value:
        case Span():
            return span_text(value)
        case SecretRef():
            return reference_text(value)
        case tuple() | list():
            return [_plain(item) for item in value]
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return attributes(value)
    return plain.to_plain(value)


def span_text(span: Span) -> str:
    """`28d`, `1d 12h`, `0s`: exact to the millisecond, unlike `Span.text`."""
    rest, parts = abs(span.ms), []
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return ("-" if span.ms < 0 else "") + (" ".join(parts) or "0s")


def reference_text(reference: SecretRef) -> str:
    """The whole reference, a program's arguments included, so that a change of any part is a change."""
    return reference.text() + (f" {digest.canonical_json(list(reference.arguments))}" if reference.arguments else "")
