"""Cases whose end came from somewhere else: voided, paused, removed, cancelled with their sibling."""

from __future__ import annotations

import dataclasses
from typing import Any
from urllib.parse import urlsplit

import pytest

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from tests.simulation import truth
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig


def accepted(rig: Rig) -> None:
    """The next `pay` is answered with the invoice still open: the money comes later, or never."""
    left = [True]

    def wrap(send: steps.Send, method: str, url: str) -> Any:
        if method != "POST" or not urlsplit(url).path.endswith("/pay") or not left:
            return send
        left.clear()
        return lambda: send(url.removesuffix("/pay"))

    steps.between(rig, wrap)


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
@pytest.mark.parametrize("end", ["voided", "uncollectible_by_other"])
def test_a_pending_attempt_on_an_invoice_that_was_ended_by_somebody_ends(heard: bool, end: str):
    """Stripe accepted the attempt and then the invoice was voided or written off: no money, no blocking for ever."""
    rig = steps.failing(times=None)
    accepted(rig)
    steps.until(rig, lambda: AttemptState.PENDING in steps.states(rig))
    if not heard:
        steps.deaf(rig)
    case = rig.case("ada")
    if end == "voided":
        control.void_invoice(rig.world, case.invoice)
    else:
        account, _ = control.customer_of(rig.world, "ada")
        account.table("invoice").rows[case.invoice]["status"] = "uncollectible"
    rig.live(3)
    ended = rig.case("ada")
    assert (ended.state, ended.closed_because) == (CaseState.CLOSED, end), steps.journal(rig)
    assert rig.successes(case.invoice) == []
    assert rig.subscription("ada")["status"] != "canceled"
    truth.agree(rig)


def test_a_paused_subscription_parks_the_case_and_heals():
    """The subscription reads paused when the attempt is due: parked, nothing charged; unpaused, recovery goes on."""
    rig = steps.failing()
    subscription = rig.case("ada").subscription
    before = rig.case("ada").window_until
    control.set_field(rig.world, subscription, "status", "paused")
    steps.until_state(rig, CaseState.PARKED)
    rig.live(12)
    assert rig.case("ada").state is CaseState.PARKED
    assert rig.pays() == []
    control.set_field(rig.world, subscription, "status", "past_due")
    rig.live(5)
    case = rig.case("ada")
    assert case.state is CaseState.RECOVERED, steps.journal(rig)
    assert case.window_until > before
    truth.agree(rig)


def remove_integration(rig: Rig) -> None:
    """The applied configuration has no integration any more."""
    configuration = rig.loaded.configuration
    assert configuration is not None
    none = dataclasses.replace(configuration, integrations={})
    rig.parts.state.publish(none, manifest_digest="without", at=rig.now, by="test")


def test_an_integration_removed_while_a_final_action_is_due(caplog: pytest.LogCaptureFixture):
    """It is removed before the delay is over: nobody is cancelled, told at most once an hour; when it is back, once."""
    rig = steps.failing("lost_card", None, delay_days=2)
    steps.until_state(rig, CaseState.FINISHING)
    remove_integration(rig)
    sent = len(rig.requests)
    rig.live(4)
    caplog.clear()
    rig.live(1)
    assert 20 < caplog.messages.count("final action must wait") <= 25
    assert rig.case("ada").state is CaseState.FINISHING, steps.journal(rig)
    assert not [each for each in rig.requests[sent:] if each.method != "GET"]
    configuration = rig.loaded.configuration
    assert configuration is not None
    rig.parts.state.publish(configuration, manifest_digest="with", at=rig.now, by="test")
    rig.live(0.1)
    assert rig.case("ada").state is CaseState.HARD_DECLINED, steps.journal(rig)
    assert steps.cancellations(rig) == 1


@pytest.mark.parametrize("executed", [True, False])
def test_an_integration_removed_while_an_attempt_is_unresolved(executed: bool):
    """What became of the call is still read from Stripe with the key it began under, and nothing is sent any more."""
    rig = steps.failing()
    kind = "lost_answer" if executed else "timeout_before"
    rig.transport.faults.add(kind, method="POST", path=steps.PAY)
    steps.deaf(rig)
    steps.until_tried(rig)
    assert steps.states(rig) == [AttemptState.UNRESOLVED]
    remove_integration(rig)
    rig.live(5)
    case = rig.case("ada")
    assert len(rig.pays()) == 1
    if executed:
        assert case.state is CaseState.RECOVERED, steps.journal(rig)
        assert steps.states(rig) == [AttemptState.APPROVED]
    else:
        assert case.state is CaseState.PARKED, steps.journal(rig)
        assert steps.states(rig)[0] is AttemptState.NOT_SUBMITTED
    assert steps.cancellations(rig) == 0
    truth.agree(rig)


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
def test_the_sibling_of_an_invoice_we_cancelled_for_ends_with_it(heard: bool):
    """Two invoices of one subscription; the first ends in our cancellation: the second is ended too, once, by us (C8)."""
    rig = steps.failing(times=None, attempts=3, window_days=40)
    steps.until(rig, lambda: len(rig.cases()) == 2)
    if not heard:
        steps.deaf(rig)
    rig.live(45)
    first, second = rig.cases()
    assert first.subscription == second.subscription
    assert (first.state, second.state) == (CaseState.EXHAUSTED, CaseState.EXHAUSTED)
    assert second.closed_because is None
    assert steps.cancellations(rig) == 1
    assert {each["status"] for each in rig.invoices("ada")[-2:]} == {"uncollectible"}
    assert len([each for each in rig.pays() if each.object_id == first.invoice]) == 3
    truth.agree(rig)
