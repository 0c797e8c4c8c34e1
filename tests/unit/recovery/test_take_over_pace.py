"""The pace of a take-over and its record: shares of a day, pauses reckoned from now, a line that comes back whole."""

from __future__ import annotations

import pytest

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.take_over import DAY, SHORTEST, TakeOver, after_batch, batch, per_day
from flexpay_reconcile.values.ids import InvoiceId
from flexpay_reconcile.values.instant import Span
from tests.unit.recovery.book import NOW, after

ORDERED = TakeOver(ordered_at=NOW, total=1000, next_at=NOW)
UNDER_WAY = TakeOver(
    ordered_at=NOW, total=1000, looked=7, opened=5, cursor=InvoiceId("in_7"), next_at=after(90), finished_at=after(99)
)
LINE = f"{NOW.text()} 1000 7 5 in_7 {after(90).text()} {after(99).text()}"


@pytest.mark.parametrize("record", [ORDERED, UNDER_WAY])
def test_a_record_comes_back_as_it_was(record):
    """What was written into the marks is read back field by field, whether there is a cursor and an end or not."""
    assert TakeOver.from_text(record.text()) == record


def test_the_line_of_a_record_is_fixed():
    """A record that an older program wrote is read by this one: the order of the words does not change."""
    assert UNDER_WAY.text() == f"{LINE} - -"
    assert ORDERED.text() == f"{NOW.text()} 1000 0 0 - {NOW.text()} - - -"
    assert TakeOver.from_text(LINE) == UNDER_WAY
    assert (ORDERED.looked, ORDERED.opened, ORDERED.cursor, ORDERED.finished_at) == (0, 0, None, None)


def test_it_runs_until_it_is_finished():
    """Only the instant of its end ends it."""
    assert ORDERED.running
    assert not UNDER_WAY.running


@pytest.mark.parametrize(
    "text",
    ["", "x", LINE + " more", LINE.replace(" 7 ", " seven "), LINE.replace(" 5 ", " -5 "), LINE.replace("1000", "1k")],
)
def test_what_is_no_record_is_refused(text):
    """Six or eight words, or a number that is none, stop the take-over with the text that could not be read."""
    with pytest.raises(BrokenInvariant, match="the record of a take-over cannot be read") as refused:
        TakeOver.from_text(text)
    assert text[:100] in str(refused.value)


@pytest.mark.parametrize(
    ("total", "percent", "expected"),
    [(1000, 10, 100), (1001, 10, 101), (999, 10, 100), (1, 1, 1), (0, 10, 1), (5, 100, 5), (10, 1, 1)],
)
def test_a_day_takes_its_share_rounded_up(total, percent, expected):
    """A share of nothing is still one invoice, so that every take-over ends."""
    assert per_day(total, percent) == expected


@pytest.mark.parametrize(("total", "percent", "expected"), [(288 * 7, 100, 7), (288 * 7 - 1, 100, 6), (10, 10, 1)])
def test_a_batch_is_five_minutes_of_a_day(total, percent, expected):
    """There are 288 times five minutes in a day; a small book is taken one by one."""
    assert batch(total, percent) == expected


@pytest.mark.parametrize(
    ("taken", "pause"),
    [(10, Span.of(minutes=144)), (1, Span(864_000)), (0, Span(864_000)), (2, Span(1_728_000))],
)
def test_the_next_batch_waits_for_its_share_of_a_day(taken, pause):
    """A hundred a day: ten of them use up a tenth of it, counted from now."""
    present = after(200)
    following = after_batch(ORDERED, taken, 10, present)
    assert following.next_at == present.plus(pause)
    assert (following.total, following.ordered_at) == (1000, NOW)


def test_no_pause_is_shorter_than_five_minutes():
    """A large book is not asked for at every turn of the loop."""
    large = TakeOver(ordered_at=NOW, total=1_000_000, next_at=NOW)
    assert after_batch(large, 1, 100, NOW).next_at == NOW.plus(SHORTEST)
    assert (Span.of(days=1), Span.of(minutes=5)) == (DAY, SHORTEST)
