"""Reading fields of Stripe's plain objects strictly. Knows no object; a wrong field is a BadAnswer with its name."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.values import currency as currencies
from flexpay_reconcile.values import money
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money

_EXACT = 2**53


class BadAnswer(ValueError):
    """An object of Stripe's is not as documented; the message names the object and the field, never a value."""


def _bad(data: dict[str, Any], name: str, wanted: str) -> BadAnswer:
    kind = data.get("object") if isinstance(data.get("object"), str) else "object"
    at = f" {data['id']}" if isinstance(data.get("id"), str) else ""
    found = type(data[name]).__name__ if name in data else "nothing"
    return BadAnswer(f"the {kind}{at} has {found} where {name} should be {wanted}")


def text(data: dict[str, Any], name: str) -> str:
    """A text that must be there and not be empty."""
    value = data.get(name)
    if not isinstance(value, str) or not value:
        raise _bad(data, name, "a text")
    return _clean(value)


def optional_text(data: dict[str, Any], name: str) -> str | None:
    """A text, or None where it is absent, null or empty."""
    value = data.get(name)
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _bad(data, name, "a text or null")
    return _clean(value)


def _clean(value: str) -> str:
    """The text without lone surrogates, which JSON can carry and no database can store."""
    return value if value.isascii() else value.encode("utf-8", "replace").decode("utf-8")


def whole(data: dict[str, Any], name: str) -> int:
    """A whole number that must be there, within what JSON carries exactly everywhere (and a database can store)."""
    value = data.get(name)
    if type(value) is not int or not -_EXACT < value < _EXACT:
        raise _bad(data, name, "a whole number")
    return value


def flag(data: dict[str, Any], name: str) -> bool:
    """A boolean that must be there."""
    value = data.get(name)
    if not isinstance(value, bool):
        raise _bad(data, name, "true or false")
    return value


def instant(data: dict[str, Any], name: str) -> Instant:
    """Unix seconds that must be there."""
    return Instant.from_seconds(_seconds(data, name))


def optional_instant(data: dict[str, Any], name: str) -> Instant | None:
    """Unix seconds, or None where absent or null."""
    return Instant.from_seconds(_seconds(data, name)) if data.get(name) is not None else None


def _seconds(data: dict[str, Any], name: str) -> int:
    value = whole(data, name)
    if not 0 <= value < 32_503_680_000:  # the year 3000
        raise _bad(data, name, "unix seconds")
    return value


def amount(data: dict[str, Any], name: str) -> Money:
    """Money of the object's own currency."""
    code = text(data, "currency")
    if not currencies.is_known(code):
        raise BadAnswer(f"the currency {code!r} is not one this version knows")
    return money.of(whole(data, name), code)


def reference(data: dict[str, Any], name: str) -> str | None:
    """The id of another object, expanded or not; None where absent or null."""
    value = data.get(name)
    if isinstance(value, dict):
        return text(value, "id")
    return optional_text(data, name)


def required_reference(data: dict[str, Any], name: str) -> str:
    """The id of another object that must be there."""
    found = reference(data, name)
    if found is None:
        raise _bad(data, name, "the id of an object")
    return found


def part(data: dict[str, Any], name: str) -> dict[str, Any]:
    """A nested object; empty where absent or null."""
    value = data.get(name)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise _bad(data, name, "an object or null")
    return value


def metadata(data: dict[str, Any]) -> dict[str, str]:
    """Metadata: texts by name."""
    return {str(key): value for key, value in part(data, "metadata").items() if isinstance(value, str)}


def rows(data: dict[str, Any]) -> list[dict[str, Any]]:
    """The objects of a list answer."""
    value = data.get("data")
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise _bad(data, "data", "a list of objects")
    return value
