"""A timing that always holds spends no attempt and cancels nobody: only the window, which is a rule, ends a case (A21)."""

from __future__ import annotations

import pytest

from flexpay_reconcile.operations import aims
from flexpay_reconcile.recovery.case import CaseState, EndedBy
from flexpay_reconcile.recovery.decide import Hold
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth
from tests.simulation.regressions import steps

HOLDS = {
    "for a day": Span.of(days=1),
    "for a year": Span.of(days=365),
    "until yesterday": Span.of(days=-1),
}


@pytest.fixture
def holding(monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> list[int]:
    """Every timing holds; how often it was asked."""
    asked: list[int] = []

    def hold(case, policy, now):
        asked.append(now.seconds)
        return Hold(until=now.plus(request.param), because=("no moment is worth an attempt",))

    monkeypatch.setattr(aims, "aim_for", hold)
    return asked


@pytest.mark.parametrize("holding", list(HOLDS.values()), ids=list(HOLDS), indirect=True)
def test_a_timing_that_always_holds_cancels_nobody_before_the_window_ends(holding: list[int]):
    """Held to the last hour of its window the case is open and the customer stays; then the rule ends it, not the model."""
    rig = steps.failing(times=None)
    case = rig.case("ada")
    rig.run_until(case.window_until.minus(Span.of(minutes=1)))
    held = rig.case("ada")
    assert (held.state, held.attempts_used) == (CaseState.OPENED, 0), steps.journal(rig)
    assert (rig.pays(), steps.cancellations(rig)) == ([], 0)
    assert rig.subscription("ada")["status"] == "past_due"
    assert 1 <= len(holding) <= 8 * 24 + 1, "it is asked again, but not all the time"
    rig.live(1)
    ended = rig.case("ada")
    assert (ended.state, ended.ended_by) == (CaseState.EXHAUSTED, EndedBy.WINDOW_OVER), steps.journal(rig)
    assert (rig.pays(), steps.cancellations(rig)) == ([], 1)
    truth.agree(rig)


@pytest.mark.parametrize("holding", [Span.of(days=1)], ids=["for a day"], indirect=True)
def test_a_customer_who_pays_while_it_holds_is_kept(holding: list[int]):
    """The whole point of holding: the money may come by itself, and nothing has been spent or ended meanwhile."""
    rig = steps.failing(times=None)
    rig.live(4)
    control.pay_elsewhere(rig.world, "ada")
    rig.live(10)
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE
    assert (rig.pays(), steps.cancellations(rig)) == ([], 0)
    assert holding


@pytest.mark.parametrize("holding", [Span.of(hours=6)], ids=["for six hours"], indirect=True)
def test_held_on_a_new_card_too(holding: list[int]):
    """A new card may be held as well: it is not tried, and nobody is cancelled for that within the window."""
    rig = steps.failing("expired_card", None, window_days=8)
    control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.live(6)
    assert rig.case("ada").state is CaseState.OPENED, steps.journal(rig)
    assert (rig.pays(), steps.cancellations(rig)) == ([], 0)
    assert holding
