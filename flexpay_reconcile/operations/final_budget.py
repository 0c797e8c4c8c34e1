"""Whether a final action's turn has come within its budget; what has none waits and alarms, never drops (A13).

Asked before anything is read, and again in the unit of work of the intent. Calls nothing outside.
"""

from __future__ import annotations

from flexpay_reconcile.operations import brake_check
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.brakes import Braked
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.values.instant import Instant


def braked(context: Context, unit: UnitOfWork, case: RecoveryCase, action: FinalAction) -> Braked | None:
    """The budget, for an action that is still to be called; one that was called may be settled at any time."""
    if action.state is ActionState.CALLING or action.kind is ActionKind.AWAIT_END:
        return None
    running = context.running()
    brakes = (running.configuration if running else context.pinned(case.revision)).brakes
    return brake_check.final_actions(unit, brakes, action.integration_id, context.clock.now())


def must_wait(context: Context, case: RecoveryCase, action: FinalAction) -> bool:
    """Asked before anything is read: thousands may wait for their turn, and each look would cost five reads."""
    with context.store.reading() as view:
        held = braked(context, view, case, action)
    if held is None:
        return False
    with context.store.begin() as unit:
        wait_turn(unit, case, action, held, context.clock.now())
    return True


def wait_turn(unit: UnitOfWork, seen: RecoveryCase, action: FinalAction, held: Braked, now: Instant) -> None:
    """Inside a unit of work: the case looks again when its turn may come; the alarm is told once."""
    case = unit.cases.get(seen.id)
    if case is None or case.state is not CaseState.FINISHING:
        return
    if brake_check.wait_turn(unit, case, action, held, now):
        planned = unit.actions.count([ActionState.PLANNED])
        facts = {"integration": action.integration_id, "because": held.because, "planned": str(planned)}
        LOG.error("final actions wait for their budget", extra=facts)
