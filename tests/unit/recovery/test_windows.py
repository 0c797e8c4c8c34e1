"""The legal moments: lower bounds, quiet hours over midnight and clock changes, and the end of the window."""

from __future__ import annotations

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flexpay_reconcile.config.policy import QuietHours
from flexpay_reconcile.recovery import windows
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.recovery.windows import Bound
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import HOUR, MS, NOW, after, quiet

FAR = after(days=400)


def bound(case, rule, history: CardHistory | None = None, **policy):
    """The bound of one rule, if it stands."""
    found = windows.bounds_of(case, history or CardHistory(), agreed.policy(**policy))
    return next((each for each in found if each.rule == rule), None)


@pytest.mark.parametrize(
    ("asked", "kept"),
    [
        (Span(0), HOUR),
        (Span.of(minutes=59), HOUR),
        (Span.of(hours=1), HOUR),
        (Span.of(hours=1, ms=1), Span.of(hours=1, ms=1)),
        (Span.of(hours=24), Span.of(hours=24)),
    ],
)
def test_spacing_has_a_floor_of_an_hour(asked, kept):
    """However little spacing the policy asks for, an hour is kept between two attempts (invariant A12)."""
    stands = bound(book.case(last_attempt_at=NOW), "minimum_spacing", minimum_spacing=asked)
    assert stands is not None
    assert stands.not_before == NOW.plus(kept)


@pytest.mark.parametrize(
    ("attempted", "declined", "last"),
    [(None, after(), after()), (NOW, None, NOW), (NOW, after(), NOW), (after(), NOW, NOW)],
)
def test_spacing_counts_from_the_later_of_attempt_and_decline(attempted, declined, last):
    """A foreign decline after our own attempt counts too, and the other way round."""
    case = book.case(last_attempt_at=attempted, last_declined_at=declined)
    stands = bound(case, "minimum_spacing")
    assert stands is not None
    assert stands.not_before == last.plus(Span.of(hours=24))


def test_no_bounds_without_a_past():
    """A card nobody has tried and an invoice without a decline have nothing to keep away from."""
    case = book.case(last_attempt_at=None, last_declined_at=None)
    assert windows.bounds_of(case, CardHistory(), agreed.policy()) == ()


def test_advice_is_a_lower_bound():
    """What the network asked to wait stands, with its reason (invariant A11)."""
    stands = bound(book.case(wait_until=after(days=10), wait_because="mastercard:advice_30"), "advice_wait")
    assert stands is not None
    assert stands.not_before == after(days=10).plus(windows.CLOCKS_DIFFER)
    assert "mastercard:advice_30" in stands.because


def test_the_schemes_ceiling_binds_a_debit():
    """A bank debit is bound by its scheme, not by the name of a card network."""
    case = book.case(network=None, payment_method_type="acss_debit")
    stands = bound(case, "network_ceiling")
    assert stands is not None
    assert stands.not_before >= case.window_until  # a scheme without a known rule: nothing more without the customer


@pytest.mark.parametrize("aim", [after(), after(days=1), after(days=1, ms=-1), after(days=1, ms=1)])
def test_the_aim_is_moved_to_the_latest_bound_and_no_further(aim):
    """The first legal moment is the aim where no bound is later, else the latest bound."""
    bounds = (
        Bound(rule="a", not_before=after(days=1), because="late"),
        Bound(rule="b", not_before=after(hours=1), because="early"),
    )
    legal = windows.next_legal(aim, bounds, None, FAR)
    assert legal is not None
    assert legal.at == max(aim, after(days=1))
    assert ("late" in legal.moved_by) is (aim < after(days=1))


@pytest.mark.parametrize(("ms", "legal"), [(-1, True), (0, False), (1, False)])
def test_the_end_of_the_window_is_not_in_it(ms, legal):
    """A moment is legal only before the end of the window."""
    assert (windows.next_legal(NOW.plus(Span(ms)), (), None, NOW) is not None) is legal


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T21:59:59.999Z", False),
        ("2026-11-22T22:00:00.000Z", True),
        ("2026-11-22T23:59:59.999Z", True),
        ("2026-11-23T00:00:00.000Z", True),
        ("2026-11-23T06:59:59.999Z", True),
        ("2026-11-23T07:00:00.000Z", False),
    ],
)
def test_quiet_hours_across_midnight(text, expected):
    """From 22:00 to 07:00, the end not included, to the millisecond."""
    assert windows.is_quiet(Instant.from_text(text), quiet("22:00", "07:00", "UTC")) is expected


@pytest.mark.parametrize(("text", "expected"), [("08:59", False), ("09:00", True), ("16:59", True), ("17:00", False)])
def test_quiet_hours_within_a_day(text, expected):
    """Quiet hours that do not span midnight."""
    assert windows.is_quiet(Instant.from_text(f"2026-11-22T{text}:00Z"), quiet("09:00", "17:00", "UTC")) is expected


def test_quiet_hours_that_begin_and_end_at_once_are_none():
    """From a minute to the same minute is an empty time."""
    assert not windows.is_quiet(NOW, quiet("21:00", "21:00", "UTC"))


@pytest.mark.parametrize(
    ("aim", "hours", "expected"),
    [
        # Berlin, spring: 02:00 to 03:00 local time does not exist on 2026-03-29.
        ("2026-03-29T00:30:00Z", ("22:00", "02:30", "Europe/Berlin"), "2026-03-29T01:00:00.000Z"),
        ("2026-03-28T22:00:00Z", ("22:00", "07:00", "Europe/Berlin"), "2026-03-29T05:00:00.000Z"),
        # Berlin, autumn: 02:00 to 03:00 comes twice on 2026-10-25; the first 02:30 ends the quiet hours.
        ("2026-10-24T23:30:00Z", ("22:00", "02:30", "Europe/Berlin"), "2026-10-25T00:30:00.000Z"),
        ("2026-10-24T22:00:00Z", ("22:00", "07:00", "Europe/Berlin"), "2026-10-25T06:00:00.000Z"),
        # The one hour that is not quiet is skipped: the next day's counts.
        ("2026-03-28T23:00:00Z", ("03:00", "02:00", "Europe/Berlin"), "2026-03-30T00:00:00.000Z"),
        # Half an hour of daylight saving time.
        ("2026-10-03T12:00:00Z", ("22:00", "02:15", "Australia/Lord_Howe"), "2026-10-03T15:30:00.000Z"),
    ],
)
def test_quiet_hours_across_clock_changes(aim, hours, expected):
    """The end of the quiet hours is found on days whose clocks change (invariant F1)."""
    policy_quiet = quiet(*hours)
    legal = windows.next_legal(Instant.from_text(aim), (), policy_quiet, Instant.from_text("2027-06-01T00:00:00Z"))
    assert legal is not None
    assert legal.at.text() == expected
    assert legal.moved_by == ("quiet hours",)
    assert not windows.is_quiet(legal.at, policy_quiet)


def test_quiet_hours_that_reach_the_end_leave_no_moment():
    """Where the window ends in the quiet hours there is no legal moment."""
    end = Instant.from_text("2026-11-23T06:00:00Z")
    aim = Instant.from_text("2026-11-22T23:00:00Z")
    assert windows.next_legal(aim, (), quiet("22:00", "07:00", "UTC"), end) is None


ZONES = st.sampled_from(
    """UTC Europe/Berlin America/New_York America/St_Johns America/Santiago Africa/Cairo Africa/Casablanca Asia/Kolkata
    Asia/Kathmandu Asia/Tehran Asia/Gaza Australia/Lord_Howe Pacific/Apia Pacific/Chatham Atlantic/Azores""".split()
)
MINUTES = st.integers(0, 1439)
QUIET = st.none() | st.builds(QuietHours, from_minute=MINUTES, to_minute=MINUTES, time_zone=ZONES)
YEAR = st.integers(after().ms, after(days=366).ms).map(Instant)
BOUNDS = st.lists(st.builds(Bound, rule=st.just("r"), not_before=YEAR, because=st.just("b")), max_size=5)


@settings(max_examples=400)
@given(YEAR, BOUNDS, QUIET, st.integers(0, 60 * 24 * 60 * 60 * 1000).map(Span))
@example(  # the only hour that is not quiet does not exist on this day
    Instant.from_text("2026-03-28T23:00:00Z"), [], quiet("03:00", "02:00", "Europe/Berlin"), Span.of(days=3)
)
@example(  # the quiet hours end in the hour that comes twice, and the aim lies in its second pass
    Instant.from_text("2027-10-31T01:10:00Z"), [], quiet("22:00", "02:30", "Europe/Berlin"), Span.of(days=3)
)
def test_no_rule_is_ever_broken(aim, bounds, quiet_hours, rest):
    """A legal moment breaks no bound, lies in no quiet hours and before the end; a millisecond earlier would break one."""
    until = aim.plus(rest)
    legal = windows.next_legal(aim, bounds, quiet_hours, until)
    earliest = max([aim, *(each.not_before for each in bounds)])
    if legal is None:
        assert earliest >= until or (quiet_hours is not None and windows.is_quiet(earliest, quiet_hours))
        return
    assert earliest <= legal.at < until
    assert quiet_hours is None or not windows.is_quiet(legal.at, quiet_hours)
    just_before = legal.at.minus(MS)
    assert legal.at == earliest or (quiet_hours is not None and windows.is_quiet(just_before, quiet_hours))


@given(YEAR, st.builds(QuietHours, from_minute=MINUTES, to_minute=MINUTES, time_zone=ZONES))
def test_the_end_of_quiet_hours_is_always_later(at, quiet_hours):
    """Waiting for the end of quiet hours always moves time on, so that no loop turns on the spot."""
    if windows.is_quiet(at, quiet_hours):
        ended = windows.quiet_until(at, quiet_hours)
        assert at < ended <= at.plus(Span.of(hours=73))
        assert not windows.is_quiet(ended, quiet_hours)


@pytest.mark.parametrize(
    ("lasting", "patient"),
    [(Span(0), 1), (Span.of(hours=8), 1), (Span.of(hours=24), 3), (Span.of(days=2), 6), (Span.of(days=30), 6)],
)
def test_patience_is_an_eighth_of_what_has_lasted_within_bounds(lasting: Span, patient: int):
    """The longer it has lasted the rarer it is asked about: from every hour to every six hours here."""
    assert windows.patience(lasting, HOUR, Span.of(hours=6)) == Span.of(hours=patient)
