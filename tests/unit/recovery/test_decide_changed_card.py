"""A case whose card has changed: one attempt whatever was used, and no end that no decline of the card gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery.case import EndedBy
from flexpay_reconcile.recovery.decide import FRESH_CARD, UNKNOWN_CODE_AFTER, Hold, RetryAt, Review, Stop, may_attempt
from flexpay_reconcile.recovery.limits import CardHistory
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import after
from tests.unit.recovery.test_decide import AIM, NEVER_HARD, PRESENT, decided


def fresh(word="new_card", **changes):
    """A case that waits for nothing but a try on its changed card."""
    return book.case(decline_kind=DeclineKind.SOFT, decline_reason=word, **changes)


@pytest.mark.parametrize("word", sorted(FRESH_CARD))
@pytest.mark.parametrize("used", [0, 8, 9])
def test_a_changed_card_gets_an_attempt_whatever_was_used(word, used):
    """The declines of the old card do not use up the new one's single try."""
    case = fresh(word, attempts_used=used)
    assert isinstance(decided(case), RetryAt)
    assert may_attempt(case, agreed.policy())


def test_another_decline_gets_no_attempt_beyond_the_number():
    """Only the changed card is excepted: its decline counts like any other afterwards."""
    assert not may_attempt(book.case(decline_reason="insufficient_funds", attempts_used=8), agreed.policy())
    assert may_attempt(book.case(decline_reason="insufficient_funds", attempts_used=7), agreed.policy())


@pytest.mark.parametrize("word", sorted(FRESH_CARD))
@pytest.mark.parametrize(
    ("why", "arguments"),
    [
        ("window over", {"now": after(days=28)}),
        ("no step of the timing", {"aim": None}),
        ("no legal moment", {"history": CardHistory(wait_until=after(days=28), wait_because="mastercard:advice_30")}),
    ],
)
def test_a_changed_card_that_cannot_be_tried_is_a_persons_business(word, why, arguments):
    """No decline of the card is known, so it never leads to a final action by itself."""
    decision = decided(fresh(word, attempts_used=8), **arguments)
    assert isinstance(decision, Review), why
    assert decision.until == arguments.get("now", PRESENT).plus(UNKNOWN_CODE_AFTER)


def test_a_changed_card_that_is_known_to_be_dead_stops():
    """The customer put in a card that an issuer has already called stolen: that hard decline stands."""
    decision = decided(fresh(), NEVER_HARD)
    assert isinstance(decision, Stop)
    assert decision.ended_by is EndedBy.HARD_DECLINE


@given(
    st.sampled_from(sorted(FRESH_CARD)),
    st.integers(0, 20),
    st.integers(0, 90 * 24),
    st.sampled_from([None, DeclineKind.CREDENTIAL, DeclineKind.OPERATOR, DeclineKind.UNKNOWN]),
    st.sampled_from([None, AIM]),
)
def test_a_changed_card_never_stops_without_a_hard_refusal(word, used, hours, never_kind, aim):
    """Neither time nor number nor an unsure refusal ends the recovery of a card that nobody has tried."""
    history = CardHistory(never_because="a reason" if never_kind else None, never_kind=never_kind)
    assert not isinstance(decided(fresh(word, attempts_used=used), history, aim=aim, now=after(hours=hours)), Stop)


def test_a_timing_that_holds_a_changed_card_holds_it_inside_the_window_only():
    """Inside the window a hold is kept; once it is over, a hold in the past would be asked for ever: a person looks."""
    held = Hold(until=after(days=9), because=("no chance now",))
    assert decided(fresh(), aim=held) == held
    for late in (after(days=28), after(days=29)):
        decision = decided(fresh(), aim=held, now=late)
        assert isinstance(decision, Review)
        assert decision.until == late.plus(UNKNOWN_CODE_AFTER)
