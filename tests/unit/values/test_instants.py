"""Instants and spans: UTC milliseconds whose text sorts as time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.errors import BrokenInvariant, OperatorError
from flexpay_reconcile.values.instant import Instant, Span, zone_exists

YEAR_9999 = 253_370_764_800_000
moments = st.integers(min_value=0, max_value=YEAR_9999 - 1).map(Instant)


@given(moments, moments)
def test_text_sorts_as_time(one, two):
    """Text order is time order."""
    assert (one.text() < two.text()) == (one < two)
    assert (one.text() == two.text()) == (one == two)


@given(moments)
def test_text_round_trip(moment):
    """An instant read from its own text is the same, to the millisecond."""
    assert Instant.from_text(moment.text()) == moment


@given(moments, st.integers(min_value=-23 * 60, max_value=23 * 60))
def test_offsets_do_not_matter(moment, minutes):
    """The same moment written in any offset is one instant."""
    zone = timezone(timedelta(minutes=minutes))
    local = (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=moment.ms)).astimezone(zone)
    assert Instant.from_datetime(local) == moment
    assert Instant.from_text(local.isoformat()) == moment


def test_a_naive_datetime_is_refused():
    """A datetime without a zone cannot become an instant."""
    with pytest.raises(BrokenInvariant):
        Instant.from_datetime(datetime(2026, 11, 22, 9))  # noqa: DTZ001 - that is the point


@pytest.mark.parametrize(
    "text",
    [
        "", "tomorrow", "2026-11-22", "2026-11-22T09:00:00", "2026-13-01T00:00:00Z", "2026-02-29T00:00:00Z",
        "0001-01-01T00:00:00Z", "1969-12-31T23:59:59Z", "9999-12-31T23:59:59-12:00",
    ],
)  # fmt: skip
def test_texts_that_are_no_instants(text):
    """No zone, no such day, or a year in which no clock of ours runs: the operator's to correct."""
    with pytest.raises(OperatorError) as error:
        Instant.from_text(text)
    assert error.value.code == "E-instant"
    assert error.value.hint


def test_arithmetic():
    """Plus, minus and since agree; seconds are rounded down."""
    start = Instant.from_text("2026-03-29T00:59:59.999Z")
    later = start.plus(Span.of(days=1, hours=2, minutes=3, seconds=4, ms=5))
    assert later.text() == "2026-03-30T03:03:04.004Z"
    assert later.since(start) == Span.of(days=1, hours=2, minutes=3, seconds=4, ms=5)
    assert start.since(later).ms < 0
    assert later.minus(later.since(start)) == start
    assert start.seconds == 1774745999
    assert Instant.from_seconds(start.seconds) < start


def test_spans_are_hours_not_calendar_days():
    """Three days over a clock change are 72 hours (invariant C3)."""
    before = Instant.from_text("2026-03-28T12:00:00+01:00")
    assert before.plus(Span.of(days=3)).short_text("Europe/Berlin") == "2026-03-31 13:00 Europe/Berlin"


@pytest.mark.parametrize(
    ("span", "text"),
    [
        (Span.of(), "0s"),
        (Span.of(ms=999), "0s"),
        (Span.of(days=3, hours=12), "3d 12h"),
        (Span.of(minutes=45), "45m"),
        (Span.of(days=1, hours=2, minutes=3), "1d 2h"),
        (Span.of(hours=-36), "-1d 12h"),
    ],
)
def test_span_text(span, text):
    """The two largest units, for people."""
    assert span.text() == text


def test_span_arithmetic():
    """Parts add up, fractions round down to the millisecond, seconds to the second."""
    assert Span.of(days=28).times(1, 8) == Span.of(days=3, hours=12)
    assert Span(10).times(1, 3) == Span(3)
    assert Span.of(hours=1).plus(Span.of(minutes=1)) == Span.of(minutes=61)
    assert Span(1999).seconds == 1
    assert Span(1) < Span(2)


@pytest.mark.parametrize("name", ["", "Berlin", "../../etc/passwd", "/etc/passwd", "Europe", "a\0b", "Mars/Olympus"])
def test_zones_that_do_not_exist(name):
    """A name that is no time zone is a clear error, whatever it looks like."""
    assert not zone_exists(name)
    with pytest.raises(OperatorError) as error:
        Instant(0).short_text(name)
    assert error.value.code == "E-time-zone"


@pytest.mark.parametrize("name", ["UTC", "Europe/Berlin", "America/Argentina/ComodRivadavia", "Etc/GMT+12"])
def test_zones_that_exist(name):
    """Names of the tz database exist."""
    assert zone_exists(name)


def test_local_reading():
    """Minute of the day and the text for people are of the named zone."""
    moment = Instant.from_text("2026-11-22T23:30:00Z")
    assert moment.minute_of_day("UTC") == 23 * 60 + 30
    assert moment.minute_of_day("Asia/Kathmandu") == 5 * 60 + 15
    assert moment.short_text("Asia/Kathmandu") == "2026-11-23 05:15 Asia/Kathmandu"
    assert moment.short_text() == "2026-11-22 23:30 UTC"
