"""Somebody cancels the subscription between our read and our DELETE: nothing of ours was done, and the case ends."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.simulator.control import control
from tests.simulation import truth
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig


def _before_the_delete(rig: Rig, subscription: str, *, lost: bool) -> list[int]:
    """Just before our first DELETE arrives somebody cancels (or `lost`: ours arrives, its answer does not)."""
    answered: list[int] = []

    def wrap(send: steps.Send, method: str, url: str) -> Any:
        if method != "DELETE":
            return send

        def act() -> steps.Answer:
            if not answered and not lost:
                control.cancel_subscription(rig.world, subscription)
            answer = send()
            answered.append(answer[1])
            if lost:
                raise ConnectionResetError("reset by peer")
            return answer

        return act

    steps.between(rig, wrap)
    return answered


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
def test_a_subscription_that_somebody_cancels_before_our_delete_is_not_ours(heard: bool):
    """DELETE is answered 404 and read again: the action is skipped, told so, sent once, and the case ends."""
    rig = steps.failing(times=None)
    answered = _before_the_delete(rig, rig.case("ada").subscription, lost=False)
    if not heard:
        steps.deaf(rig)
    steps.until(rig, lambda: rig.case("ada").state in (CaseState.EXHAUSTED, CaseState.HARD_DECLINED))
    assert answered == [404]
    case = rig.case("ada")
    with rig.parts.store.reading() as view:
        actions = {each.kind: each for each in view.actions.of_case(case.id)}
    action = actions[ActionKind.CANCEL_SUBSCRIPTION]
    assert (action.state, action.note) == (
        ActionState.SKIPPED,
        "somebody else has canceled the subscription meanwhile",
    ), steps.journal(rig)
    rig.live(3)
    assert steps.cancellations(rig) == 1
    truth.agree(rig)


def test_our_own_delete_whose_answer_was_lost_is_ours():
    """The call is settled by a read, not sent again: done, not somebody else's."""
    rig = steps.failing(times=None)
    answered = _before_the_delete(rig, rig.case("ada").subscription, lost=True)
    steps.until(rig, lambda: rig.case("ada").state in (CaseState.EXHAUSTED, CaseState.HARD_DECLINED))
    case = rig.case("ada")
    with rig.parts.store.reading() as view:
        actions = {each.kind: each for each in view.actions.of_case(case.id)}
    assert actions[ActionKind.CANCEL_SUBSCRIPTION].state is ActionState.DONE, steps.journal(rig)
    assert answered == [200]
    truth.agree(rig)
