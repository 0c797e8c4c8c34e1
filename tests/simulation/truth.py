"""What must be true when a run is over: attempts, cases and the simulator's ledger tell one story."""

from __future__ import annotations

from flexpay_reconcile.recovery.attempt import BLOCKING_STATES, AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import OPEN_STATES, ActionKind
from tests.simulation.rig import Rig


def agree(rig: Rig) -> None:
    """AssertionError where the state says something else than Stripe's ledger."""
    assert rig.engine.loops.charging_stopped is None
    charges = {row["id"]: row for row in rig.charges()}  # a debit has a second row, when its bank has answered
    by_key = {row["idempotency_key"]: charges[row["id"]] for row in rig.charges() if row["idempotency_key"]}
    for case in rig.cases():
        attempts = rig.attempts(case)
        paid = rig.successes(case.invoice)
        assert len(paid) <= 1, f"{case.invoice} was charged {len(paid)} times (A1)"
        for attempt in attempts:
            made = by_key.get(attempt.idempotency_key)
            assert attempt.state not in BLOCKING_STATES, f"{attempt.idempotency_key} is still {attempt.state}"
            if made is None:
                assert attempt.state is not AttemptState.APPROVED, f"{attempt.idempotency_key} made no charge"
            else:
                wanted = AttemptState.APPROVED if made["status"] == "succeeded" else AttemptState.DECLINED
                assert attempt.state is wanted, f"{attempt.idempotency_key}: {attempt.state} but Stripe says {made}"
        ours = bool(paid) and paid[0] in [by_key.get(each.idempotency_key) for each in attempts]
        assert (case.state is CaseState.RECOVERED) == ours, f"{case.id} is {case.state}, paid by us: {ours} (B4)"
        owes = [each for each in rig.actions(case) if each.kind is ActionKind.TAKE_BACK and each.state in OPEN_STATES]
        assert not owes, f"{case.id} still owes taking back what it scheduled"
        (account,) = [each for each in rig.world.sim.accounts.values() if each.id == case.account]
        subscription = account.get("subscription", case.subscription)
        stands = subscription["cancel_at_period_end"] and subscription["metadata"].get("fp_cancel") == case.id
        assert not (stands and case.is_final() and subscription["status"] != "canceled"), f"{case.id} left its flag"
        with rig.parts.store.reading() as view:
            assert view.journal.verify(case.id), f"the journal of {case.id} is broken (G1)"
