"""Calendar and local time: billing periods in UTC, pay-days and hours in a customer's zone.

The only simulator module that handles `datetime` and `zoneinfo`. May not read a clock.
"""

from __future__ import annotations

import calendar
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

DAY = 86400


def parse_instant(text: str) -> int:
    """Epoch seconds of an ISO 8601 text with a zone; ValueError for anything else."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("the time needs a zone, for example a trailing Z")
    return int(moment.timestamp())


def http_date(instant: int) -> str:
    """The `Date` header of an instant."""
    return datetime.fromtimestamp(instant, UTC).strftime("%a, %d %b %Y %H:%M:%S GMT")


def iso(instant: int) -> str:
    """The instant as ISO 8601 text in UTC."""
    return datetime.fromtimestamp(instant, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def add_interval(anchor: int, interval: str, count: int) -> int:
    """The anchor moved by `count` intervals; months keep the anchor's day, clamped to the month's end."""
    if interval == "day":
        return anchor + count * DAY
    if interval == "week":
        return anchor + count * 7 * DAY
    moment = datetime.fromtimestamp(anchor, UTC)
    months = moment.year * 12 + moment.month - 1 + count * (12 if interval == "year" else 1)
    year, month = divmod(months, 12)
    day = min(moment.day, calendar.monthrange(year, month + 1)[1])
    return int(moment.replace(year=year, month=month + 1, day=day).timestamp())


@lru_cache(maxsize=64)
def zone(name: str) -> ZoneInfo:
    """The named IANA zone; ValueError when there is none."""
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"unknown time zone {name!r}") from error


@lru_cache(maxsize=65536)
def _offset(zone_name: str, hour: int) -> int:
    moment = datetime.fromtimestamp(hour * 3600, zone(zone_name)).utcoffset()
    return int(moment.total_seconds()) if moment is not None else 0


def local_seconds(instant: int, zone_name: str) -> int:
    """Seconds since 1970-01-01 on the wall clock of the zone."""
    return instant + _offset(zone_name, instant // 3600)


@lru_cache(maxsize=65536)
def month_days(local_day: int) -> tuple[int, int, int, int]:
    """(year, month, day of month, days in month) of a day counted from 1970-01-01."""
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(days=local_day)
    return moment.year, moment.month, moment.day, calendar.monthrange(moment.year, moment.month)[1]


def weekday(local_day: int) -> int:
    """Monday is 0 (1970-01-01 was a Thursday)."""
    return (local_day + 3) % 7
