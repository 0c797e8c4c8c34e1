"""Inside one unit of work: begin FINISHING, plan the final actions once, take them back. Calls nothing outside."""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.operations.attribution import SURELY_OVER
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import final_plan
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.decide import Stop
from flexpay_reconcile.recovery.final_action import OPEN_STATES, ActionKind, ActionState, FinalAction
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Instant

_LAST = 99
"""The place of taking back: after every other action of the case."""


def begin(unit: UnitOfWork, case: RecoveryCase, stop: Stop, pinned: Configuration, now: Instant) -> RecoveryCase:
    """No further attempt: write the final actions down, each once per case, with their due time."""
    if case.decline_kind in (DeclineKind.OPERATOR, DeclineKind.UNKNOWN, None):
        raise BrokenInvariant(f"case {case.id}: an operator or unknown decline never leads to a final action (A21)")
    agreed = pinned.integration(case.integration_id).when_recovery_fails
    for action in final_plan.actions_of(case, stop.ended_by, agreed, now):
        if not unit.actions.add(action):
            _plan_again(unit, action)
    text = f"Recovery is over: {stop.because[0]}"
    facts = {"ended_by": stop.ended_by.value, "reasons": "; ".join(stop.because)}
    unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.FINISHING, text=text, facts=facts))
    finishing = move(
        case,
        CaseState.FINISHING,
        ended_by=stop.ended_by,
        ended_at=now,
        due_at=now,
        next_attempt_at=None,
        next_attempt_number=None,
    )
    return unit.cases.save(finishing)


def _plan_again(unit: UnitOfWork, action: FinalAction) -> None:
    """An action that was taken back (a new card came) is due again; one that was called stays as it is (C2)."""
    for stored in unit.actions.of_case(action.case_id):
        if stored.kind is action.kind and stored.state is ActionState.SKIPPED and stored.called_at is None:
            unit.actions.save(action)


def plan_anew(unit: UnitOfWork, case: RecoveryCase, pinned: Configuration, now: Instant) -> None:
    """The final actions of a case that was moved to another revision, none of them called yet: from the same anchor."""
    if case.ended_by is None or case.ended_at is None:
        raise BrokenInvariant(f"case {case.id} is {case.state.value}; its recovery has not ended")
    agreed = pinned.integration(case.integration_id).when_recovery_fails
    again = final_plan.actions_of(case, case.ended_by, agreed, case.ended_at)
    wanted = {each.kind: replace(each, decided_at=now) for each in again}
    for stored in unit.actions.of_case(case.id):
        fresh = wanted.pop(stored.kind, None)
        if fresh is not None:
            unit.actions.save(fresh)
        elif stored.state is ActionState.PLANNED and stored.kind is not ActionKind.TAKE_BACK:
            note = "the changed policy has no such action"
            unit.actions.save(replace(stored, state=ActionState.SKIPPED, finished_at=now, note=note))
    for fresh in wanted.values():
        unit.actions.add(fresh)


def take_back(unit: UnitOfWork, case: RecoveryCase, because: str, now: Instant, *, called_too: bool = False) -> None:
    """Skip every final action that has not been called; with `called_too`, also one that a read shows was not done."""
    for action in unit.actions.of_case(case.id):
        if action.kind is ActionKind.TAKE_BACK:
            continue
        if action.state is ActionState.PLANNED or (called_too and action.state is ActionState.CALLING):
            unit.actions.save(replace(action, state=ActionState.SKIPPED, called_at=None, finished_at=now, note=because))


def owe_take_back(unit: UnitOfWork, case: RecoveryCase, now: Instant) -> Instant | None:
    """When the cancellation this case has scheduled must be taken back, because it ends otherwise; None for never.

    Plans the action, in the unit of work of the ending: a crash after it cannot lose what is owed. A call whose
    answer is not known may still arrive, so nothing is asked before it surely has.
    """
    actions = {each.kind: each for each in unit.actions.of_case(case.id)}
    owed = actions.get(ActionKind.TAKE_BACK)
    if owed is not None:
        return owed.due_at if owed.state in OPEN_STATES else None
    scheduled, awaited = actions.get(ActionKind.SCHEDULE_CANCEL), actions.get(ActionKind.AWAIT_END)
    if case.is_final() or scheduled is None or scheduled.state not in (ActionState.CALLING, ActionState.DONE):
        return None
    if awaited is not None and awaited.state is ActionState.DONE:  # it reads over: there is nothing to take back
        return None
    due_at = now if scheduled.state is ActionState.DONE else now.plus(SURELY_OVER)
    unit.actions.add(
        replace(
            scheduled,
            kind=ActionKind.TAKE_BACK,
            order=_LAST,
            state=ActionState.PLANNED,
            due_at=due_at,
            decided_at=now,
            called_at=None,
            finished_at=None,
            note="",
        )
    )
    return due_at
