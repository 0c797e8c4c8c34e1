"""Answers to our own call that the newest payment of the invoice hides: a bank's, a refusal's, a question's."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control, control_api
from tests.simulation import truth
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig
from tests.simulation.scenarios.test_pending_debit import pending


def answer_lost(code: str, kind: str = "lost_answer") -> Rig:
    """Our first call was executed and refused so, and its answer never came; no webhook comes any more."""
    rig = steps.failing()
    steps.deaf(rig)
    rig.decline("ada", code)
    rig.transport.faults.add(kind, method="POST", path=steps.PAY)
    steps.until(rig, lambda: bool(rig.pays()))
    return rig


def test_a_refusal_of_ours_is_found_behind_the_charge_of_who_paid_later():
    """Refused, unheard, and then paid by the customer with another card: the attempt is declined, and counted (B1)."""
    rig = steps.failing()
    steps.deaf(rig)
    rig.decline("ada", "insufficient_funds")
    rig.transport.faults.add("lost_answer", method="POST", path=steps.PAY)
    paid: list[str] = []

    def pay_after(request) -> None:
        if rig.pays() and not request.is_pay and not paid:
            control.approve(rig.world, "ada")
            paid.append(control.pay_elsewhere(rig.world, "ada", how="card"))

    rig.before_call.append(pay_after)
    rig.live(6)
    assert paid
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
    assert steps.states(rig) == [AttemptState.DECLINED]
    assert rig.case("ada").attempts_used == 1
    truth.agree(rig)


@pytest.mark.parametrize("heard", [True, False], ids=["with events", "unheard"])
def test_a_debit_of_ours_is_waited_for_though_somebody_was_quicker(heard: bool):
    """Paid in cash while our debit is on its way: the attempt stays open until the bank answers, and says so (B1)."""
    rig = pending(heard)
    control.pay_elsewhere(rig.world, "ada", how="out_of_band")
    rig.live(5)
    assert steps.states(rig) == [AttemptState.PENDING], steps.journal(rig)
    (charge,) = [each for each in rig.charges(rig.case("ada").invoice) if each["status"] == "pending"]
    control_api.post(rig.world, "settle-debit", {"charge": charge["id"], "outcome": "failed"})
    rig.live(1)
    assert steps.states(rig) == [AttemptState.DECLINED]
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
    assert len(rig.pays()) == 1
    truth.agree(rig)


@pytest.mark.parametrize("kind", ["lost_answer", "500_executed"])
def test_a_question_to_the_customer_is_heard_though_its_answer_was_lost(kind: str):
    """Our call asked for authentication, which leaves no charge: the customer is waited for, and not asked again (A14)."""
    rig = answer_lost("requires_action", kind)
    sent = len(rig.pays())
    rig.live(4)
    assert rig.case("ada").state is CaseState.WAITING_FOR_CUSTOMER, steps.journal(rig)
    assert steps.states(rig) == [AttemptState.DECLINED]
    assert {each.key for each in rig.pays()[sent:]} <= {rig.pays()[0].key}
    truth.agree(rig)
