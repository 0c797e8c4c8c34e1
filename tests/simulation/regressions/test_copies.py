"""Copies of a state: a cloned or restored database charges nobody before it is re-armed (A18)."""

from __future__ import annotations

from flexpay_reconcile import bootstrap
from flexpay_reconcile.operations.check_armed import LOOK_EVERY, why_not
from flexpay_reconcile.operations.rearm_state import rearm_state
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig


def guard(rig: Rig) -> None:
    """The rig's process becomes a daemon that asks whether its copy may charge."""
    rig.engine = bootstrap.open_engine(rig.parts, guarded=True)


def why(rig: Rig) -> str | None:
    """Why this copy may not charge."""
    return why_not(rig.parts.state, rig.parts.armed, rig.parts.reader_for)


def rearm(rig: Rig) -> int:
    """`flexpay state rearm`."""
    return rearm_state(
        state=rig.parts.state,
        note=rig.parts.armed,
        writers=rig.parts.writer_for,
        identifiers=rig.parts.identifiers,
        progress=lambda _: None,
    )


def three_days_later(rig: Rig) -> None:
    """An attempt has come due, and the loops turn."""
    rig.rest(Span.of(days=3))
    rig.engine.loops.turn()


def test_the_state_that_was_applied_is_armed_and_recovers():
    """After the first apply database, note and endpoint agree, and a guarded daemon does its work."""
    rig = steps.failing()
    assert why(rig) is None
    guard(rig)
    rig.live(5)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    truth.agree(rig)


def test_a_restored_database_without_its_note_charges_nobody_until_it_is_armed():
    """The note is of another copy: cases are opened and read, nothing is charged or changed; re-armed, work goes on."""
    rig = steps.failing()
    rig.parts.armed.write("another-copy")
    guard(rig)
    sent = len([each for each in rig.requests if each.method != "GET"])
    three_days_later(rig)
    assert rig.pays() == []
    assert len([each for each in rig.requests if each.method != "GET"]) == sent
    assert "copied or restored" in str(rig.engine.health()["charging_stopped"])
    assert rig.engine.health()["ready"] is False
    assert rearm(rig) == 1
    guard(rig)
    rig.live(6)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    truth.agree(rig)


def test_a_copy_with_its_note_stops_when_the_other_one_is_armed():
    """Folder and note were copied together: as soon as one copy is re-armed, the other reads it off the endpoint."""
    rig = steps.failing()
    instance = rig.parts.state.instance_id()
    guard(rig)
    rig.engine.loops.turn()
    assert rig.engine.loops.held() is None
    rearm(rig)
    rig.parts.state.rearm(instance)  # this process is the copy that knows nothing of it
    rig.parts.armed.write(instance)
    assert "armed for another copy" in str(why(rig))
    rig.rest(LOOK_EVERY)
    rig.engine.loops.turn()
    assert "armed for another copy" in str(rig.engine.loops.held())
    three_days_later(rig)
    assert rig.pays() == []


def test_nothing_is_charged_while_it_is_not_known():
    """Stripe does not say which copy is armed: nothing is charged until it does."""
    rig = steps.failing()
    rig.transport.faults.add("refused", method="GET", path="/v1/webhook_endpoints", times=1_000_000)
    guard(rig)
    three_days_later(rig)
    assert rig.pays() == []
    rig.transport.faults.clear()
    rig.live(1)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)


def test_an_endpoint_that_is_gone_does_not_disarm():
    """Somebody deleted the endpoint in the Dashboard: that is drift and no other copy."""
    rig = steps.failing()
    account = next(iter(rig.world.sim.accounts.values()))
    for id_ in list(account.table("webhook_endpoint").rows):
        account.table("webhook_endpoint").remove(id_)
    assert why(rig) is None


def test_rearming_killed_halfway_leaves_a_copy_that_does_not_charge():
    """Database written, note not: the copy is disarmed, and re-arming again arms it."""
    rig = steps.failing()
    rig.parts.state.rearm("half")
    assert why(rig) is not None
    rig.parts.armed.write("half")
    assert "armed for another copy" in str(why(rig))
    rearm(rig)
    assert why(rig) is None
