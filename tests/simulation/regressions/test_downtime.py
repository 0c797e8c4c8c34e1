"""Weeks in which nobody worked, or no key was valid: no customer is given up without the attempts they were due."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig

WEEKS = Span.of(days=29)
ENVS = ("SIM_PRIMARY", "SIM_FALLBACK")


def revoke(rig: Rig, revoked: bool) -> None:
    """Both keys are revoked, or valid again."""
    for env in ENVS:
        rig.set_key(env, revoked=revoked)


@pytest.mark.parametrize("window_days", [8, 28])
def test_after_four_weeks_of_downtime_the_due_attempt_is_made_before_anybody_is_cancelled(window_days: int):
    """The window ended while nobody worked: the attempt planned in it is made once, late, through every gate (F4)."""
    rig = steps.failing(window_days=window_days)
    steps.down(rig, WEEKS)
    rig.live(1)
    case = rig.case("ada")
    assert case.state is CaseState.RECOVERED, steps.journal(rig)
    assert len(rig.pays()) == 1
    assert steps.cancellations(rig) == 0
    truth.agree(rig)


def test_a_late_attempt_that_is_declined_ends_the_case():
    """One late attempt and no more: the window is over, so its decline is followed by the final actions."""
    rig = steps.failing(times=None)
    steps.down(rig, WEEKS)
    rig.live(2)
    assert len(rig.pays()) == 1
    assert rig.case("ada").state is CaseState.EXHAUSTED, steps.journal(rig)
    assert steps.cancellations(rig) == 1
    truth.agree(rig)


def test_a_renewal_that_failed_while_we_were_down_gets_its_whole_window():
    """Found weeks late, with the events long given up: recovery begins when it is found, with all its attempts."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds", 3)
    steps.down(rig, Span.of(days=20))
    rig.live(9)
    case = rig.case("ada")
    assert case.state is CaseState.RECOVERED, steps.journal(rig)
    assert case.attempts_used == 3
    truth.agree(rig)


def test_a_key_revoked_for_four_weeks_lengthens_the_window_by_the_time_it_cost():
    """Parked while no call could go well; with a valid key the rest of the window and of the attempts is there (E8)."""
    rig = steps.failing(times=2)
    before = rig.case("ada").window_until
    revoke(rig, True)
    rig.live(29)
    parked = rig.case("ada")
    assert parked.state is CaseState.PARKED
    assert parked.parked_at is not None
    assert steps.cancellations(rig) == 0
    revoke(rig, False)
    rig.live(0.5)
    healed = rig.case("ada")
    lost = healed.window_until.since(before)
    assert Span.of(days=25) < lost <= rig.now.since(parked.parked_at)
    rig.live(8)
    case = rig.case("ada")
    assert case.state is CaseState.RECOVERED, steps.journal(rig)
    assert case.attempts_used == 2
    assert steps.cancellations(rig) == 0
    truth.agree(rig)


def test_an_outage_of_stripe_across_the_end_of_the_window_costs_no_attempt():
    """Stripe cannot be reached from before the attempt until the window is over: it is made when it can be (B3, F4)."""
    rig = steps.failing(times=1, window_days=2, attempts=1)
    rig.transport.faults.add("refused", times=1_000_000)
    steps.until(rig, lambda: rig.case("ada").window_until < rig.now)
    rig.live(0.1)
    assert rig.pays() == []
    rig.transport.faults.clear()
    rig.live(2)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    assert steps.cancellations(rig) == 0
    truth.agree(rig)


def test_a_budget_of_attempts_that_is_spent_at_the_end_of_the_window_costs_no_attempt():
    """The day's budget was spent as the window ended: the attempt waits for the budget and is made (A13)."""
    brakes = "brakes:\n  attempts: {per_minute: 60, per_day: 1}\n"
    rig = Rig(
        {"ada": worlds.customer(), "ben": worlds.customer("pm_card_mastercard", renews_in_days=1.01)},
        loaded=worlds.manifest(window_days=3, attempts=1, more=brakes),
    )
    rig.decline("ada", "insufficient_funds", 1)
    rig.decline("ben", "insufficient_funds", 1)
    steps.until(rig, lambda: len(rig.cases()) == 2)
    rig.rest(Span.of(days=4))
    rig.restart()
    rig.live(3)
    assert [each.state for each in rig.cases()] == [CaseState.RECOVERED] * 2
    assert steps.cancellations(rig) == 0
    truth.agree(rig)


def test_downtime_in_the_middle_of_an_attempt():
    """The process died between intent and call and came back after weeks: asked at Stripe, tried, nobody cancelled."""
    rig = steps.failing(times=1)
    rig.transport.faults.add("timeout_before", method="POST", path=steps.PAY)
    steps.until_tried(rig)
    assert steps.states(rig) == [AttemptState.UNRESOLVED]
    steps.down(rig, WEEKS)
    rig.live(3)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    assert steps.cancellations(rig) == 0
    truth.agree(rig)
