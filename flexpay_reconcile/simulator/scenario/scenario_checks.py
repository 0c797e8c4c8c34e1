"""Checks of a scenario's plain values: tables, texts, numbers, instants, zones; each fault says its path.

May not know what a scenario means.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from flexpay_reconcile.simulator.local_time import DAY, parse_instant, zone

EARLIEST, LATEST = 946_684_800, 32_503_680_000
"""The years 2000 and 3000: calendars on both sides of a start have to be reckoned with."""

_UNITS = {"d": DAY, "h": 3600, "m": 60, "s": 1}
_OFFSET = re.compile(r"\+(?:\d+[dhms])+")
_PART = re.compile(r"(\d+)([dhms])")
_MOST_OFFSET = 3660 * DAY


class ScenarioError(Exception):
    """What is wrong with a scenario, and where (`path`, like `accounts.acct_1.keys[0].type`)."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path or 'scenario'}: {message}")
        self.path = path
        self.message = message


def table(
    value: object, path: str, *, required: tuple[str, ...] = (), optional: tuple[str, ...] = ()
) -> dict[str, Any]:
    """A map with all of `required` and nothing beyond `optional`."""
    found = mapping(value, path)
    for name in found:
        if name not in required and name not in optional:
            raise ScenarioError(f"{path}.{name}".lstrip("."), "unknown key")
    for name in required:
        if name not in found:
            raise ScenarioError(f"{path}.{name}".lstrip("."), "is missing")
    return found


def mapping(value: object, path: str) -> dict[str, Any]:
    """A map with text keys."""
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        raise ScenarioError(path, "must be a map with text keys")
    return dict(value)


def items(value: object, path: str) -> list[tuple[object, str]]:
    """The entries of a list, each with its path."""
    if not isinstance(value, list):
        raise ScenarioError(path, "must be a list")
    return [(entry, f"{path}[{number}]") for number, entry in enumerate(value)]


def _checked(value: object, path: str, fits: Callable[[object], bool], what: str) -> Any:
    if not fits(value):
        raise ScenarioError(path, f"must be {what}")
    return value


def text(value: object, path: str) -> str:
    """A text that is not empty."""
    result: str = _checked(value, path, lambda item: isinstance(item, str) and item != "", "a text")
    return result


def boolean(value: object, path: str) -> bool:
    """True or false."""
    result: bool = _checked(value, path, lambda item: isinstance(item, bool), "true or false")
    return result


def integer(value: object, path: str, *, least: int) -> int:
    """A whole number."""
    result: int = _checked(
        value,
        path,
        lambda item: isinstance(item, int) and not isinstance(item, bool) and item >= least,
        f"a whole number of at least {least}",
    )
    return result


def choice(value: object, path: str, choices: tuple[str, ...]) -> str:
    """One of the named choices."""
    if not isinstance(value, str) or value not in choices:
        raise ScenarioError(path, "must be one of " + ", ".join(choices))
    return value


def days_before(value: object, path: str, now: int) -> int:
    """A number of days that does not reach back before 1970."""
    days = integer(value, path, least=1)
    if now - days * DAY < 0:
        raise ScenarioError(path, "reaches back before 1970")
    return days


def instant(value: object, path: str) -> int:
    """Epoch seconds of a whole number or an ISO 8601 text with a zone."""
    if isinstance(value, int) and not isinstance(value, bool):
        found = value
    else:
        try:
            found = parse_instant(text(value, path))
        except (ValueError, OverflowError) as error:
            raise ScenarioError(path, f"must be an instant like 2026-01-01T00:00:00Z ({error})") from error
    if not EARLIEST <= found < LATEST:
        raise ScenarioError(path, "must be an instant from the year 2000 to 2999")
    return found


def moment(value: object, path: str, start: int) -> int:
    """An instant of the story: an instant, or an offset from the start such as `+3d`, `+1d12h`, `+90m`."""
    if not isinstance(value, str) or not value.startswith("+"):
        found = instant(value, path)
    elif _OFFSET.fullmatch(value) is None:
        raise ScenarioError(path, "must be an instant, or an offset from the start like +3d or +1d12h")
    else:
        offset = sum(int(number) * _UNITS[unit] for number, unit in _PART.findall(value[:40]))
        if offset > _MOST_OFFSET:
            raise ScenarioError(path, "must be at most ten years after the start")
        found = start + offset
    if found < start:
        raise ScenarioError(path, "must not be before the start")
    return found


def zone_name(value: object, path: str) -> str:
    """An IANA zone."""
    name = text(value, path)
    try:
        zone(name)
    except ValueError as error:
        raise ScenarioError(path, str(error)) from error
    return name
