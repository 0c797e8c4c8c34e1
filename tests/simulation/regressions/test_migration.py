"""Open cases move to a changed policy that says `migrate: true`: each once, through every rule, killed anywhere."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, AttemptState
from flexpay_reconcile.recovery.case import CaseState, EndedBy, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.regressions.test_pinning import lost_answer
from tests.simulation.rig import Rig

FIRST: dict[str, Any] = {"attempts": 4, "window_days": 8, "delay_days": 3}
MOVING = "    migrate: true\n"
DAY = Span.of(days=1)


def failing(code: str = "insufficient_funds", **changes: Any) -> Rig:
    """Ada's renewal was declined under revision 1, and goes on being declined."""
    return steps.failing(code, None, **FIRST | changes)


def change(rig: Rig, *, migrate: bool = True, **changes: Any) -> None:
    """Apply another policy; its open cases move unless told otherwise."""
    arm.apply(rig, worlds.manifest(**FIRST | {"more": MOVING if migrate else ""} | changes))


def moves(rig: Rig, name: str = "ada") -> list[tuple[str, str]]:
    """From which revision to which its case was moved, as its journal tells."""
    entries = [each.entry for each in rig.story(rig.case(name))]
    return [(each.facts["from"], each.facts["to"]) for each in entries if each.kind is EntryKind.POLICY_CHANGED]


def planned(rig: Rig, name: str = "ada") -> list[int]:
    """The numbers of its planned attempts."""
    return [each.number for each in rig.attempts(rig.case(name)) if each.state is AttemptState.PLANNED]


def cancel_due(rig: Rig) -> Instant:
    """When the cancellation of Ada's subscription is due."""
    (found,) = [each for each in rig.actions(rig.case("ada")) if each.kind is ActionKind.CANCEL_SUBSCRIPTION]
    assert found.state is ActionState.PLANNED
    return found.due_at


def declined_at(case: RecoveryCase) -> Instant:
    """The decline that its delay counts from."""
    assert case.last_declined_at is not None
    return case.last_declined_at


def cancelled_at(rig: Rig) -> list[int]:
    """When subscriptions were cancelled."""
    return [each.at for each in rig.requests if each.method == "DELETE" and each.status == 200]


def test_a_scheduled_case_is_planned_anew_and_ends_as_the_new_revision_says():
    """Two attempts in four days instead of four in eight, cancelled at once: revision 2 from the next attempt on."""
    rig = failing()
    steps.until_state(rig, CaseState.SCHEDULED)
    before = rig.case("ada")
    change(rig, attempts=2, window_days=4, delay_days=0)
    rig.live(0.01)
    case = rig.case("ada")
    assert moves(rig) == [("1", "2")]
    assert (case.state, case.revision, case.attempts_used) == (CaseState.SCHEDULED, 2, 0)
    assert case.window_until == before.window_from.plus(DAY.times(4))
    assert planned(rig) == [2]
    assert [each.state for each in rig.attempts(case)] == [AttemptState.SUPERSEDED, AttemptState.PLANNED]
    assert [each.revision for each in rig.attempts(case)] == [1, 2]
    rig.live(20)
    case = rig.case("ada")
    assert case.state is CaseState.EXHAUSTED, steps.journal(rig)
    assert case.attempts_used == 2
    assert len(rig.pays()) == 2
    assert {each.revision for each in rig.actions(case)} == {2}
    assert moves(rig) == [("1", "2")]
    truth.agree(rig)


def test_attempts_made_count_and_an_ended_recovery_cancels_by_the_delay_of_the_new_revision():
    """Two attempts were made and two are allowed now: no further one; the delay counts from the last decline."""
    rig = failing()
    steps.until(rig, lambda: rig.case("ada").attempts_used == 2)
    change(rig, attempts=2, delay_days=5)
    rig.live(0.01)
    case = rig.case("ada")
    assert (case.state, case.ended_by) == (CaseState.FINISHING, EndedBy.ATTEMPTS_USED), steps.journal(rig)
    assert planned(rig) == []
    assert cancel_due(rig) == declined_at(case).plus(DAY.times(5))
    rig.live(20)
    assert len(rig.pays()) == 2
    assert steps.cancellations(rig) == 1
    truth.agree(rig)


def test_more_attempts_and_a_longer_window_are_granted_from_the_same_start():
    """Six in twelve days instead of four in eight: those made count, and the rest fits the longer window."""
    rig = failing()
    steps.until(rig, lambda: rig.case("ada").attempts_used == 2)
    start = rig.case("ada").window_from
    change(rig, attempts=6, window_days=12)
    rig.live(20)
    case = rig.case("ada")
    assert case.attempts_used == 6
    assert case.window_until == start.plus(DAY.times(12))
    pays = [each.at for each in rig.pays()]
    assert min(later - earlier for earlier, later in itertools.pairwise(pays)) >= 86_400
    truth.agree(rig)


@pytest.mark.parametrize("later", [{}, {"attempts": 2}, {"delay_days": 0}])
def test_with_migrate_false_nothing_moves_whatever_follows(later: dict[str, Any]):
    """Two more revisions without `migrate`: the case stays with the first."""
    rig = failing()
    steps.until_state(rig, CaseState.SCHEDULED)
    change(rig, migrate=False, **later)
    rig.live(1)
    change(rig, migrate=False, window_days=5, **later)
    rig.live(25)
    case = rig.case("ada")
    assert (moves(rig), case.revision, case.attempts_used) == ([], 1, 4)
    assert {each.revision for each in rig.attempts(case)} == {1}


def test_the_newest_revision_decides_and_one_overtaken_is_skipped():
    """Revision 2 says no, revision 3 says yes: from 1 to 3 at once; revision 4 with the same terms moves nobody."""
    rig = failing()
    steps.until_state(rig, CaseState.SCHEDULED)
    change(rig, migrate=False, attempts=3)
    rig.live(0.01)
    change(rig, attempts=3)
    rig.live(0.01)
    assert moves(rig) == [("1", "3")]
    arm.apply(rig, worlds.manifest(**FIRST | {"attempts": 3, "more": MOVING, "take_over": True}))
    rig.live(2)
    assert moves(rig) == [("1", "3")]
    assert rig.case("ada").revision == 3


def test_a_revision_taken_back_before_the_daemon_ran_moves_nobody():
    """Revision 2 says yes and revision 3 no, while nobody worked: what is in force when the daemon looks counts."""
    rig = failing()
    steps.until_state(rig, CaseState.SCHEDULED)
    change(rig, attempts=2)
    change(rig, migrate=False, attempts=2)
    rig.live(25)
    assert moves(rig) == []
    assert rig.case("ada").attempts_used == 4


def test_a_disabled_integration_moves_nobody_until_it_is_enabled_again():
    """G14: its open cases run on under their pinned policy."""
    rig = failing()
    steps.until_state(rig, CaseState.SCHEDULED)
    change(rig, attempts=2, status="disabled")
    rig.live(1)
    assert moves(rig) == []
    change(rig, attempts=2)
    rig.live(0.01)
    assert moves(rig) == [("1", "3")]


def test_an_attempt_under_way_is_waited_for_and_its_answer_is_followed_by_the_new_terms():
    """An answer is lost as revision 2 comes: nothing moves beside it, and what follows from it is decided by revision 2."""
    rig = failing(attempts=1, window_days=4)
    lost_answer(rig)
    steps.until_state(rig, CaseState.ATTEMPTING, every=Span.of(minutes=1))
    change(rig, attempts=3, window_days=8)
    rig.run_until(rig.now.plus(Span.of(seconds=1)))
    case = rig.case("ada")
    assert (case.state, case.revision, moves(rig)) == (CaseState.ATTEMPTING, 1, [])
    assert len([each for each in rig.attempts(case) if each.state in BLOCKING_STATES]) == 1
    steps.until(rig, lambda: rig.case("ada").state is not CaseState.ATTEMPTING)
    assert moves(rig) == [("1", "2")]
    assert rig.case("ada").state is CaseState.SCHEDULED, steps.journal(rig)
    rig.live(20)
    case = rig.case("ada")
    assert case.attempts_used == 3
    made = [each.revision for each in rig.attempts(case) if each.state is AttemptState.DECLINED]
    assert made == [1, 2, 2]
    truth.agree(rig)


def test_a_customer_who_is_waited_for_has_the_new_window():
    """An expired card: the end of the window, and with it of the case, is that of revision 2."""
    rig = failing("expired_card")
    steps.until_state(rig, CaseState.WAITING_FOR_CUSTOMER)
    start = rig.case("ada").window_from
    change(rig, window_days=5, delay_days=0)
    rig.live(0.01)
    case = rig.case("ada")
    assert case.state is CaseState.WAITING_FOR_CUSTOMER
    assert case.due_at == case.window_until == start.plus(DAY.times(5))
    rig.live(20)
    assert rig.case("ada").state is CaseState.EXHAUSTED
    assert rig.pays() == []
    assert abs(cancelled_at(rig)[0] - start.plus(DAY.times(5)).seconds) < 3_600
    truth.agree(rig)


@pytest.mark.parametrize("code", ["unheard_of", "testmode_decline"])
def test_what_a_person_looks_at_stays_where_it_is(code: str):
    """In review or parked: the revision changes, what comes next does not, and nobody is charged or cancelled."""
    rig = failing(code)
    steps.until(rig, lambda: rig.case("ada").state in (CaseState.NEEDS_REVIEW, CaseState.PARKED))
    before = rig.case("ada")
    change(rig, attempts=2, window_days=4, delay_days=0)
    rig.live(0.01)
    case = rig.case("ada")
    assert (case.state, case.due_at, case.revision) == (before.state, before.due_at, 2)
    rig.live(10)
    assert (rig.pays(), steps.cancellations(rig)) == ([], 0)
