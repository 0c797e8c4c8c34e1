"""Ceilings of a card and its network: which figures hold, and that no chosen moment ever goes above them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexpay_reconcile.config.policy import CeilingOverride
from flexpay_reconcile.declines import networks
from flexpay_reconcile.declines.networks import CapScope
from flexpay_reconcile.recovery import limits, windows
from flexpay_reconcile.recovery.limits import CardHistory, Ceiling, ceilings_for
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import DAY, MS, after

MONTH = Span.of(days=30)


def figures(network, **overrides: CeilingOverride):
    """The ceilings of a network as (24 hours, 30 days)."""
    found = {each.window: each.count for each in ceilings_for(network, agreed.policy(network_ceilings=overrides))}
    return found.get(DAY), found.get(MONTH)


@pytest.mark.parametrize(
    ("network", "expected"),
    [
        ("visa", (2, 15)),
        ("mastercard", (2, 15)),
        ("amex", (1, 8)),
        ("american_express", (1, 8)),
        ("discover", (1, 8)),
        ("jcb", (1, 8)),
        ("something_new", (1, 8)),
        (None, (1, 8)),
    ],
)
def test_shipped_ceilings(network, expected):
    """Without a policy's own figures the shipped ones hold, the lowest of them for a network we do not know."""
    assert figures(network) == expected


def test_an_override_changes_only_what_it_names():
    """One figure of the policy leaves the other as shipped, in both directions."""
    assert figures("visa", visa=CeilingOverride(per_30_days=18, because="finance")) == (2, 18)
    assert figures("visa", visa=CeilingOverride(per_24_hours=1)) == (1, 15)
    assert figures("visa", mastercard=CeilingOverride(per_24_hours=1)) == (2, 15)


@pytest.mark.parametrize(
    ("network", "override", "expected"),
    [
        ("visa", CeilingOverride(per_30_days=1000), (2, 20)),
        ("mastercard", CeilingOverride(per_24_hours=1000, per_30_days=1000), (10, 35)),
        ("amex", CeilingOverride(per_30_days=1000), (1, 8)),
        ("discover", CeilingOverride(per_30_days=1000), (1, 8)),
    ],
)
def test_no_override_goes_above_the_networks_own_figure(network, override, expected):
    """Visa's 20 in 30 days, Mastercard's 10 and 35, and Stripe's eight elsewhere are hard limits (invariant A10)."""
    assert figures(network, **{network: override}) == expected


@pytest.mark.parametrize("network", ["other", "jcb", "diners", "unionpay", "something_new", "unknown", None])
def test_other_covers_every_card_network_without_its_own_row(network):
    """What the policy says of `other` holds for all networks that the shipped figures call so."""
    assert figures(network, other=CeilingOverride(per_24_hours=1, per_30_days=3)) == (1, 3)


@pytest.mark.parametrize("network", ["visa", "amex"])
def test_other_does_not_cover_a_network_with_its_own_row(network):
    """What the policy says of `other` changes nothing for Visa or American Express."""
    assert figures(network, other=CeilingOverride(per_30_days=3)) == figures(network)


def test_other_does_not_cover_bank_debits():
    """A bank debit keeps its scheme's own figures, counted by invoice."""
    plain = ceilings_for("ach", agreed.policy())
    assert ceilings_for("ach", agreed.policy(network_ceilings={"other": CeilingOverride(per_30_days=1)})) == plain
    assert {each.scope for each in plain} == {CapScope.INVOICE}
    assert min(each.count for each in plain) == 2


def blocked(ceiling, *reached):
    """From when one more charge is free."""
    return limits.blocked_until(ceiling, CardHistory(reached_at=reached), after(days=99))


TWO_A_DAY = Ceiling(count=2, window=DAY, because="")


def test_below_the_ceiling_nothing_is_blocked():
    """One of two leaves room from the start."""
    assert blocked(TWO_A_DAY) is None
    assert blocked(TWO_A_DAY, after()) is None


def test_at_the_ceiling_the_oldest_of_the_last_must_leave_the_window():
    """With two of two, room comes when the older one is a whole window old, in whatever order they are known."""
    assert blocked(TWO_A_DAY, after(), after(3)) == after(24)
    assert blocked(TWO_A_DAY, after(3), after()) == after(24)
    assert blocked(TWO_A_DAY, after(), after(3), after(5)) == after(27)


def test_a_ceiling_of_none_is_never_free():
    """No charge at all means no charge at all, with or without a history."""
    none = Ceiling(count=0, window=MONTH, because="")
    assert blocked(none) == after(days=99)
    assert blocked(none, after()) == after(days=99)


def test_a_debit_counts_the_retries_of_its_own_invoice():
    """A cap counted by invoice looks at this invoice's retries, not at other charges on the account."""
    cap = Ceiling(count=1, window=MONTH, because="", scope=CapScope.INVOICE)
    assert limits.blocked_until(cap, CardHistory(reached_at=(after(),)), after(days=99)) is None
    assert limits.blocked_until(cap, CardHistory(retries_at=(after(),)), after(days=99)) == after(days=30)


@pytest.mark.parametrize(("ms", "moved"), [(-1, True), (0, False), (1, False)])
def test_the_rolling_window_is_half_open(ms, moved):
    """A charge one window, and what clocks may differ, old no longer counts; a millisecond younger it does (A10)."""
    case = book.case(network="amex", last_declined_at=None)
    bounds = windows.bounds_of(case, CardHistory(reached_at=(after(),)), agreed.policy())
    aim = after(24, ms=ms).plus(windows.CLOCKS_DIFFER)
    legal = windows.next_legal(aim, bounds, None, case.window_until)
    assert legal is not None
    assert legal.at == after(24).plus(windows.CLOCKS_DIFFER).plus(Span(max(ms, 0)))
    assert bool(legal.moved_by) is moved


NETWORKS = st.sampled_from(["visa", "mastercard", "amex", "discover", "jcb", "cartes_bancaires", None])
OVERRIDES = st.none() | st.builds(
    CeilingOverride,
    per_24_hours=st.none() | st.integers(1, 40),
    per_30_days=st.none() | st.integers(1, 60),
    because=st.just("agreed"),
)
HALF_DAYS = st.integers(0, 100).map(lambda each: after(each * 12))
CHARGES = st.lists(HALF_DAYS | st.integers(after().ms, after(days=45).ms).map(Instant), max_size=45)


def most_in_a_window(charges: list[Instant], span: Span, chosen: Instant) -> int:
    """By brute force: the most charges in any half-open window of that length that holds the chosen one."""
    ends = [each for each in charges if chosen <= each < chosen.plus(span)]
    return max(sum(end.minus(span) < each <= end for each in charges) for end in ends)


@settings(max_examples=400)
@given(NETWORKS, OVERRIDES, CHARGES, st.integers(after().ms, after(days=45).ms).map(Instant))
def test_the_chosen_moment_never_exceeds_a_ceiling(network, override, reached, aim):
    """Counted by brute force over every window, one more charge stays within policy, defaults and the network's figure."""
    name = networks.ceiling_name(network)
    policy = agreed.policy(network_ceilings={name: override} if override else None)
    case = book.case(network=network, last_declined_at=None, window_until=after(days=200))
    bounds = windows.bounds_of(case, CardHistory(reached_at=tuple(reached)), policy)
    legal = windows.next_legal(aim, bounds, None, case.window_until)
    assert legal is not None
    charges = [*reached, legal.at]
    defaults, hard = networks.default_ceiling(network), networks.network_limit(network)
    agreed_day = override.per_24_hours if override else None
    agreed_month = override.per_30_days if override else None
    for span, ours, own, most in (
        (DAY, agreed_day, defaults.per_24h, hard.per_24h),
        (MONTH, agreed_month, defaults.per_30d, hard.per_30d),
    ):
        figure = min(each for each in (own if ours is None else ours, most) if each is not None)
        assert most_in_a_window(charges, span, legal.at) <= figure
    if legal.at > aim:  # and it was not put off without need
        earlier = legal.at.minus(windows.CLOCKS_DIFFER).minus(MS)
        worse = [*reached, earlier]
        over = [each for each in ceilings_for(network, policy) if _ahead(worse, each, earlier) > each.count]
        assert over


def _ahead(charges: list[Instant], ceiling: Ceiling, chosen: Instant) -> int:
    """Charges newer than one window before the chosen one, known future ones included."""
    return sum(each > chosen.minus(ceiling.window) for each in charges)
