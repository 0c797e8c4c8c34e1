"""The one table of legal moves of a case. An illegal move is a bug and stops the charging loop."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.recovery.case import FINAL_STATES, CaseState, RecoveryCase

_S = CaseState
_LEAVE = frozenset({_S.RECOVERED_ELSEWHERE, _S.CLOSED, _S.RELEASED})
_PAUSE = frozenset({_S.WAITING_FOR_CUSTOMER, _S.NEEDS_REVIEW, _S.PARKED})

MOVES: dict[CaseState, frozenset[CaseState]] = {
    _S.OPENED: _LEAVE | _PAUSE | {_S.SCHEDULED, _S.FINISHING},
    _S.SCHEDULED: _LEAVE | _PAUSE | {_S.ATTEMPTING, _S.OPENED, _S.FINISHING},
    _S.ATTEMPTING: _LEAVE | _PAUSE | {_S.RECOVERED, _S.OPENED, _S.SCHEDULED, _S.FINISHING},
    _S.WAITING_FOR_CUSTOMER: _LEAVE | {_S.OPENED, _S.NEEDS_REVIEW, _S.PARKED, _S.FINISHING},
    _S.NEEDS_REVIEW: _LEAVE | {_S.OPENED, _S.PARKED},
    _S.PARKED: _LEAVE | {_S.OPENED, _S.NEEDS_REVIEW},
    _S.FINISHING: _LEAVE | {_S.OPENED, _S.SCHEDULED, _S.EXHAUSTED, _S.HARD_DECLINED},
    _S.RECOVERED: frozenset(),
    _S.RECOVERED_ELSEWHERE: frozenset(),
    _S.EXHAUSTED: frozenset({_S.RECOVERED_ELSEWHERE}),
    _S.HARD_DECLINED: frozenset({_S.RECOVERED_ELSEWHERE}),
    _S.CLOSED: frozenset({_S.RECOVERED_ELSEWHERE}),
    _S.RELEASED: frozenset({_S.RECOVERED_ELSEWHERE}),
}


def move(case: RecoveryCase, to: CaseState, **changes: Any) -> RecoveryCase:
    """The case in its new state with other fields changed; BrokenInvariant where the table has no such move."""
    if to not in MOVES[case.state]:
        raise BrokenInvariant(f"case {case.id} may not go from {case.state.value} to {to.value}")
    if to in FINAL_STATES:
        changes = {"due_at": None, "next_attempt_at": None, "next_attempt_number": None, **changes}
    return replace(case, state=to, **changes)
