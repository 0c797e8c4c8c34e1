"""Inside one unit of work: bring a case to an end other than by final actions, and write why. Calls nothing outside."""

from __future__ import annotations

from flexpay_reconcile.operations import finishing, plan_next
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Instant


def recovered(unit: UnitOfWork, case: RecoveryCase, how: str, now: Instant) -> RecoveryCase:
    """Paid by our attempt."""
    return _end(unit, case, CaseState.RECOVERED, f"Recovered: {how}", now, how)


def recovered_elsewhere(unit: UnitOfWork, case: RecoveryCase, how: str, now: Instant) -> RecoveryCase:
    """Paid, but not by us: planned attempts and final actions are taken back."""
    if case.state in (CaseState.RECOVERED, CaseState.RECOVERED_ELSEWHERE):
        return case
    return _end(unit, case, CaseState.RECOVERED_ELSEWHERE, f"Paid, but not by a retry of ours: {how}", now, how)


def closed(unit: UnitOfWork, case: RecoveryCase, word: str, because: str, now: Instant) -> RecoveryCase:
    """Nothing left to recover; invoice and subscription are left as they are, but for a cancellation of ours."""
    return _end(unit, case, CaseState.CLOSED, f"Closed ({word}): {because}", now, word)


def parked(unit: UnitOfWork, case: RecoveryCase, word: str, because: str, now: Instant) -> RecoveryCase:
    """Stopped until the cause is gone; planned attempts are taken back and decided anew later."""
    plan_next.supersede_planned(unit, case, because, now)
    plan_next.alarm("a case is parked", case, (because,))
    due_at = now.plus(plan_next.PARKED_LOOK_AGAIN)
    saved = move(
        case,
        CaseState.PARKED,
        due_at=due_at,
        closed_because=word,
        parked_at=now,
        next_attempt_at=None,
        next_attempt_number=None,
    )
    unit.journal.append(
        Entry(case_id=case.id, at=now, kind=EntryKind.NOTE, text=f"Parked: {because}", facts={"cause": word})
    )
    return unit.cases.save(saved)


_SUBSCRIPTION_OVER = frozenset({"subscription_cancelled", "subscription_cancelled_by_other"})
"""Closed because the subscription reads over: a cancellation that was scheduled needs no taking back."""


def _end(unit: UnitOfWork, case: RecoveryCase, state: CaseState, text: str, now: Instant, word: str) -> RecoveryCase:
    """The end, and with it what is still owed: `due_at` of a final case is when its scheduled cancel is taken back."""
    plan_next.supersede_planned(unit, case, text, now)
    finishing.take_back(unit, case, text, now)
    owed = None if word in _SUBSCRIPTION_OVER else finishing.owe_take_back(unit, case, now)
    saved = unit.cases.save(move(case, state, closed_because=word, ended_at=now, due_at=owed))
    unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.ENDED, text=text, facts={"state": state.value}))
    return saved
