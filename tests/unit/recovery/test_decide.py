"""What follows for a case: by kind of decline, by rule, and in which order the rules speak."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.config.policy import Timing
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery.case import EndedBy
from flexpay_reconcile.recovery.decide import (
    Aim,
    AskCustomer,
    Hold,
    Park,
    RetryAt,
    Review,
    Stop,
    allowed_attempts,
    decide,
)
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.recovery.windows import CLOCKS_DIFFER
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import after

CLEAN = CardHistory(reached_at=(after(),))
PRESENT = after(hours=1)
AIM = Aim(at=after(days=4), model="even/1", words="attempt 1 of 8, spread evenly over the window")
NEVER_HARD = CardHistory(never_because="stolen_card", never_kind=DeclineKind.HARD)


def decided(case, history=CLEAN, policy=None, aim: Aim | Hold | None = AIM, now: Instant = PRESENT):
    """The decision, with the usual history, policy, aim and present where a test does not say otherwise."""
    return decide(case, history, policy or agreed.policy(), aim, now)


def of_kind(kind, **changes):
    """A case whose last decline is of that kind."""
    return book.case(decline_kind=kind, decline_reason="the_reason", **changes)


@pytest.mark.parametrize("kind", [DeclineKind.SOFT, DeclineKind.TECHNICAL])
def test_soft_and_technical_are_retried_at_the_aim(kind):
    """Where no rule objects, the timing's own moment stands, with model, probability and reasons."""
    decision = decided(of_kind(kind), aim=Aim(at=after(days=4), model="m/7", words="why", probability_ppm=250_000))
    assert isinstance(decision, RetryAt)
    assert (decision.at, decision.model, decision.probability_ppm) == (after(days=4), "m/7", 250_000)
    assert decision.because == (f"{kind.value} decline: the_reason", "why")


def test_hard_stops_at_once():
    """A hard decline ends recovery, whatever time and attempts are left."""
    decision = decided(of_kind(DeclineKind.HARD))
    assert isinstance(decision, Stop)
    assert decision.ended_by is EndedBy.HARD_DECLINE
    assert "the_reason" in decision.because[0]


@pytest.mark.parametrize("kind", [DeclineKind.CREDENTIAL, DeclineKind.CUSTOMER])
def test_credential_and_customer_wait_for_somebody_else(kind):
    """No attempt until the card changed or the customer acted, at most to the end of the window."""
    case = of_kind(kind)
    decision = decided(case)
    assert isinstance(decision, AskCustomer)
    assert decision.until == case.window_until
    assert "the_reason" in decision.because[0]


@pytest.mark.parametrize("kind", [DeclineKind.CREDENTIAL, DeclineKind.CUSTOMER])
def test_credential_and_customer_end_with_the_window(kind):
    """At the end of the window the final actions follow for these kinds too."""
    case = of_kind(kind)
    decision = decided(case, now=case.window_until)
    assert isinstance(decision, Stop)
    assert decision.ended_by is EndedBy.WINDOW_OVER


@pytest.mark.parametrize("kind", [DeclineKind.CREDENTIAL, DeclineKind.CUSTOMER])
def test_credential_and_customer_are_not_ended_by_used_attempts(kind):
    """Whoever waits for the customer waits to the end of the window, even with every attempt made."""
    assert isinstance(decided(of_kind(kind, attempts_used=8)), AskCustomer)


def test_operator_is_parked():
    """The merchant's own setting refused: no attempt and no end."""
    assert isinstance(decided(of_kind(DeclineKind.OPERATOR)), Park)


@pytest.mark.parametrize("kind", [DeclineKind.UNKNOWN, None])
def test_unknown_is_reviewed_for_28_days(kind):
    """A person looks; 28 days after the decline it closes untouched."""
    decision = decided(of_kind(kind, last_declined_at=after(days=2)), now=after(days=2))
    assert isinstance(decision, Review)
    assert decision.until == after(days=30)


def test_a_review_of_an_old_decline_runs_from_the_opening():
    """An invoice found late is not closed unseen because its decline is old."""
    case = of_kind(DeclineKind.UNKNOWN, opened_at=after(days=40), last_declined_at=after())
    decision = decided(case, now=after(days=40))
    assert isinstance(decision, Review)
    assert decision.until == after(days=68)


kinds = st.sampled_from([DeclineKind.OPERATOR, DeclineKind.UNKNOWN, None])
histories = st.sampled_from([CLEAN, NEVER_HARD, CardHistory(), CardHistory(never_because="x", never_kind=None)])


@given(kinds, histories, st.integers(0, 20), st.integers(0, 90 * 24), st.sampled_from([None, AIM]))
def test_operator_and_unknown_never_stop_and_never_retry(kind, history, used, hours, aim):
    """Whatever else is true, neither final action nor attempt follows from these kinds (invariant A21)."""
    decision = decided(of_kind(kind, attempts_used=used), history, aim=aim, now=after(hours=hours))
    assert isinstance(decision, Park if kind is DeclineKind.OPERATOR else Review)


@given(
    st.sampled_from([*DeclineKind, None]),
    st.integers(0, 12),
    st.integers(0, 40 * 24 * 60),
    st.integers(0, 40 * 24 * 60),
    st.sampled_from([None, *DeclineKind]),
)
def test_a_retry_is_never_decided_against_a_rule(kind, used, now_minutes, aim_minutes, never_kind):
    """Every RetryAt has a retryable decline, no standing refusal, an attempt left, and a moment inside the window."""
    case = of_kind(kind, attempts_used=used)
    history = CardHistory(never_because="a reason" if never_kind else None, never_kind=never_kind)
    now = after(minutes=now_minutes)
    aim = Aim(at=after(minutes=aim_minutes), model="m", words="w")
    decision = decided(case, history, aim=aim, now=now)
    if isinstance(decision, RetryAt):
        assert kind in (DeclineKind.SOFT, DeclineKind.TECHNICAL)
        assert never_kind is None
        assert used < 8
        assert max(now, aim.at, after(hours=24)) <= decision.at < case.window_until


def test_a_hard_refusal_in_the_cards_history_ends_recovery():
    """A soft decline does not soften an earlier hard one of the same card."""
    decision = decided(of_kind(DeclineKind.SOFT), NEVER_HARD)
    assert isinstance(decision, Stop)
    assert decision.ended_by is EndedBy.HARD_DECLINE
    assert "stolen_card" in decision.because[0]


@pytest.mark.parametrize("never_kind", [DeclineKind.CREDENTIAL, DeclineKind.OPERATOR, DeclineKind.UNKNOWN])
def test_a_standing_refusal_that_is_not_hard_stops_attempts_and_nothing_else(never_kind):
    """What nobody is sure of forbids the card, but the case stays open to the end of its window."""
    history = CardHistory(never_because="sepa_debit:AC04", never_kind=never_kind)
    case = of_kind(DeclineKind.SOFT)
    waiting = decided(case, history)
    assert isinstance(waiting, AskCustomer)
    assert waiting.until == case.window_until
    ended = decided(case, history, now=case.window_until)
    assert isinstance(ended, Stop)
    assert ended.ended_by is EndedBy.WINDOW_OVER


def test_an_unsure_never_of_the_last_decline_does_not_end_recovery_at_once():
    """A CREDENTIAL decline whose own evidence said never waits for a new card to the end of its window."""
    history = CardHistory(never_because="the_reason", never_kind=DeclineKind.CREDENTIAL)
    assert isinstance(decided(of_kind(DeclineKind.CREDENTIAL), history), AskCustomer)


def test_the_window_is_half_open():
    """One millisecond before the end something may still be decided; at the end it is over."""
    case = of_kind(DeclineKind.SOFT, attempts_used=8)
    before = decided(case, now=case.window_until.minus(book.MS))
    at_the_end = decided(case, now=case.window_until)
    assert isinstance(before, Stop)
    assert before.ended_by is EndedBy.ATTEMPTS_USED
    assert isinstance(at_the_end, Stop)
    assert at_the_end.ended_by is EndedBy.WINDOW_OVER


@pytest.mark.parametrize(("used", "stops"), [(7, False), (8, True), (9, True)])
def test_attempts_are_counted(used, stops):
    """The eighth of eight may be planned, a ninth never."""
    decision = decided(of_kind(DeclineKind.SOFT, attempts_used=used))
    assert isinstance(decision, Stop) is stops
    if isinstance(decision, Stop):
        assert decision.ended_by is EndedBy.ATTEMPTS_USED


def test_no_further_step_of_the_timing_counts_as_used():
    """A timing without a further step ends recovery like used attempts."""
    decision = decided(of_kind(DeclineKind.SOFT), aim=None)
    assert isinstance(decision, Stop)
    assert decision.ended_by is EndedBy.ATTEMPTS_USED


def test_no_legal_moment():
    """Where a network's wait outlasts the window, recovery ends and says which rules left no moment."""
    case = of_kind(DeclineKind.SOFT, wait_until=after(days=28), wait_because="mastercard:advice_30")
    decision = decided(case)
    assert isinstance(decision, Stop)
    assert decision.ended_by is EndedBy.NO_LEGAL_MOMENT
    assert any("mastercard:advice_30" in each for each in decision.because)


def test_a_moved_aim_says_by_which_rule():
    """The reasons name the rule that moved the moment."""
    case = of_kind(DeclineKind.SOFT, wait_until=after(days=6), wait_because="mastercard:advice_28")
    decision = decided(case)
    assert isinstance(decision, RetryAt)
    assert decision.at == after(days=6).plus(CLOCKS_DIFFER)
    assert "mastercard:advice_28" in decision.because[-1]


def test_an_aim_that_has_passed_is_now():
    """After an outage the next attempt is due now, not in the past, and the reasons say so."""
    decision = decided(of_kind(DeclineKind.SOFT), now=after(days=9))
    assert isinstance(decision, RetryAt)
    assert decision.at == after(days=9)
    assert decision.because[-1] == "moved from 2026-11-26 09:00 UTC: that moment has passed"


ORDER = [
    ("operator before all", of_kind(DeclineKind.OPERATOR, attempts_used=9), NEVER_HARD, True, Park),
    ("unknown before all", of_kind(DeclineKind.UNKNOWN, attempts_used=9), NEVER_HARD, True, Review),
]


@pytest.mark.parametrize(
    ("case", "history", "over", "wanted"), [row[1:] for row in ORDER], ids=[row[0] for row in ORDER]
)
def test_what_forbids_a_final_action_speaks_first(case, history, over, wanted):
    """A refusal in history, a window over and used attempts do not overrule operator and unknown."""
    assert isinstance(decided(case, history, now=case.window_until if over else after()), wanted)


def test_hard_speaks_before_the_window():
    """A hard decline is recorded as such even when the window is over too."""
    case = of_kind(DeclineKind.HARD, attempts_used=8)
    decision = decided(case, now=case.window_until)
    assert isinstance(decision, Stop)
    assert decision.ended_by is EndedBy.HARD_DECLINE


def test_a_wait_asked_for_on_another_invoice_holds_this_one_back_too():
    """The issuer's wait belongs to the card: the history's wait moves the moment and is named (A11)."""
    history = CardHistory(wait_until=after(days=7), wait_because="visa:retry_after_7_days")
    decision = decided(of_kind(DeclineKind.SOFT), history)
    assert isinstance(decision, RetryAt)
    assert decision.at == after(days=7).plus(CLOCKS_DIFFER)
    assert "visa:retry_after_7_days" in decision.because[-1]


def test_the_later_of_two_waits_counts():
    """The case's own wait and the card's: the attempt waits for both, in whichever order they end."""
    for own, card in ((6, 8), (8, 6)):
        case = of_kind(DeclineKind.SOFT, wait_until=after(days=own), wait_because="own")
        decision = decided(case, CardHistory(wait_until=after(days=card), wait_because="card"))
        assert isinstance(decision, RetryAt)
        assert decision.at == after(days=8).plus(CLOCKS_DIFFER)


def test_allowed_attempts_of_a_fixed_schedule():
    """A fixed schedule gives no more attempts than it has steps, nor more than the policy allows."""
    steps = (Span.of(days=3), Span.of(days=5), Span.of(days=7))
    assert allowed_attempts(agreed.policy(timing=Timing.FIXED, fixed_schedule=steps)) == 3
    assert allowed_attempts(agreed.policy(timing=Timing.FIXED, fixed_schedule=steps, max_attempts=2)) == 2
    assert allowed_attempts(agreed.policy(timing=Timing.FIXED, fixed_schedule=())) == 0
    assert allowed_attempts(agreed.policy(max_attempts=5, fixed_schedule=steps)) == 5
