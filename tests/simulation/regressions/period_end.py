"""What the tests of cancellations at the period's end share: a flag that is set, and how it must look when it went."""

from __future__ import annotations

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import CANCEL_TAG, ActionKind, ActionState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Instant, Span
from tests.simulation import truth
from tests.simulation.regressions import steps
from tests.simulation.rig import Request, Rig

SKIPPED, DONE = ActionState.SKIPPED, ActionState.DONE


def scheduled(code: str = "lost_card", **manifest: object) -> Rig:
    """Ada's card is lost, and her subscription is to end with the period she paid for before."""
    rig = steps.failing(code, None, action="cancel_at_period_end", **manifest)
    steps.until(rig, lambda: flag(rig))
    rig.live(0.05)
    return rig


def flag(rig: Rig) -> bool:
    """Whether her subscription is to be cancelled at the end of the period."""
    return bool(rig.subscription("ada")["cancel_at_period_end"])


def flags(rig: Rig, wanted: str) -> list[Request]:
    """The requests that set or clear the flag and were executed."""
    return [each for each in rig.requests if ("cancel_at_period_end", wanted) in each.params and each.status == 200]


def states(rig: Rig) -> dict[ActionKind, ActionState]:
    """The final actions of Ada's case."""
    return {each.kind: each.state for each in rig.actions(rig.case("ada"))}


def ends_at(rig: Rig) -> Instant:
    """When her period ends."""
    return Instant.from_seconds(rig.subscription("ada")["items"]["data"][0]["current_period_end"])


def kept(rig: Rig, state: CaseState) -> None:
    """The flag is taken back, once, the tag is gone, and her subscription goes on beyond the period."""
    assert rig.case("ada").state is state, steps.journal(rig)
    assert not flag(rig)
    assert rig.subscription("ada")["cancel_at"] is None
    assert CANCEL_TAG not in rig.subscription("ada")["metadata"]
    assert (len(flags(rig, "true")), len(flags(rig, "false"))) == (1, 1)
    assert states(rig)[ActionKind.TAKE_BACK] is DONE
    assert rig.case("ada").due_at is None
    rig.run_until(ends_at(rig).plus(Span.of(hours=2)))
    assert rig.subscription("ada")["status"] != "canceled"
    assert len(flags(rig, "false")) == 1
    truth.agree(rig)


def theirs(rig: Rig, field: str, end: Instant) -> None:
    """Somebody else schedules a cancellation, as Stripe shows it."""
    subscription = rig.case("ada").subscription
    control.set_field(rig.world, subscription, "cancel_at", end.seconds)
    control.set_field(rig.world, subscription, "cancel_at_period_end", field == "cancel_at_period_end")
    rig.world.sim.agenda.add(end.seconds, "cancel", control.customer_of(rig.world, "ada")[0].key, subscription)
