"""Cancellations at the period's end that somebody else scheduled, takes back or moves: theirs is left alone."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import CANCEL_TAG, ActionKind
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth
from tests.simulation.regressions import steps
from tests.simulation.regressions.period_end import DONE, SKIPPED, ends_at, flag, flags, kept, scheduled, states, theirs


@pytest.mark.parametrize("how", ["voided", "uncollectible_by_other"])
def test_an_invoice_ended_by_somebody_takes_it_back(how: str):
    """Voided or written off by somebody else while the flag is set: nothing of ours stays behind."""
    rig = scheduled()
    invoice = rig.case("ada").invoice
    if how == "voided":
        control.void_invoice(rig.world, invoice)
    else:
        control.customer_of(rig.world, "ada")[0].table("invoice").rows[invoice]["status"] = "uncollectible"
    rig.live(1.1)
    kept(rig, CaseState.CLOSED)


@pytest.mark.parametrize("field", ["cancel_at_period_end", "cancel_at"])
def test_somebody_elses_schedule_is_left_alone_and_waited_for(field: str):
    """A cancellation was scheduled before us: we write nothing on the subscription, wait for its end, then mark."""
    rig = steps.failing("insufficient_funds", None, action="cancel_at_period_end", attempts=1)
    end = ends_at(rig)
    theirs(rig, field, end)
    steps.until_state(rig, CaseState.FINISHING)
    rig.run_until(end.minus(Span.of(seconds=1)))
    assert rig.subscription("ada")["metadata"] == {}
    assert rig.case("ada").state is CaseState.FINISHING
    assert "left alone" in steps.journal(rig)
    rig.run_until(end.plus(Span.of(hours=1)))
    assert rig.case("ada").state is CaseState.EXHAUSTED, steps.journal(rig)
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    assert states(rig)[ActionKind.SCHEDULE_CANCEL] is SKIPPED
    assert flags(rig, "true") == flags(rig, "false") == []
    truth.agree(rig)


def test_somebody_elses_schedule_is_never_taken_back():
    """She pays while a cancellation of somebody else stands: it stands on, for it is not ours."""
    rig = steps.failing("insufficient_funds", None, action="cancel_at_period_end", attempts=1)
    theirs(rig, "cancel_at_period_end", ends_at(rig))
    steps.until_state(rig, CaseState.FINISHING)
    rig.live(1)
    control.pay_elsewhere(rig.world, "ada")
    rig.live(2)
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE
    assert flag(rig)
    assert flags(rig, "false") == []
    assert ActionKind.TAKE_BACK not in states(rig)


def test_when_somebody_elses_schedule_goes_ours_is_due():
    """The customer takes her own cancellation back and still owes: now ours is set, once."""
    rig = steps.failing("insufficient_funds", None, action="cancel_at_period_end", attempts=1)
    end = ends_at(rig)
    theirs(rig, "cancel_at_period_end", end)
    steps.until_state(rig, CaseState.FINISHING)
    rig.live(1)
    assert flags(rig, "true") == []
    control.set_field(rig.world, rig.case("ada").subscription, "cancel_at_period_end", False)
    control.set_field(rig.world, rig.case("ada").subscription, "cancel_at", None)
    rig.live(0.1)
    assert flag(rig)
    assert rig.subscription("ada")["metadata"] == {CANCEL_TAG: rig.case("ada").id}
    rig.run_until(end.plus(Span.of(hours=1)))
    assert rig.case("ada").state is CaseState.EXHAUSTED, steps.journal(rig)
    assert len(flags(rig, "true")) == 1
    truth.agree(rig)


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
def test_a_flag_that_somebody_takes_back_is_not_set_again(heard: bool):
    """A person takes our cancellation back: it is their decision (C2); the case ends, and our tag is tidied away."""
    rig = scheduled()
    if not heard:
        steps.deaf(rig)
    control.set_field(rig.world, rig.case("ada").subscription, "cancel_at_period_end", False)
    control.set_field(rig.world, rig.case("ada").subscription, "cancel_at", None)
    rig.live(1.1)
    assert rig.case("ada").state is CaseState.HARD_DECLINED, steps.journal(rig)
    assert (len(flags(rig, "true")), len(flags(rig, "false"))) == (1, 0)
    assert rig.subscription("ada")["metadata"] == {}
    assert rig.invoices("ada")[-1]["status"] == "open"
    assert states(rig)[ActionKind.MARK_UNCOLLECTIBLE] is SKIPPED
    assert states(rig)[ActionKind.TAKE_BACK] is DONE


def test_a_date_that_somebody_sets_instead_is_left_alone():
    """Our flag was replaced by somebody's own date: only our tag is removed when she pays."""
    rig = scheduled()
    end = ends_at(rig).minus(Span.of(days=3))
    control.set_field(rig.world, rig.case("ada").subscription, "cancel_at_period_end", False)
    control.set_field(rig.world, rig.case("ada").subscription, "cancel_at", end.seconds)
    rig.live(1.1)
    assert rig.case("ada").state is CaseState.FINISHING
    control.pay_elsewhere(rig.world, "ada")
    rig.live(0.5)
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE
    assert rig.subscription("ada")["metadata"] == {}
    assert rig.subscription("ada")["cancel_at"] == end.seconds
    assert flags(rig, "false") == []


def test_a_subscription_that_somebody_ends_before_its_time_is_seen_at_once():
    """Cancelled at once by a person while we wait for its end: woken by the event, the rest of the actions follow."""
    rig = scheduled()
    control.cancel_subscription(rig.world, "ada")
    rig.live(0.05)
    assert rig.case("ada").state is CaseState.HARD_DECLINED, steps.journal(rig)
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    assert ActionKind.TAKE_BACK not in states(rig)
    truth.agree(rig)
