"""What goes wrong with deliveries: scripted entries and seeded rates. Nothing goes wrong unless a world says so.

The page docs.stripe.com/webhooks (2026) promises neither order nor uniqueness: one event may come twice, one change may
make two events, and retries come hours later. May not send, sign or change anything: `deliveries` asks here and obeys.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flexpay_reconcile.simulator import chance


class Kind(StrEnum):
    """What can go wrong with a delivery."""

    LOST = "lost"
    """It never arrives and is never tried again."""
    MISSED = "missed"
    """This try does not arrive; Stripe tries again by its schedule."""
    DUPLICATED = "duplicated"
    """It arrives a second time, with the same event id, up to `seconds` later."""
    TWIN = "twin"
    """The change makes a second event with another id, delivered up to `seconds` later."""
    DELAYED = "delayed"
    """It arrives up to `seconds` later, after events that happened after it."""
    SLOW = "slow"
    """It arrives, but the answer comes too late: Stripe counts a failure and tries again."""
    WRONG_VERSION = "wrong_version"
    """The body is rendered in an API version from before 2025."""
    NEW_ENUM = "new_enum"
    """The object carries values of enumerations that nobody has heard of."""
    UNKNOWN_TYPE = "unknown_type"
    """The event is of a type that nobody has heard of."""
    TRUNCATED = "truncated"
    """Half of the body is missing."""
    BAD_SIGNATURE = "bad_signature"
    """The signature was made with another secret."""
    STALE = "stale"
    """The timestamp of the signature is ten minutes old."""
    FUTURE = "future"
    """The timestamp of the signature lies ten minutes ahead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fate:
    """What goes wrong with one delivery; `seconds` (at least 0) says how much later something comes."""

    kind: Kind
    seconds: int = 0


@dataclass(slots=True, kw_only=True)
class Entry:
    """From the `nth` matching delivery on (counted from 1), `times` of them meet the fault, each after its `seconds`.

    `type` is a pattern of event types, `endpoint` an id or a pattern of URLs.
    """

    kind: Kind
    type: str = "*"
    endpoint: str = "*"
    nth: int = 1
    times: int = 1
    seconds: int = 0
    seen: int = 0

    def meets(self, type_: str, endpoint: str, url: str) -> bool:
        """Count a matching delivery and say whether this one fails."""
        if not fnmatch.fnmatchcase(type_, self.type):
            return False
        if self.endpoint != endpoint and not fnmatch.fnmatchcase(url, self.endpoint):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


class DeliveryFaults:
    """The faults of a world's deliveries. The first scripted entry that meets a delivery wins over the rates.

    `rates` holds a probability for each kind, together at most 1, drawn once for every event and endpoint.
    """

    def __init__(self) -> None:
        self.seed = 0
        self.rates: dict[Kind, float] = {}
        self.longest = 3600
        self._script: list[Entry] = []

    def add(
        self,
        kind: str,
        *,
        type: str = "*",  # noqa: A002 - the field's name in scenarios and control requests
        endpoint: str = "*",
        nth: int = 1,
        times: int = 1,
        seconds: int = 0,
    ) -> None:
        """Add a scripted entry; ValueError for an unknown kind or a count below one."""
        if nth < 1 or times < 1:
            raise ValueError("nth and times count from 1")
        if seconds < 0:
            raise ValueError("seconds must not be negative")
        self._script.append(
            Entry(kind=kind_of(kind), type=type, endpoint=endpoint, nth=nth, times=times, seconds=seconds)
        )

    def set_rates(self, rates: Mapping[str, Any], *, seed: int, longest: int = 3600) -> None:
        """Replace the rates; what comes later comes up to `longest` seconds later. ValueError for what is no rate."""
        found: dict[Kind, float] = {}
        for name, value in rates.items():
            if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= 1:
                raise ValueError(f"the rate of {name} must be between 0 and 1")
            found[kind_of(name)] = float(value)
        if sum(found.values()) > 1 + 1e-9:
            raise ValueError("the rates add up to more than 1")
        if longest < 1:
            raise ValueError("delay_seconds must be at least 1")
        self.rates, self.seed, self.longest = found, seed, longest

    def clear(self) -> None:
        """From now on nothing goes wrong."""
        self._script.clear()
        self.rates.clear()

    def meet(self, type_: str, event: str, endpoint: str, url: str) -> Fate | None:
        """What goes wrong with this delivery, asked once for each; None for nothing."""
        if not self._script and not self.rates:
            return None
        hit: Fate | None = None
        for entry in self._script:
            if entry.meets(type_, endpoint, url) and hit is None:
                hit = Fate(kind=entry.kind, seconds=entry.seconds)
        if hit is not None:
            self._script = [entry for entry in self._script if entry.seen < entry.nth + entry.times - 1]
        return hit or self._drawn(event, endpoint)

    def _drawn(self, event: str, endpoint: str) -> Fate | None:
        point = chance.uniform(self.seed, "delivery", event, endpoint)
        for kind, rate in self.rates.items():
            point -= rate
            if point < 0:
                return Fate(kind=kind, seconds=1 + chance.integer(self.longest, self.seed, "late", event, endpoint))
        return None


def kind_of(name: str) -> Kind:
    """The kind of this name; ValueError lists the names."""
    try:
        return Kind(name)
    except ValueError:
        raise ValueError(f"unknown delivery fault {name[:60]!r}; one of {', '.join(Kind)}") from None
