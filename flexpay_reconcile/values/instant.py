"""Instants and spans: UTC milliseconds. The only module that may handle `datetime` and time zones.

It never asks what time it is; the present comes in as a value from the clock port.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones

from flexpay_reconcile.errors import BrokenInvariant, OperatorError

_SECOND = 1000
_MINUTE = 60 * _SECOND
_HOUR = 60 * _MINUTE
_DAY = 24 * _HOUR
_YEAR_10000 = 253_402_300_800 * _SECOND
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A length of time in whole milliseconds; absolute hours, never calendar days."""

    ms: int

    @staticmethod
    def of(*, days: int = 0, hours: int = 0, minutes: int = 0, seconds: int = 0, ms: int = 0) -> Span:
        """A span from its parts."""
        return Span(days * _DAY + hours * _HOUR + minutes * _MINUTE + seconds * _SECOND + ms)

    @property
    def seconds(self) -> int:
        """Whole seconds, rounded down."""
        return self.ms // _SECOND

    def plus(self, other: Span) -> Span:
        """The sum of two spans."""
        return Span(self.ms + other.ms)

    def times(self, numerator: int, denominator: int = 1) -> Span:
        """This span · numerator / denominator, rounded down to the millisecond."""
        return Span(self.ms * numerator // denominator)

    def text(self) -> str:
        """For people: `3d 12h`, `45m`, `0s`."""
        if self.ms < 0:
            return f"-{Span(-self.ms).text()}"
        rest = self.ms
        parts = []
        for size, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "m"), (_SECOND, "s")):
            count, rest = divmod(rest, size)
            if count:
                parts.append(f"{count}{unit}")
        return " ".join(parts[:2]) or "0s"


@dataclass(frozen=True, slots=True, order=True)
class Instant:
    """A moment in UTC, in whole milliseconds since 1970. Its text form sorts as text."""

    ms: int

    @staticmethod
    def from_seconds(seconds: int) -> Instant:
        """From Stripe's unix seconds."""
        return Instant(seconds * _SECOND)

    @staticmethod
    def from_datetime(moment: datetime) -> Instant:
        """From an aware datetime; a naive one cannot become an instant."""
        if moment.tzinfo is None:
            raise BrokenInvariant("a datetime without a time zone is not an instant")
        delta = moment - _EPOCH
        return Instant((delta.days * 86_400 + delta.seconds) * _SECOND + delta.microseconds // 1000)

    @staticmethod
    def from_text(text: str) -> Instant:
        """From ISO 8601 with an offset or `Z`; OperatorError otherwise."""
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise OperatorError(
                f"{text!r} is not an instant", code="E-instant", hint="write 2026-11-22T09:00:00Z"
            ) from None
        if moment.tzinfo is None:
            raise OperatorError(f"{text!r} has no time zone", code="E-instant", hint="end it with Z")
        found = Instant.from_datetime(moment)
        if not 0 <= found.ms < _YEAR_10000:
            hint = "write a year from 1970 to 9999"
            raise OperatorError(f"{text!r} is not a year we reckon with", code="E-instant", hint=hint)
        return found

    @property
    def seconds(self) -> int:
        """Unix seconds, rounded down."""
        return self.ms // _SECOND

    def plus(self, span: Span) -> Instant:
        """Later by `span`."""
        return Instant(self.ms + span.ms)

    def minus(self, span: Span) -> Instant:
        """Earlier by `span`."""
        return Instant(self.ms - span.ms)

    def since(self, earlier: Instant) -> Span:
        """The span from `earlier` to here; negative if `earlier` is later."""
        return Span(self.ms - earlier.ms)

    def text(self) -> str:
        """`2026-11-22T09:00:00.000Z`: fixed width, so that text order is time order."""
        moment = _EPOCH + timedelta(milliseconds=self.ms)
        return moment.isoformat(timespec="milliseconds")[:-6] + "Z"  # without the offset, which is +00:00

    def short_text(self, zone: str = "UTC") -> str:
        """For people: `2026-11-22 09:00 UTC`, in the named zone."""
        return f"{self._at(zone):%Y-%m-%d %H:%M} {zone}"

    def minute_of_day(self, zone: str) -> int:
        """Minutes since local midnight in the named zone, 0 to 1439."""
        local = self._at(zone)
        return local.hour * 60 + local.minute

    def next_local(self, minute_of_day: int, zone: str) -> Instant:
        """The first instant at or after this one whose local wall clock shows that minute.

        A wall time that a clock change skips becomes the first valid instant after the gap; a repeated one counts once.
        """
        local = self._at(zone)
        day = datetime(local.year, local.month, local.day, tzinfo=UTC)
        for offset in (-1, 0, 1, 2):  # yesterday too: a gap before midnight moves its minutes to the start of today
            candidate = _local(day + timedelta(days=offset), minute_of_day, zone)
            if candidate >= self:
                return candidate
        raise BrokenInvariant("no local time within two days")  # pragma: no cover

    def _at(self, zone: str) -> datetime:
        return (_EPOCH + timedelta(milliseconds=self.ms)).astimezone(_zone(zone))


@functools.lru_cache(maxsize=1024)
def _zone(name: str) -> ZoneInfo:
    """The tz database entry, or OperatorError."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise OperatorError(
            f"unknown time zone {name!r}", code="E-time-zone", hint="use an IANA name such as Europe/Berlin"
        ) from None


def _local(day: datetime, minute_of_day: int, zone: str) -> Instant:
    """The instant of a wall time on a calendar day; a skipped wall time becomes the first instant after the gap."""
    hour, minute = divmod(minute_of_day, 60)
    wall = datetime(day.year, day.month, day.day, hour, minute, tzinfo=_zone(zone))
    late, early = Instant.from_datetime(wall), Instant.from_datetime(wall.replace(fold=1))
    if late <= early:  # an ordinary or a repeated wall time: the first of the two
        return late
    before = early._at(zone).utcoffset()  # noqa: SLF001 - same module; the wall time falls into a gap
    low, high = early.ms, late.ms
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if Instant(middle)._at(zone).utcoffset() == before else (low, middle)  # noqa: SLF001
    return Instant(high)


def zone_exists(name: str) -> bool:
    """Whether the tz database knows this name."""
    return name in available_timezones()
