"""A debit that is on its way blocks `pay` for its whole life, however long: it ends by event or read, never by age (A2)."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig

LONG = 25
"""Days: beyond the window, the age of an idempotency key, and whatever else could let it go."""


def pending(heard: bool = True, *, answer_lost: bool = False) -> Rig:
    """Ada's new default is a bank account whose debit never ends by itself, and our attempt on it is under way."""
    rig = steps.failing("expired_card", None)
    control.replace_card(rig.world, "ada", "pm_usBankAccount_processing")
    control.approve(rig.world, "ada")
    if answer_lost:
        rig.transport.faults.add("lost_answer", method="POST", path=steps.PAY)
    steps.until(rig, lambda: bool(rig.pays()) and steps.states(rig)[0] in BLOCKING_STATES)
    if not heard:
        steps.deaf(rig)
    return rig


@pytest.mark.parametrize("heard", [True, False], ids=["with events", "unheard"])
@pytest.mark.parametrize("meanwhile", ["nothing", "restarts", "a new card", "another decline"])
def test_a_pending_debit_blocks_pay_for_its_whole_life(meanwhile: str, heard: bool):
    """For 25 days one `pay`, no final action; whatever comes meanwhile. Then the bank pays, and it is ours, once."""
    rig = pending(heard)
    invoice = rig.case("ada").invoice
    sent = len(rig.pays())
    for day in range(LONG):
        if meanwhile == "restarts":
            rig.restart()
        if meanwhile == "a new card" and day == 3:
            control.replace_card(rig.world, "ada", "tok_mastercard")
        if meanwhile == "another decline" and day == 3:
            rig.decline("ada", "lost_card")
        rig.live(1)
        assert [each.object_id for each in rig.pays()[sent:]] == [], f"day {day}: {steps.journal(rig)}"
        assert (rig.case("ada").state, steps.cancellations(rig)) == (CaseState.ATTEMPTING, 0)
    (charge,) = [each for each in rig.charges(invoice) if each["status"] == "pending"]
    control_api.post(rig.world, "settle-debit", {"charge": charge["id"], "outcome": "succeeded"})
    rig.live(0.5)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    assert len(rig.successes(invoice)) == 1
    truth.agree(rig)


@pytest.mark.parametrize("answer_lost", [False, True], ids=["answered", "answer lost"])
@pytest.mark.parametrize("heard", [True, False], ids=["with events", "unheard"])
def test_a_pending_debit_that_bounces_is_an_ordinary_decline(heard: bool, answer_lost: bool):
    """Returned after three weeks: counted as one attempt, and nothing was sent or given up before that."""
    rig = pending(heard, answer_lost=answer_lost)
    rig.live(21)
    assert len(rig.pays()) == 1
    (charge,) = [each for each in rig.charges(rig.case("ada").invoice) if each["status"] == "pending"]
    control_api.post(rig.world, "settle-debit", {"charge": charge["id"], "outcome": "failed"})
    rig.run_until(rig.now.plus(Span.of(hours=7)))
    case = rig.case("ada")
    assert case.attempts_used == 1, steps.journal(rig)
    assert rig.attempts(case)[0].state is AttemptState.DECLINED
    truth.agree(rig)
