"""The one table of legal moves, pair by pair."""

from __future__ import annotations

import itertools

import pytest

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.case import FINAL_STATES, CaseState
from flexpay_reconcile.recovery.transitions import MOVES, move
from tests.unit.recovery import book

LEGAL = {
    "opened": "scheduled waiting_for_customer needs_review parked finishing recovered_elsewhere closed released",
    "scheduled": "attempting opened waiting_for_customer needs_review parked finishing recovered_elsewhere closed released",
    "attempting": "recovered opened scheduled waiting_for_customer needs_review parked finishing recovered_elsewhere closed"
    " released",
    "waiting_for_customer": "opened needs_review parked finishing recovered_elsewhere closed released",
    "needs_review": "opened parked recovered_elsewhere closed released",
    "parked": "opened needs_review recovered_elsewhere closed released",
    "finishing": "opened scheduled exhausted hard_declined recovered_elsewhere closed released",
    "recovered": "",
    "recovered_elsewhere": "",
    "exhausted": "recovered_elsewhere",
    "hard_declined": "recovered_elsewhere",
    "closed": "recovered_elsewhere",
    "released": "recovered_elsewhere",
}
"""Written out by hand from the description of the engine, so that the table cannot agree with itself."""

PAIRS = list(itertools.product(CaseState, CaseState))


@pytest.mark.parametrize(("before", "after"), PAIRS, ids=[f"{one}-{two}" for one, two in PAIRS])
def test_every_pair(before, after):
    """A pair of the table moves the case; every other pair is a broken invariant that names both states."""
    case = book.case(state=before)
    if after.value in LEGAL[before.value].split():
        assert move(case, after).state is after
    else:
        with pytest.raises(BrokenInvariant, match=f"from {before.value} to {after.value}"):
            move(case, after)


def test_every_state_has_a_row():
    """A new state cannot be forgotten in the table."""
    assert set(MOVES) == set(CaseState)


@pytest.mark.parametrize("final", sorted(FINAL_STATES))
def test_final_states_are_absorbing(final):
    """From a final state there is at most one way, for the books: paid elsewhere (invariant C7)."""
    assert MOVES[final] <= {CaseState.RECOVERED_ELSEWHERE}


def test_money_taken_by_us_is_only_ever_seen_from_an_attempt():
    """RECOVERED has exactly one way in, and it is an attempt."""
    assert [state for state, ways in MOVES.items() if CaseState.RECOVERED in ways] == [CaseState.ATTEMPTING]


def test_an_attempt_is_only_ever_begun_from_a_plan():
    """ATTEMPTING has exactly one way in, so that no charge goes out without a stored plan."""
    assert [state for state, ways in MOVES.items() if CaseState.ATTEMPTING in ways] == [CaseState.SCHEDULED]


@pytest.mark.parametrize("state", [CaseState.PARKED, CaseState.NEEDS_REVIEW])
def test_parked_and_reviewed_cases_cannot_reach_final_actions_at_once(state):
    """What the operator caused, or nobody understands, never goes straight to final actions (invariant A21)."""
    assert CaseState.FINISHING not in MOVES[state]


@pytest.mark.parametrize("state", [CaseState.EXHAUSTED, CaseState.HARD_DECLINED])
def test_unpaid_ends_come_out_of_finishing_alone(state):
    """No case ends as failed without having been through its final actions."""
    assert [before for before, ways in MOVES.items() if state in ways] == [CaseState.FINISHING]


def test_an_ended_case_is_no_longer_due():
    """A final move clears what loops look for, whatever stood there before."""
    case = book.case(state=CaseState.SCHEDULED, next_attempt_at=book.NOW, next_attempt_number=3)
    ended = move(case, CaseState.CLOSED, closed_because="voided")
    assert (ended.due_at, ended.next_attempt_at, ended.next_attempt_number) == (None, None, None)
    assert ended.closed_because == "voided"
    assert ended.is_final()


def test_a_move_changes_only_what_it_is_told():
    """All other fields stay as they were."""
    case = book.case(attempts_used=3)
    moved = move(case, CaseState.SCHEDULED, next_attempt_number=4)
    assert (moved.attempts_used, moved.next_attempt_number, moved.due_at) == (3, 4, case.due_at)
    assert not moved.is_final()
