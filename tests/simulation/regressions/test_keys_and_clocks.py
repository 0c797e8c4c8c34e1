"""Keys that are refused, that open another account or whose account nobody proved; and clocks that are wrong."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from flexpay_reconcile.ports.control_state import Step, StepState
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.journal import EntryKind
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig

ENVS = ("SIM_PRIMARY", "SIM_FALLBACK")


def swap_keys(rig: Rig, own: dict[str, str]) -> None:
    """A new process finds these keys behind the same references."""
    rig.environ.update(own)
    rig.restart()


@pytest.mark.usefixtures("two_accounts")
@pytest.mark.parametrize("state", [CaseState.SCHEDULED, CaseState.WAITING_FOR_CUSTOMER])
def test_a_key_of_another_account_closes_nothing_and_heals(state: CaseState):
    """Every read answers 404 because the key opens another account: parked, nothing closed; the right key goes on."""
    rig = steps.failing("insufficient_funds" if state is CaseState.SCHEDULED else "expired_card", None)
    steps.until_state(rig, state)
    own = {env: rig.environ[env] for env in ENVS}
    swap_keys(rig, {env: rig.environ[f"OTHER_{env}"] for env in ENVS})
    steps.deaf(rig)
    rig.live(5)
    case = rig.case("ada")
    assert case.state is CaseState.PARKED, steps.journal(rig)
    assert rig.pays() == []
    assert steps.cancellations(rig) == 0
    rig.post = None
    swap_keys(rig, own)
    rig.decline("ada", "insufficient_funds", times=1)
    rig.live(0.5)
    healed = rig.case("ada")
    assert healed.state is state, steps.journal(rig)
    assert healed.window_until > case.window_until


@pytest.mark.usefixtures("two_accounts")
def test_a_key_of_another_account_at_the_moment_of_the_attempt():
    """The wrong key comes just before the attempt, whose reads all answer 404: parked by the gate, nothing closed."""
    rig = steps.failing()
    due = rig.case("ada").next_attempt_at
    assert due is not None
    rig.run_until(due.minus(Span.of(seconds=2)))
    steps.deaf(rig)
    own = {env: rig.environ[env] for env in ENVS}
    swap_keys(rig, {env: rig.environ[f"OTHER_{env}"] for env in ENVS})
    rig.run_until(due.plus(Span.of(seconds=2)))
    assert rig.case("ada").state is CaseState.PARKED, steps.journal(rig)
    assert rig.pays() == []
    swap_keys(rig, own)
    rig.live(3)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    truth.agree(rig)


@pytest.mark.usefixtures("two_accounts")
def test_a_key_of_another_account_cancels_nobody_and_writes_nothing_off():
    """Recovery is over when the wrong key comes: the final actions wait until the right key reads the case again."""
    rig = steps.failing(times=None, attempts=1)
    rig.transport.faults.add("refused", method="DELETE", path=steps.CANCEL, times=1_000_000)
    steps.until_state(rig, CaseState.FINISHING)
    rig.transport.faults.clear()
    own = {env: rig.environ[env] for env in ENVS}
    swap_keys(rig, {env: rig.environ[f"OTHER_{env}"] for env in ENVS})
    sent = steps.cancellations(rig)
    rig.live(5)
    assert rig.case("ada").state is CaseState.FINISHING
    assert steps.cancellations(rig) == sent
    swap_keys(rig, own)
    rig.live(1)
    assert rig.case("ada").state is CaseState.EXHAUSTED, steps.journal(rig)
    truth.agree(rig)


def book(size: int) -> Rig:
    """So many customers, each with a card of their own, whose renewals are declined once."""
    names = [f"c{number:02}" for number in range(size)]
    rig = Rig({name: worlds.customer() for name in names})
    for name in names:
        account, row = control.customer_of(rig.world, name)
        for id_ in account.table("payment_method").by("customer", row["id"]):
            card = account.table("payment_method").rows[id_]["card"]
            account.table("payment_method").rows[id_]["card"] = {**card, "fingerprint": f"of-{name}"}
        rig.decline(name, "insufficient_funds", 1)
    return rig


def test_of_twenty_due_attempts_only_one_meets_a_refused_key():
    """The key was revoked before twenty attempts came due together: one call is refused, and the breaker is open (E8)."""
    rig = book(20)
    rig.live(1.2)
    assert {each.state for each in rig.cases()} == {CaseState.SCHEDULED}
    rig.rest(Span.of(days=4))
    assert all(each.next_attempt_at is not None and each.next_attempt_at < rig.now for each in rig.cases())
    for env in ENVS:
        rig.set_key(env, revoked=True)
    rig.restart()
    rig.requests.clear()
    rig.live(0.005)
    tried = [case for case in rig.cases() if any(e.entry.kind is EntryKind.SUBMITTING for e in rig.story(case))]
    parked = [case for case in rig.cases() if case.state is CaseState.PARKED]
    assert len(tried) == len(parked) == 1
    assert len([each for each in rig.requests if "/subscriptions/" in each.path]) == 1
    assert len(rig.requests) <= 2, "the attempt, and the sweep's one look"
    for env in ENVS:
        rig.set_key(env, revoked=False)
    rig.live(2)
    assert {each.state for each in rig.cases()} == {CaseState.RECOVERED}
    truth.agree(rig)


def test_a_breaker_opened_by_a_refused_key_survives_a_restart():
    """A daemon that is started again and again tries a refused key no more often than one that runs on (A13)."""
    rig = book(6)
    rig.live(1.2)
    rig.rest(Span.of(days=4))
    for env in ENVS:
        rig.set_key(env, revoked=True)
    for _ in range(5):
        rig.restart()
        rig.live(0.0005)
    assert sum(case.state is CaseState.PARKED for case in rig.cases()) == 1


def forget_proof(rig: Rig) -> None:
    """The state knows no longer that anybody proved whose account the keys open."""
    address = f"key_pair.{worlds.INTEGRATION}"
    known = rig.parts.state.applied()[address]
    attributes = {name: value for name, value in known.attributes.items() if name != "identity"}
    step = Step(
        run_id="test",
        number=1,
        address=address,
        action="update",
        state=StepState.INTENDED,
        idempotency_key="test",
        detail={},
        at=rig.now,
    )
    rig.parts.state.intend(step)
    done = dataclasses.replace(step, state=StepState.DONE)
    rig.parts.state.receipt(done, resource=dataclasses.replace(known, attributes=attributes))


@pytest.mark.parametrize("code", ["insufficient_funds", "lost_card"])
def test_an_account_neither_proven_nor_accepted_is_neither_charged_nor_cancelled(code: str):
    """Whose account the keys open was never shown: no attempt and no cancellation, whatever is due (G11)."""
    rig = Rig({"ada": worlds.customer()})
    forget_proof(rig)
    rig.decline("ada", code)
    rig.live(5 if code == "insufficient_funds" else 1.3)
    case = rig.case("ada")
    assert not case.is_final(), steps.journal(rig)
    assert rig.pays() == []
    assert steps.cancellations(rig) == 0
    assert rig.subscription("ada")["status"] != "canceled"


def shift(rig: Rig, span: Span) -> None:
    """This machine's clock is wrong by so much, and Stripe says only by its `Date` what time it is."""
    clock = rig.parts.clock
    real = type(clock).now

    def wrong() -> Instant:
        return real(clock).plus(span)

    clock.now = wrong  # type: ignore[method-assign]
    rig.engine.loops.now = wrong


def only_dates(rig: Rig) -> None:
    """Answers no longer say that they come from a simulator."""

    def wrap(send: steps.Send, _method: str, _url: str) -> Any:
        def dated() -> steps.Answer:
            body, status, headers = send()
            return body, status, {name: value for name, value in headers.items() if name.lower() != "simulator-clock"}

        return dated

    steps.between(rig, wrap)


def turn(rig: Rig, minutes: int) -> None:
    """The loops turn every minute, by whatever clock they have."""
    for _ in range(minutes):
        rig.world.advance_to(rig.world.now + 60)
        rig.engine.loops.turn()


@pytest.mark.parametrize("ahead", [Span.of(minutes=6), Span.of(minutes=-6), Span.of(days=40)])
def test_with_a_wrong_clock_nothing_is_charged(ahead: Span):
    """More than five minutes between our clock and Stripe's: due attempts wait, and are made when it is right again."""
    rig = steps.failing()
    only_dates(rig)
    due = rig.case("ada").next_attempt_at
    assert due is not None
    rig.live(due.since(rig.now).ms / 86_400_000 - 0.02)
    shift(rig, ahead)
    turn(rig, 90)
    assert rig.pays() == []
    assert not rig.case("ada").is_final()
    shift(rig, Span(0))
    rig.live(45)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    truth.agree(rig)


@pytest.mark.parametrize("ahead", [Span.of(minutes=4), Span.of(minutes=-4)])
def test_a_clock_that_is_nearly_right_holds_nothing_up(ahead: Span):
    """Less than five minutes are nobody's business."""
    rig = steps.failing()
    only_dates(rig)
    due = rig.case("ada").next_attempt_at
    assert due is not None
    rig.live(due.since(rig.now).ms / 86_400_000 - 0.02)
    shift(rig, ahead)
    turn(rig, 60)
    assert rig.case("ada").state is CaseState.RECOVERED


@pytest.mark.parametrize("fresh", [True, False], ids=["a new process", "a running one"])
def test_with_a_wrong_clock_nobody_is_cancelled(fresh: bool):
    """A cancellation that is due, or only seems so, waits until the clock is right: also the first call of a process."""
    rig = steps.failing(times=None, attempts=1)
    rig.transport.faults.add("refused", method="DELETE", path=steps.CANCEL, times=1_000_000)
    steps.until_state(rig, CaseState.FINISHING)
    rig.transport.faults.clear()
    only_dates(rig)
    if fresh:
        rig.restart()
    else:
        turn(rig, 1)
    sent = steps.cancellations(rig)
    shift(rig, Span.of(minutes=30))
    turn(rig, 60)
    assert steps.cancellations(rig) == sent
    assert rig.case("ada").state is CaseState.FINISHING
    shift(rig, Span(0))
    rig.live(0.1)
    assert rig.case("ada").state is CaseState.EXHAUSTED
    truth.agree(rig)


def test_an_attempt_of_a_wrong_clock_uses_nothing_up():
    """What a wrong clock held back is the same attempt later: not a new one, and not counted."""
    rig = steps.failing()
    only_dates(rig)
    due = rig.case("ada").next_attempt_at
    assert due is not None
    rig.live(due.since(rig.now).ms / 86_400_000 - 0.02)
    shift(rig, Span.of(minutes=10))
    turn(rig, 60)
    assert steps.states(rig) == [AttemptState.PLANNED]
    assert rig.case("ada").attempts_used == 0
