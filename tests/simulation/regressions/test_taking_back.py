"""The taking back of a scheduled cancellation, when Stripe, the keys or the process get in its way: late, never lost."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from typing import Any

import pytest

from flexpay_reconcile.operations import take_back_cancel
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import CANCEL_TAG, ActionKind, ActionState
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import worlds
from tests.simulation.fleet import Fleet
from tests.simulation.regressions import steps
from tests.simulation.regressions.period_end import DONE, ends_at, flag, flags, kept, scheduled, states
from tests.simulation.rig import Crash, Request, Rig

STANDS = Span.of(minutes=12)
"""Longer than a lease."""


def owing(rig: Rig) -> None:
    """The money is here, and the flag is still to be taken back."""
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
    assert flag(rig)
    assert states(rig)[ActionKind.TAKE_BACK] is not DONE
    assert rig.case("ada").due_at is not None


def valid(rig: Rig, valid: bool) -> None:
    """Both keys are valid, or revoked."""
    for env in ("SIM_PRIMARY", "SIM_FALLBACK"):
        rig.set_key(env, revoked=not valid)


def without() -> Any:
    """The manifest with another integration in the place of the one that has the case."""
    return worlds.load_text(
        worlds.text(action="cancel_at_period_end").replace("integrations:\n  sim-co:", "integrations:\n  other:")
    )


def test_a_read_that_fails_puts_it_off():
    """The subscription cannot be read for an hour: asked again every few minutes, and taken back once."""
    rig = scheduled()
    rig.transport.faults.add("timeout_before", method="GET", path=steps.CANCEL, times=1_000_000)
    control.pay_elsewhere(rig.world, "ada")
    before = len(rig.requests)
    rig.live(1 / 24)
    owing(rig)
    assert 6 < sum("/subscriptions/" in each.path for each in rig.requests[before:]) < 24
    rig.transport.faults.clear()
    rig.live(0.1)
    kept(rig, CaseState.RECOVERED_ELSEWHERE)


def test_a_revoked_key_puts_it_off(caplog: pytest.LogCaptureFixture):
    """No key is valid when it is due: nothing is called done, a warning is told, and it is taken back with the next key."""
    rig = scheduled()

    def revoke() -> None:
        if rig.case("ada").is_final():
            valid(rig, False)

    rig.after_commit.append(revoke)
    control.pay_elsewhere(rig.world, "ada")
    with caplog.at_level(logging.WARNING, logger="flexpay"):
        rig.live(1 / 24)
    rig.after_commit.clear()
    owing(rig)
    assert "a scheduled cancellation cannot be taken back yet" in caplog.messages
    valid(rig, True)
    rig.live(0.1)
    kept(rig, CaseState.RECOVERED_ELSEWHERE)


def test_an_integration_that_was_removed_still_owes_it():
    """Its integration leaves the manifest before it is taken back: nothing is sent; when it returns, it is."""
    rig = scheduled()
    rig.transport.faults.add("timeout_before", method="GET", path=steps.CANCEL, times=1_000_000)
    control.pay_elsewhere(rig.world, "ada")
    rig.live(0.01)
    rig.transport.faults.clear()
    arm.apply(rig, without())
    before = len(rig.requests)
    rig.live(0.1)
    owing(rig)
    assert not [each for each in rig.requests[before:] if "/subscriptions/" in each.path]
    arm.apply(rig, rig.loaded)
    rig.live(0.1)
    kept(rig, CaseState.RECOVERED_ELSEWHERE)


@pytest.mark.parametrize("kind", ["500", "500_executed"])
def test_an_answer_saved_under_its_key_does_not_hold_it_up(kind: str):
    """Stripe answers 500 and would answer so for a day: taken back within the hour, not after the period's end (B5)."""
    rig = scheduled()
    end = ends_at(rig)
    rig.run_until(end.minus(Span.of(hours=12)))
    rig.transport.faults.add(kind, method="POST", path=steps.CANCEL, times=1)
    control.pay_elsewhere(rig.world, "ada")
    rig.live(1 / 24)
    assert not flag(rig)
    assert CANCEL_TAG not in rig.subscription("ada")["metadata"]
    assert states(rig)[ActionKind.TAKE_BACK] is DONE
    rig.run_until(end.plus(Span.of(hours=2)))
    assert rig.subscription("ada")["status"] != "canceled"


def test_what_no_key_can_see_is_not_called_taken_back(caplog: pytest.LogCaptureFixture):
    """Subscription and customer read as missing: a key of another account sees so; nothing is settled by it."""
    rig = scheduled()
    blind: list[bool] = [True]

    def elsewhere(send: steps.Send, method: str, url: str):
        hidden = blind and method == "GET" and ("/v1/subscriptions/" in url or "/v1/customers/" in url)
        return (lambda: send("https://api.stripe.com/v1/customers/cus_NotHere")) if hidden else send

    control.pay_elsewhere(rig.world, "ada")
    steps.between(rig, elsewhere)
    with caplog.at_level(logging.WARNING, logger="flexpay"):
        rig.live(0.2)
    owing(rig)
    assert [each for each in caplog.messages if "can see nothing of a subscription" in each]
    assert (rig.case("ada").due_at or rig.now).since(rig.now) <= Span.of(hours=6)
    blind.clear()
    rig.live(0.5)
    kept(rig, CaseState.RECOVERED_ELSEWHERE)


def test_only_what_reads_as_taken_back_is_settled():
    """The read after the call still shows flag and tag: it is not believed to be done; it is read again, and settled."""
    rig = scheduled()
    control.pay_elsewhere(rig.world, "ada")
    tagged = dict(rig.subscription("ada")["metadata"])
    stale: list[int] = []

    def old(request: Request, status: int, body: str) -> str:
        cleared = any(("cancel_at_period_end", "false") in each.params and each.status == 200 for each in rig.requests)
        if stale or not cleared or request.method != "GET" or "/v1/subscriptions/" not in request.path:
            return body
        stale.append(request.at)
        return json.dumps(json.loads(body) | {"metadata": tagged, "cancel_at_period_end": True})

    rig.change_answer.append(old)
    rig.live(1 / 1440)
    assert stale
    assert states(rig)[ActionKind.TAKE_BACK] is ActionState.CALLING
    rig.live(0.1)
    kept(rig, CaseState.RECOVERED_ELSEWHERE)


def two_owed() -> Fleet:
    """Two daemons; the flags of two subscriptions are to be taken back, and nobody has begun."""
    people = {"ada": worlds.customer(), "ben": worlds.customer("pm_card_mastercard")}
    fleet = Fleet(people, loaded=worlds.manifest(action="cancel_at_period_end"), daemons=2)
    fleet.down = lambda: 3_600
    for name in people:
        fleet.decline(name, "lost_card")
    fleet.live(2)
    for name in people:
        control.pay_elsewhere(fleet.world, name)
    return fleet


def owed(fleet: Fleet) -> int:
    """How many cases still owe it."""
    return sum(each.is_final() and each.due_at is not None for each in fleet.cases())


def before_intent(monkeypatch: pytest.MonkeyPatch, does: Callable[[], None]) -> None:
    """Something happens after the read and before the intent is written down."""
    inner = take_back_cancel._commit_intent

    def commit_intent(*given: Any) -> bool:
        does()
        return inner(*given)

    monkeypatch.setattr(take_back_cancel, "_commit_intent", commit_intent)


def settled_once(fleet: Fleet) -> None:
    """Both are taken back, with one call each, and told once."""
    assert {(each.state, each.due_at) for each in fleet.cases()} == {(CaseState.RECOVERED_ELSEWHERE, None)}
    assert len(flags(fleet, "false")) == 2
    for case in fleet.cases():
        assert sum("is taken back" in each.entry.text for each in fleet.story(case)) == 1


@pytest.mark.parametrize(
    ("where", "other_dies"), [("before", False), ("after", False), ("after", True), ("failing", False)]
)
def test_one_who_stood_still_settles_nothing_twice(where: str, other_dies: bool, monkeypatch: pytest.MonkeyPatch):
    """Two are owed, and the process stands still at the first one's read while another settles both: once each.

    It wakes before a read that shows so, after one that showed the flag still, or to a read that gets no answer;
    the lease is the other one's or, where that one died, free.
    """
    fleet = two_owed()
    stood: list[Any] = []
    woke: list[int] = []

    def stand() -> None:
        if stood or fleet.acting is None or owed(fleet) < 2:
            return
        stood.append(fleet.acting)
        fleet.pause(STANDS)
        woke.append(len(fleet.requests))
        if where == "failing":
            fleet.transport.faults.add("timeout_before", method="GET", path=steps.CANCEL, times=1)

    def die() -> None:
        if other_dies and stood and fleet.acting not in (None, *stood) and not owed(fleet) and not fleet.crashes:
            raise Crash

    if where == "after":
        before_intent(monkeypatch, stand)
    else:
        fleet.before_call.append(lambda request: stand() if "/v1/subscriptions/" in request.path else None)
    fleet.after_commit.append(die)
    fleet.live(0.5)
    assert stood
    assert fleet.crashes == other_dies
    if where == "after":
        assert not [each for each in fleet.requests[woke[0] :][:3] if "/subscriptions/" in each.path]
    settled_once(fleet)


def test_one_who_lost_its_lease_sends_nothing(monkeypatch: pytest.MonkeyPatch):
    """It stands still before the intent while another, who cannot read just then, holds the lease: it does not call."""
    fleet = two_owed()
    stood: list[Any] = []
    allowed: list[bool] = []

    def stand() -> None:
        if not stood and fleet.acting is not None:
            stood.append(fleet.acting)
            fleet.transport.faults.add("timeout_before", method="GET", path=steps.CANCEL, times=1_000)
            fleet.pause(STANDS)
            fleet.transport.faults.clear()

    def call(request: Request) -> None:
        if request.method == "POST" and "/v1/subscriptions/" in request.path and fleet.acting is not None:
            with fleet.parts.store.reading() as view:
                lease = view.leases.current()
            allowed.append(lease is not None and lease.holder == fleet.acting.holder)

    before_intent(monkeypatch, stand)
    fleet.before_call.append(call)
    fleet.live(0.5)
    assert stood
    assert allowed == [True, True]
    settled_once(fleet)
