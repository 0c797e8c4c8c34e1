"""Several failed invoices on one subscription whose cancellation is scheduled at the period's end (C8)."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.final_action import CANCEL_TAG, ActionKind, ActionState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.resources import invoices
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.regressions.period_end import ends_at, flag, flags
from tests.simulation.rig import Rig

CLOSED = CaseState.CLOSED


def two_failed(**manifest: object) -> Rig:
    """Two invoices of Ada's subscription have failed; the first one's recovery is over, and the flag is its."""
    given = {"attempts": 3, "window_days": 10, "spacing_hours": 24} | manifest
    loaded = worlds.manifest(action="cancel_at_period_end", **given)  # figures only
    rig = Rig({"ada": worlds.customer(price="weekly")}, loaded=loaded)
    rig.decline("ada", "insufficient_funds")
    steps.until(rig, lambda: flag(rig))
    assert len(rig.cases()) == 2
    assert rig.subscription("ada")["metadata"] == {CANCEL_TAG: rig.cases()[0].id}
    return rig


def kinds(rig: Rig, case: RecoveryCase) -> dict[ActionKind, ActionState]:
    """The final actions of a case."""
    return {each.kind: each.state for each in rig.actions(case)}


def settle(rig: Rig, case: RecoveryCase) -> None:
    """Somebody marks exactly this invoice as paid."""
    account, _ = control.customer_of(rig.world, "ada")
    invoices.settle_out_of_band(rig.world.sim, account, account.get("invoice", case.invoice))


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
def test_one_schedule_for_all_and_each_invoice_is_marked(heard: bool):
    """The flag is set once, for the first; when the period ends both cases end and both invoices are written off."""
    rig = two_failed()
    if not heard:
        steps.deaf(rig)
    rig.live(22)
    assert [each.state for each in rig.cases()] == [CaseState.EXHAUSTED, CaseState.EXHAUSTED]
    assert rig.subscription("ada")["status"] == "canceled"
    assert {each["status"] for each in rig.invoices("ada")[-2:]} == {"uncollectible"}
    assert (len(flags(rig, "true")), len(flags(rig, "false")), steps.cancellations(rig)) == (1, 0, 0)
    assert not any(ActionKind.TAKE_BACK in kinds(rig, case) for case in rig.cases())
    truth.agree(rig)


def test_a_customer_who_pays_the_later_invoice_is_kept():
    """The later invoice is paid: the first case closes kept_paying_customer, and its flag is taken back, once (C4)."""
    rig = two_failed()
    first, second = rig.cases()
    settle(rig, second)
    rig.live(1.1)
    first, second = rig.cases()
    assert (first.state, first.closed_because) == (CLOSED, "kept_paying_customer")
    assert second.state is CaseState.RECOVERED_ELSEWHERE
    assert not flag(rig)
    assert rig.subscription("ada")["metadata"] == {}
    assert kinds(rig, first)[ActionKind.TAKE_BACK] is ActionState.DONE
    assert ActionKind.TAKE_BACK not in kinds(rig, second)
    assert (len(flags(rig, "true")), len(flags(rig, "false"))) == (1, 1)
    truth.agree(rig)


def test_the_second_case_sets_its_own_when_the_first_ones_is_taken_back():
    """The first invoice is paid while the second's recovery is over too: the first flag goes, the second's own comes."""
    rig = two_failed()
    first, second = rig.cases()
    rig.decline("ada", "lost_card")
    steps.until(rig, lambda: rig.cases()[1].state is CaseState.FINISHING)
    rig.live(0.1)
    assert kinds(rig, second)[ActionKind.SCHEDULE_CANCEL] is ActionState.SKIPPED
    settle(rig, first)
    rig.live(0.5)
    assert flag(rig)
    assert rig.subscription("ada")["metadata"] == {CANCEL_TAG: second.id}
    rig.run_until(ends_at(rig).plus(Span.of(hours=1)))
    first, second = rig.cases()
    assert (first.state, second.state) == (CaseState.RECOVERED_ELSEWHERE, CaseState.HARD_DECLINED)
    assert rig.subscription("ada")["status"] == "canceled"
    tags = [dict(each.params)[f"metadata[{CANCEL_TAG}]"] for each in flags(rig, "true")]
    assert tags == [first.id, second.id]
    assert len(flags(rig, "false")) == 1
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    truth.agree(rig)


def test_a_flag_that_another_case_has_taken_over_is_left():
    """The tag reads another case when the money comes: the flag is that case's now, and stays."""
    rig = two_failed()
    first, second = rig.cases()
    control.set_field(rig.world, first.subscription, "metadata", {CANCEL_TAG: second.id})
    settle(rig, first)
    rig.live(0.1)
    assert rig.cases()[0].state is CaseState.RECOVERED_ELSEWHERE
    assert flag(rig)
    assert rig.subscription("ada")["metadata"] == {CANCEL_TAG: second.id}
    assert kinds(rig, first)[ActionKind.TAKE_BACK] is ActionState.DONE
    assert flags(rig, "false") == []


def test_a_sibling_still_in_recovery_goes_on_and_its_money_keeps_the_customer():
    """The flag of the first does not stop the attempts of the second; when one succeeds, the customer is kept."""
    rig = two_failed()
    control.approve(rig.world, "ada")
    steps.until(rig, lambda: rig.cases()[1].state is CaseState.RECOVERED)
    rig.live(1.1)
    first, second = rig.cases()
    assert (first.closed_because, second.state) == ("kept_paying_customer", CaseState.RECOVERED)
    assert not flag(rig)
    rig.live(10)
    assert rig.subscription("ada")["status"] != "canceled"
    truth.agree(rig)


def test_one_flag_is_settled_before_another_is_set():
    """While the first case's flag is still being taken back, the second sets none: a late answer must not undo it."""
    rig = two_failed()
    rig.decline("ada", "lost_card")
    steps.until(rig, lambda: rig.cases()[1].state is CaseState.FINISHING)
    rig.live(0.1)
    first, second = rig.cases()
    rig.transport.faults.add("timeout_before", method="POST", path=steps.CANCEL, times=1_000_000)
    settle(rig, first)
    rig.live(0.05)
    assert kinds(rig, first)[ActionKind.TAKE_BACK] is ActionState.CALLING
    for field, value in (("cancel_at_period_end", False), ("cancel_at", None)):
        control.set_field(rig.world, first.subscription, field, value)
    sent = len(rig.requests)
    rig.live(0.2)
    asked = [each for each in rig.requests[sent:] if ("cancel_at_period_end", "true") in each.params]
    assert asked == []
    assert kinds(rig, second)[ActionKind.SCHEDULE_CANCEL] is ActionState.PLANNED
    rig.transport.faults.clear()
    rig.live(0.2)
    assert flag(rig)
    assert rig.subscription("ada")["metadata"] == {CANCEL_TAG: second.id}
