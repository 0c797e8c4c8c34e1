"""A book of open cases moves to a changed policy (`migrate: true`): killed at each boundary, and a case at a time."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.operations import move_cases
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from tests.simulation import crashes, truth, worlds
from tests.simulation.records import Records
from tests.simulation.regressions import steps
from tests.simulation.regressions.test_migration import FIRST, change, moves
from tests.simulation.rig import Rig

CODES = {"ada": "insufficient_funds", "bob": "lost_card", "cleo": "expired_card", "dan": "insufficient_funds"}


def book() -> Rig:
    """Four customers in four states, as revision 2 is applied; Dan's answer is lost."""
    rig = Rig({name: worlds.customer() for name in CODES}, loaded=worlds.manifest(**FIRST))
    for number, (name, code) in enumerate(CODES.items()):
        account, row = control.customer_of(rig.world, name)
        for id_ in account.table("payment_method").by("customer", row["id"]):
            card = account.table("payment_method").rows[id_]["card"]
            account.table("payment_method").rows[id_]["card"] = {**card, "fingerprint": f"of-{number}"}
        rig.decline(name, code, None)
    rig.live(2)
    return rig


def ends(rig: Rig) -> dict[str, Any]:
    """How each case ended: state, attempts, revision, how often moved, and how often cancelled."""
    found = {}
    for name in CODES:
        case = rig.case(name)
        invoice = str(rig.subscription(name)["id"])
        cancels = sum(
            each.method == "DELETE" and each.object_id == invoice for each in rig.requests if each.status == 200
        )
        found[name] = (case.state, case.attempts_used, case.revision, moves(rig, name), cancels)
    return found


WANTED = {
    "ada": (CaseState.EXHAUSTED, 2, 2, [("1", "2")], 1),
    "bob": (CaseState.HARD_DECLINED, 0, 2, [("1", "2")], 1),
    "cleo": (CaseState.EXHAUSTED, 0, 2, [("1", "2")], 1),
    "dan": (CaseState.EXHAUSTED, 2, 2, [("1", "2")], 1),
}


def lived(die_at: int | None, *, moving: bool) -> tuple[Rig, crashes.Boundaries]:
    """The book through revision 2 with one death; `moving` counts only until every case has moved."""
    rig = book()
    records = Records(rig)
    change(rig, attempts=2, window_days=6, delay_days=5)
    boundaries = crashes.Boundaries(rig, die_at=die_at)
    if moving:
        rig.live(0.001)
        return rig, boundaries
    rig.live(20, on_step=records.step)
    return rig, boundaries


def test_killed_between_any_two_moves_every_case_moves_once():
    """The process dies at each boundary from the apply until all have moved: each is moved once and ends the same way."""
    _, counted = lived(None, moving=True)
    assert len(counted.names) >= 2 * len(CODES)
    undisturbed, _ = lived(None, moving=False)
    assert ends(undisturbed) == WANTED, steps.journal(undisturbed)
    for die_at in range(1, len(counted.names) + 1):
        rig, _ = lived(die_at, moving=False)
        assert rig.crashes == 1, die_at
        assert ends(rig) == WANTED, (die_at, counted.names[die_at - 1])
        truth.agree(rig)


def test_a_page_of_one_case_still_moves_all(monkeypatch: pytest.MonkeyPatch):
    """Bounded turns: nothing is charged or cancelled for a case before its own move, however small the page."""
    real = move_cases.move_due
    monkeypatch.setattr(move_cases, "move_due", lambda context: real(context, limit=1))
    rig, _ = lived(None, moving=False)
    assert ends(rig) == WANTED


def test_a_case_that_the_pass_has_missed_moves_before_anything_is_sent(monkeypatch: pytest.MonkeyPatch):
    """The loop never comes by: each case still moves once, before its next attempt or action, and none is held up."""
    monkeypatch.setattr(move_cases, "move_due", lambda context: 0)
    monkeypatch.setattr(move_cases, "next_move", lambda context: None)
    rig, _ = lived(None, moving=False)
    assert ends(rig) == WANTED, steps.journal(rig)
    truth.agree(rig)
