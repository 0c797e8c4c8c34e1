"""Cancelling at the period's end (G15): scheduled once and tagged, waited for, and taken back when the money comes."""

from __future__ import annotations

import logging

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import CANCEL_TAG, ActionKind, ActionState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.regressions.period_end import DONE, SKIPPED, ends_at, flag, flags, kept, scheduled, states
from tests.simulation.rig import Request, Rig


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
def test_it_is_scheduled_once_waited_for_and_only_then_written_off(heard: bool):
    """Flag and tag in one request; nothing is marked before the period ends; then invoice and tags, and the case ends."""
    rig = scheduled()
    if not heard:
        steps.deaf(rig)
    case, end = rig.case("ada"), ends_at(rig)
    assert rig.subscription("ada")["metadata"] == {CANCEL_TAG: case.id}
    assert rig.subscription("ada")["status"] == "past_due"
    rig.run_until(end.minus(Span.of(seconds=1)))
    assert rig.case("ada").state is CaseState.FINISHING
    assert states(rig)[ActionKind.AWAIT_END] is ActionState.PLANNED
    assert rig.invoices("ada")[-1]["status"] == "open"
    rig.run_until(end.plus(Span.of(hours=1)))
    assert rig.case("ada").state is CaseState.HARD_DECLINED, steps.journal(rig)
    assert rig.subscription("ada")["status"] == "canceled"
    assert rig.subscription("ada")["ended_at"] == end.seconds
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    assert rig.invoices("ada")[-1]["metadata"]["fp-uncollectible"] == "true"
    assert rig.subscription("ada")["metadata"]["fp-uncollectible"] == "true"
    assert set(states(rig).values()) == {DONE}
    assert ActionKind.TAKE_BACK not in states(rig)
    assert (len(flags(rig, "true")), len(flags(rig, "false")), steps.cancellations(rig)) == (1, 0, 0)
    assert not [each for each in rig.requests if each.method != "GET" and "cancel_at" in dict(each.params)]
    truth.agree(rig)


def test_it_is_read_daily_and_an_hour_before_the_end():
    """Whatever events come, the subscription is read every day, and once more while it can still be taken back."""
    rig = scheduled()
    steps.deaf(rig)
    end, path = ends_at(rig), f"/v1/subscriptions/{rig.case('ada').subscription}"
    since = rig.now.seconds
    rig.run_until(end.minus(Span.of(seconds=1)))
    reads = [each.at for each in rig.requests if each.path == path and each.at >= since]
    assert max(late - early for early, late in zip([since, *reads], reads, strict=False)) <= 86_400
    assert end.seconds - reads[-1] == 3600


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
@pytest.mark.parametrize("how", ["card", "out_of_band"])
def test_money_from_elsewhere_takes_it_back(heard: bool, how: str):
    """She pays by another way while the flag is set: flag and tag are gone, once, and she stays."""
    rig = scheduled()
    rig.live(2)
    if not heard:
        steps.deaf(rig)
    control.pay_elsewhere(rig.world, "ada", how=how)
    intents: list[ActionState] = []
    clears = ("cancel_at_period_end", "false")
    rig.before_call.append(
        lambda request: intents.append(states(rig)[ActionKind.TAKE_BACK]) if clears in request.params else None
    )
    rig.live(1.1)
    assert intents == [ActionState.CALLING]
    kept(rig, CaseState.RECOVERED_ELSEWHERE)


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
def test_a_new_card_is_tried_and_only_its_money_takes_it_back(heard: bool):
    """A new card re-opens the case with the flag still set; when it pays, the flag is taken back."""
    rig = scheduled()
    if not heard:
        steps.deaf(rig)
    control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.live(0.05)
    assert (rig.case("ada").state is not CaseState.FINISHING) == heard
    seen: list[bool] = []
    rig.before_call.append(lambda request: seen.append(flag(rig)) if request.is_pay else None)
    rig.live(3.5)
    assert seen == [True]
    kept(rig, CaseState.RECOVERED)


def test_a_new_card_that_fails_for_good_sets_nothing_twice():
    """The new card is refused for good as well: the flag stands, is not set again, and the end comes as planned."""
    rig = scheduled()
    control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.decline("ada", "stolen_card")
    rig.run_until(ends_at(rig).plus(Span.of(hours=1)))
    assert rig.case("ada").state is CaseState.HARD_DECLINED, steps.journal(rig)
    assert len(rig.pays()) == 1
    assert (len(flags(rig, "true")), len(flags(rig, "false"))) == (1, 0)
    assert set(states(rig).values()) == {DONE}
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    truth.agree(rig)


def test_the_period_ends_while_a_new_card_is_waiting():
    """The period ends between the new card and its attempt: no attempt on what is over; the actions go on, once."""
    rig = steps.failing("lost_card", None, action="cancel_at_period_end", spacing_hours=240, window_days=80)
    steps.until(rig, lambda: flag(rig))
    rig.run_until(ends_at(rig).minus(Span.of(days=2)))
    control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.decline("ada", "insufficient_funds")
    rig.live(1)
    assert rig.case("ada").state is CaseState.SCHEDULED, steps.journal(rig)
    rig.live(20)
    assert rig.case("ada").state is CaseState.EXHAUSTED, steps.journal(rig)
    assert len(flags(rig, "true")) == 1
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    truth.agree(rig)


def test_money_that_came_too_late_is_told(caplog: pytest.LogCaptureFixture):
    """She paid while we were down and the period ended: nobody can bring it back; an error is logged and journaled."""
    rig = scheduled()
    end = ends_at(rig)
    rig.listening = False
    control.pay_elsewhere(rig.world, "ada")
    with caplog.at_level(logging.ERROR, logger="flexpay"):
        steps.down(rig, end.since(rig.now).plus(Span.of(hours=3)))
        rig.live(1)
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
    assert rig.subscription("ada")["status"] == "canceled"
    assert states(rig)[ActionKind.TAKE_BACK] is SKIPPED
    assert "not taken back" in steps.journal(rig)
    assert [each.levelname for each in caplog.records if "ended by our scheduled" in each.message] == ["ERROR"]
    assert rig.case("ada").due_at is None


def test_a_daemon_that_was_down_beyond_the_end_goes_on():
    """Down from before the period's end until after it, unpaid: the rest of the actions follow, once."""
    rig = scheduled()
    steps.down(rig, ends_at(rig).since(rig.now).plus(Span.of(days=2)))
    rig.live(1)
    assert rig.case("ada").state is CaseState.HARD_DECLINED, steps.journal(rig)
    assert rig.invoices("ada")[-1]["status"] == "uncollectible"
    assert len(flags(rig, "true")) == 1
    truth.agree(rig)


def test_charging_never_waits_for_it():
    """Stripe refuses every write on subscriptions for days after the money came: taken back as soon as it can be."""
    rig = scheduled()
    control.replace_card(rig.world, "ada", "tok_mastercard")
    rig.transport.faults.add("refused", method="POST", path=steps.CANCEL, times=1_000_000)
    rig.live(4)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    assert flag(rig)
    assert rig.case("ada").due_at is not None
    rig.transport.faults.clear()
    rig.live(0.1)
    kept(rig, CaseState.RECOVERED)


@pytest.mark.parametrize("kind", ["lost_answer", "timeout_before"])
def test_an_answer_that_is_lost_is_settled_by_reading(kind: str):
    """The answer to the schedule is lost and she pays in that instant: a quarter of an hour later it is settled."""
    rig = Rig({"ada": worlds.customer()}, loaded=worlds.manifest(action="cancel_at_period_end"))
    rig.decline("ada", "lost_card")
    rig.transport.faults.add(kind, method="POST", path=steps.CANCEL)
    paid: list[Instant] = []

    def hook(request: Request) -> None:
        if ("cancel_at_period_end", "true") in request.params and not paid:
            control.pay_elsewhere(rig.world, "ada")
            paid.append(rig.now)

    rig.before_call.append(hook)
    rig.live(2)
    assert len(paid) == 1
    (settled,) = [each.entry.at for each in rig.story(rig.case("ada")) if "is taken back" in each.entry.text]
    assert settled.since(paid[0]) >= Span.of(minutes=15)
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
    assert not flag(rig)
    assert rig.subscription("ada")["metadata"] == {}
    assert states(rig)[ActionKind.TAKE_BACK] is DONE
    assert ActionState.CALLING not in states(rig).values()
    truth.agree(rig)


def test_taking_back_does_not_wait_for_the_budget_of_final_actions():
    """The budget of final actions is spent: taking one back is not held up by it, and does not count."""
    rig = scheduled(more="brakes:\n  final_actions: {per_hour: 1, per_day: 1}\n")
    control.pay_elsewhere(rig.world, "ada")
    rig.live(0.1)
    kept(rig, CaseState.RECOVERED_ELSEWHERE)
