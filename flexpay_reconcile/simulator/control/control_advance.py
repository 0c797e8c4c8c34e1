"""How far the clock is to go: the fields of `POST /_simulator/advance`, and the instant they mean.

May not move anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.local_time import DAY, parse_instant
from flexpay_reconcile.simulator.world import World

MOST_DAYS = 3660
_UNITS = {"seconds": 1, "hours": 3600, "days": DAY}
_FIELDS = (*_UNITS, "to", "until")
_LARGEST = 2**53


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """Where to: so many seconds on, an instant, or (both None) the next thing that happens by itself."""

    by: int | None = None
    to: int | None = None

    def instant(self, world: World) -> int:
        """The instant; the present one when nothing is planned. ControlError when it is out of reach."""
        now = world.now
        if self.by is not None:
            target = now + self.by
        elif self.to is not None:
            target = self.to
        else:
            due = world.next_event_at()
            target = now if due is None else due
        if not now <= target <= now + MOST_DAYS * DAY:
            raise ControlError(f"the clock can go forward by at most {MOST_DAYS} days, and never back")
        return target


def goal_of(document: Mapping[str, Any]) -> Goal:
    """The goal of a request: exactly one of seconds, hours, days, to (an instant), until ("next_event")."""
    if len(document) != 1 or next(iter(document)) not in _FIELDS:
        raise ControlError(f"give exactly one of {', '.join(_FIELDS)}")
    name, value = next(iter(document.items()))
    if name == "until":
        if value != "next_event":
            raise ControlError('until is "next_event"', field="until")
        return Goal()
    if name == "to" and isinstance(value, str):
        try:
            return Goal(to=parse_instant(value))
        except (ValueError, OverflowError) as error:
            raise ControlError(
                "to must be epoch seconds or an instant such as 2026-02-01T00:00:00Z", field="to"
            ) from error
    number = whole_number(value, name)
    return Goal(to=number) if name == "to" else Goal(by=number * _UNITS[name])


def whole_number(value: object, name: str) -> int:
    """The value of a field that is a whole number, not negative."""
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < _LARGEST:
        raise ControlError(f"{name} must be a whole number", field=name)
    return value
