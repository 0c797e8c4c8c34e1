"""Cases whose recovery has ended, as their policy changes with `migrate: true`: final actions planned anew, once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.regressions.test_migration import (
    DAY,
    FIRST,
    cancel_due,
    cancelled_at,
    change,
    declined_at,
    failing,
    moves,
)
from tests.simulation.rig import Request, Rig


def held(code: str, when: Callable[[Rig], bool], **changes: Any) -> tuple[Rig, Callable[[], None]]:
    """Ada's case as it stands when so much is done: from then on her subscription cannot be read, until released."""
    rig = Rig({"ada": worlds.customer()}, loaded=worlds.manifest(**FIRST | changes))
    rig.decline("ada", code, None)
    on = [True]

    def refuse(request: Request) -> None:
        asked = request.method == "GET" and request.path.startswith("/v1/subscriptions/sub_")
        if asked and on[0] and rig.cases() and when(rig):
            raise stripe.APIConnectionError("no connection") from ConnectionRefusedError()

    rig.before_call.append(refuse)
    steps.until(rig, lambda: bool(rig.cases()) and when(rig))
    return rig, lambda: on.__setitem__(0, False)


@pytest.mark.parametrize(("days", "wanted"), [(1, 1), (10, 10)])
def test_a_planned_cancellation_gets_the_new_delay_from_the_same_decline(days: int, wanted: int):
    """Sooner or later than revision 1 said, counted from the decline that ended recovery; once."""
    rig = failing("lost_card")
    steps.until_state(rig, CaseState.FINISHING)
    anchor = declined_at(rig.case("ada"))
    change(rig, delay_days=days)
    rig.live(0.01)
    assert cancel_due(rig) == anchor.plus(DAY.times(wanted))
    rig.live(20)
    assert [each - anchor.seconds for each in cancelled_at(rig)] == [wanted * 86_400]
    assert {each.revision for each in rig.actions(rig.case("ada"))} == {2}
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    truth.agree(rig)


def test_a_delay_that_is_over_by_the_new_revision_cancels_after_fresh_reads_only():
    """Two of three days have passed and the delay is one day now: due at once, and paid just before it is not done."""
    rig = failing("lost_card")
    steps.until_state(rig, CaseState.FINISHING)
    rig.live(2)
    rig.requests.clear()
    change(rig, delay_days=1)
    rig.live(0.1)
    (place,) = [index for index, each in enumerate(rig.requests) if each.method == "DELETE"]
    read = [each for each in rig.requests[:place] if each.method == "GET" and each.path.startswith("/v1/invoices/in_")]
    assert rig.requests[place].at - read[-1].at <= 60
    truth.agree(rig)


def test_recovery_that_has_ended_is_not_begun_again_by_a_generous_policy():
    """All attempts used, then twenty allowed: FINISHING stays FINISHING, nobody is charged for a changed file."""
    rig = failing(attempts=1, window_days=4)
    steps.until_state(rig, CaseState.FINISHING)
    paid = len(rig.pays())
    change(rig, attempts=8, window_days=28)
    rig.live(0.01)
    assert (rig.case("ada").state, moves(rig)) == (CaseState.FINISHING, [("1", "2")])
    rig.live(20)
    assert len(rig.pays()) == paid
    assert rig.case("ada").state is CaseState.EXHAUSTED
    truth.agree(rig)


def test_an_outcome_that_is_left_as_it_is_now_cancels_nobody():
    """The cancellation that was planned is not made, and the case ends."""
    rig = failing("lost_card")
    steps.until_state(rig, CaseState.FINISHING)
    change(rig, action="leave_as_is", invoice="leave_as_is")
    rig.live(10)
    assert rig.case("ada").state is CaseState.HARD_DECLINED
    assert steps.cancellations(rig) == 0
    assert {each.state for each in rig.actions(rig.case("ada"))} == {ActionState.SKIPPED}
    assert rig.invoices("ada")[-1]["status"] == "open"


@pytest.mark.parametrize(
    ("first", "second"),
    [
        ({"action": "leave_as_is", "delay_days": 0}, {"action": "cancel_at_period_end"}),
        ({"action": "cancel_with_delay", "delay_days": 3}, {"action": "cancel_at_period_end"}),
    ],
)
def test_actions_that_become_others_keep_their_order(first: dict[str, Any], second: dict[str, Any]):
    """Cancelled at the period's end instead: the invoice is written off after the subscription is over, not before."""
    rig, release = held("lost_card", lambda rig: rig.case("ada").state is CaseState.FINISHING, **first)
    assert rig.case("ada").state is CaseState.FINISHING
    release()
    change(rig, **second)
    rig.live(0.5)
    kinds = [each.kind for each in rig.actions(rig.case("ada")) if each.state is not ActionState.SKIPPED]
    assert kinds[:3] == [ActionKind.SCHEDULE_CANCEL, ActionKind.AWAIT_END, ActionKind.MARK_UNCOLLECTIBLE]
    assert rig.subscription("ada")["cancel_at_period_end"] is True
    assert rig.invoices("ada")[-1]["status"] == "open"
    rig.live(40)
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    assert rig.case("ada").state is CaseState.HARD_DECLINED
    assert steps.cancellations(rig) == 0
    truth.agree(rig)


def test_what_has_begun_at_stripe_ends_as_it_began():
    """The answer to the cancellation is lost as revision 2 leaves subscriptions alone: settled by revision 1, once."""
    rig, release = held("lost_card", lambda rig: steps.cancellations(rig) > 0, delay_days=0)
    assert ActionState.CALLING in {each.state for each in rig.actions(rig.case("ada"))}
    release()
    change(rig, action="leave_as_is", invoice="leave_as_is")
    rig.live(3)
    case = rig.case("ada")
    assert (moves(rig), case.state) == ([], CaseState.HARD_DECLINED)
    assert {each.revision for each in rig.actions(case)} == {1}
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    assert len(cancelled_at(rig)) == 1
    truth.agree(rig)
