"""`Instant.next_local` over every zone of the tz database and every clock change of 2026, against a plain walk."""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, available_timezones

import pytest

from flexpay_reconcile.values.instant import Instant, Span

BEGIN, END = datetime(2026, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
DAY = 1440


def changes_of(zone: ZoneInfo) -> list[datetime]:
    """The instants of 2026, to the minute, at which a zone's offset changes."""
    found = []
    step = timedelta(hours=12)
    moment = BEGIN
    while moment < END:
        if moment.astimezone(zone).utcoffset() != (moment + step).astimezone(zone).utcoffset():
            low, high = moment, moment + step
            while high - low > MINUTE:
                middle = low + MINUTE * (((high - low) // MINUTE) // 2)
                same = middle.astimezone(zone).utcoffset() == moment.astimezone(zone).utcoffset()
                low, high = (middle, high) if same else (low, middle)
            found.append(high)
        moment += step
    return found


@functools.cache
def cases() -> list[tuple[str, datetime]]:
    """One zone for every different clock change of 2026: same offsets before and after at the same instant are one case."""
    seen: dict[tuple[datetime, timedelta | None, timedelta | None], str] = {}
    for name in sorted(available_timezones()):
        zone = ZoneInfo(name)
        for change in changes_of(zone):
            before, after = (change - MINUTE).astimezone(zone), change.astimezone(zone)
            seen.setdefault((change, before.utcoffset(), after.utcoffset()), name)
    return [(name, change) for (change, _, _), name in seen.items()]


def walk(name: str, change: datetime) -> dict[int, list[datetime]]:
    """For each minute of the day, the instants around a change that count as it: 30 h before to 54 h after.

    Shown by the wall clock and not a repetition; or the first instant after the gap that skipped it.
    """
    zone = ZoneInfo(name)
    counts: dict[int, list[datetime]] = {minute: [] for minute in range(DAY)}
    moment = change - timedelta(hours=30)
    last = (moment - MINUTE).astimezone(zone).replace(tzinfo=None)
    while moment < change + timedelta(hours=54):
        local = moment.astimezone(zone)
        wall = local.replace(tzinfo=None, fold=0)
        skipped = last + MINUTE
        while skipped < wall:
            counts[skipped.hour * 60 + skipped.minute].append(moment)
            skipped += MINUTE
        if local.fold == 0 and moment not in counts[wall.hour * 60 + wall.minute]:
            counts[wall.hour * 60 + wall.minute].append(moment)
        last, moment = wall, moment + MINUTE
    return counts


def test_there_are_changes_to_walk():
    """The tz database has gaps and repetitions in 2026, some of them around midnight."""
    assert len(cases()) > 40
    assert {"America/Nuuk", "America/Godthab"} & {name for name, _ in cases()}


@pytest.mark.parametrize(("name", "change"), cases(), ids=[f"{name} {change:%m-%d}" for name, change in cases()])
def test_next_local_around_a_clock_change(name, change):
    """From any start near the change, the answer is the first instant that counts as the wanted minute."""
    counts = walk(name, change)
    near = change.astimezone(ZoneInfo(name))
    around = {(near.hour * 60 + near.minute + shift) % DAY for shift in range(-125, 126, 5)}
    for minute in sorted(around | {0, 1, 720, DAY - 1}):
        for shift in (-26 * 60, -121, -61, -31, -1, 0, 1, 29, 59, 61, 119, 24 * 60):
            start = change + timedelta(minutes=shift)
            expected = next(each for each in counts[minute] if each >= start)
            found = Instant.from_datetime(start).next_local(minute, name)
            assert found == Instant.from_datetime(expected), (name, start, minute)
            just_after = Instant.from_datetime(expected).plus(Span(1)).next_local(minute, name)
            assert just_after > found


@pytest.mark.parametrize("name", sorted(available_timezones()))
def test_next_local_on_an_ordinary_day(name):
    """In every zone the answer is at or after the start, within a day or two, and the wall clock shows it."""
    start = Instant.from_text("2026-06-15T12:34:56.789Z")
    for minute in (0, 7 * 60, 22 * 60, DAY - 1):
        found = start.next_local(minute, name)
        assert start <= found < start.plus(Span.of(hours=26))
        assert found.minute_of_day(name) == minute


def test_next_local_at_the_moment_itself():
    """A start that shows the wanted minute exactly is the answer; one millisecond later it is the next day's."""
    nine = Instant.from_text("2026-11-22T09:00:00Z")
    assert nine.next_local(540, "UTC") == nine
    assert nine.plus(Span(1)).next_local(540, "UTC") == nine.plus(Span.of(days=1))
