"""A process that stands still between what it wrote down and its call: what it had read and held is asked again."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.fleet import Fleet
from tests.simulation.judges import Judge
from tests.simulation.recipe import draw
from tests.simulation.referee import Referee
from tests.simulation.rig import Crash, Request

STANDS = Span.of(minutes=12)


def fleet_of_two(**customer: object) -> Fleet:
    """Two daemons and the judges; `ada` is refused once."""
    fleet = Fleet({"ada": worlds.customer()}, loaded=worlds.manifest(), daemons=2)
    Judge(fleet, spacing_hours=1, visa_per_30_days=100, per_minute=100)
    Referee(fleet, draw(1))
    return fleet


def once(does: Callable[[], None]) -> Callable[[], None]:
    """The first time only."""
    left = [does]
    return lambda: left.pop()() if left else None


def stand_still_after(fleet: Fleet, condition: Callable[[], bool]) -> list[int]:
    """The acting daemon stands still after the first commit where the condition holds; when that was."""
    when: list[int] = []

    def committed() -> None:
        if not when and fleet.acting is not None and condition():
            when.append(fleet.world.now)
            fleet.pause(STANDS)

    fleet.after_commit.append(committed)
    return when


def test_a_replay_is_not_sent_by_one_who_stood_still():
    """The replay's intent is on disk, the process stands still beyond its lease: another one asks and goes on."""
    fleet = fleet_of_two()
    fleet.decline("ada", "insufficient_funds", times=1)

    def die() -> None:
        raise Crash

    first = once(die)
    fleet.before_call.append(lambda request: first() if request.is_pay else None)

    def replaying() -> bool:
        return any(each.sends == 2 for case in fleet.cases() for each in fleet.attempts(case))

    when = stand_still_after(fleet, replaying)
    fleet.live(9)
    assert when
    assert fleet.case("ada").state is CaseState.RECOVERED
    truth.agree(fleet)


@pytest.mark.parametrize(("minutes", "second"), [(0, 1), (2, 0)])
def test_the_other_key_charges_on_fresh_reads_alone(minutes: int, second: int):
    """The primary key meets the limiter and the process stands still: the fallback key charges after new reads (A7).

    Found by seed 50083: two minutes between the two calls, and nothing was read again.
    """
    fleet = fleet_of_two()
    fleet.decline("ada", "insufficient_funds", times=1)
    fleet.transport.faults.add("429", method="POST", path="/v1/invoices/*/pay", times=1)
    stood: list[int] = []

    def answered(request: Request) -> None:
        if request.is_pay and request.status == 429 and not stood:
            stood.append(len(fleet.requests))
            fleet.pause(Span.of(minutes=minutes))

    fleet.after_call.append(answered)
    fleet.live(9)
    assert stood
    at_once = fleet.requests[stood[0]]
    assert at_once.is_pay is bool(second)
    assert fleet.case("ada").state is CaseState.RECOVERED
    truth.agree(fleet)


@pytest.mark.parametrize("pays", [False, True])
def test_nobody_is_cancelled_by_one_who_stood_still(pays: bool):
    """The cancellation is written down, the process stands still, and the customer pays meanwhile: kept."""
    fleet = fleet_of_two()
    fleet.decline("ada", "lost_card")
    sent: list[Request] = []
    fleet.before_call.append(lambda request: sent.append(request) if request.method == "DELETE" else None)

    def cancelling() -> bool:
        calling = any(
            each.kind.value == "cancel_subscription" and each.state.value == "calling"
            for case in fleet.cases()
            for each in fleet.actions(case)
        )
        if calling and pays:
            fleet.world.sim.issuers.scripts.clear()
            from flexpay_reconcile.simulator.control import control

            control.pay_elsewhere(fleet.world, "ada")
        return calling

    when = stand_still_after(fleet, cancelling)
    fleet.live(9)
    assert when
    assert len(sent) == (0 if pays else 1)
    wanted = CaseState.RECOVERED_ELSEWHERE if pays else CaseState.HARD_DECLINED
    assert fleet.case("ada").state is wanted
