"""The checks bite: each bug is planted alone, and the campaign or a short run must name the invariant it breaks."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable

import pytest

from flexpay_reconcile.adapters.stripe_api import charger
from flexpay_reconcile.operations import judge_action, plan_next, record_outcome, resolve_attempt, submit_attempt
from flexpay_reconcile.recovery import gates, windows
from flexpay_reconcile.recovery.attempt import AttemptState, KeyAlias, is_ours
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.recovery.outcome import Unresolved
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.simulator import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import campaign, crashes, worlds
from tests.simulation.judges import Judge, Violation
from tests.simulation.records import Records
from tests.simulation.rig import Rig

SEEDS = range(1, 31)

Patch = pytest.MonkeyPatch


def random_key(patch: Patch) -> None:
    """Every send has a key of its own."""
    real, count = charger.StripeCharger.pay, itertools.count(1000)

    def pay(self, invoice, *, payment_method, idempotency_key, only_key=None):
        fresh = f"{idempotency_key.rpartition(':')[0]}:{next(count)}"
        return real(self, invoice, payment_method=payment_method, idempotency_key=fresh, only_key=only_key)

    patch.setattr(charger.StripeCharger, "pay", pay)


def without(rule: str) -> Callable[[Patch], None]:
    """A lower bound is forgotten."""

    def plant(patch: Patch) -> None:
        real = windows.bounds_of

        def bounds_of(*args):
            return tuple(each for each in real(*args) if each.rule != rule)

        patch.setattr(windows, "bounds_of", bounds_of)

    return plant


def only_our_charges(patch: Patch) -> None:
    """Ceilings count our own attempts and nobody else's."""
    real = plan_next.history_of

    def history_of(unit, case, now):
        found = real(unit, case, now)
        rows = unit.cards.of_card(case.account, case.card_key or "", now.minus(Span.of(days=31)))
        ours = {each.charge for each in unit.attempts.of_invoice(case.account, case.invoice)}
        return dataclasses.replace(found, reached_at=tuple(row.charge.created for row in rows if row.charge.id in ours))

    patch.setattr(plan_next, "history_of", history_of)


def refusals_forgotten(patch: Patch) -> None:
    """A hard decline is taken for a soft one."""
    real = record_outcome.classify  # type: ignore[attr-defined]

    def classify(evidence):
        found = real(evidence)
        if found.reason in ("lost_card", "stolen_card"):
            return real(dataclasses.replace(evidence, **_NSF))
        return found

    patch.setattr(record_outcome, "classify", classify)
    patch.setattr("flexpay_reconcile.operations.record_money.classify", classify)
    patch.setattr("flexpay_reconcile.operations.open_case.classify", classify)


_NSF = {"decline_code": "insufficient_funds", "outcome_reason": "insufficient_funds", "network_decline_code": "51"}


def fallback_on_timeout(patch: Patch) -> None:
    """A payment without an answer goes again through the other key."""
    real = submit_attempt._send

    def send(charger, attempt):
        found = real(charger, attempt)
        if not isinstance(found, Unresolved):
            return found
        return real(charger, dataclasses.replace(attempt, key_alias=KeyAlias.FALLBACK))

    patch.setattr(submit_attempt, "_send", send)


def unknown_is_failed(patch: Patch) -> None:
    """A call without an answer counts as one that was never made, and the next one has a key of its own."""

    def unresolved(unit, case, attempt, outcome, now):
        ended = dataclasses.replace(attempt, state=AttemptState.NOT_SUBMITTED, finished_at=now, check_at=None)
        unit.attempts.save(ended)
        opened = move(case, CaseState.OPENED, due_at=now, next_attempt_at=None, next_attempt_number=None)
        unit.cases.save(opened)

    patch.setattr(record_outcome, "unresolved", unresolved)


def no_read_before_cancelling(patch: Patch) -> None:
    """The cancellation goes out on what was known when it was decided."""
    real = judge_action.judge

    def judge(reader, case, action):
        planned = action.kind is ActionKind.CANCEL_SUBSCRIPTION and action.state is ActionState.PLANNED
        return judge_action.Due() if planned else real(reader, case, action)

    patch.setattr(judge_action, "judge", judge)


def no_successor(patch: Patch) -> None:
    """A decline is written down, and what follows from it is not."""
    real = record_outcome.declined

    def declined(context, unit, case, attempt, outcome, charge, now):
        if case.attempts_used:
            unit.attempts.save(dataclasses.replace(attempt, state=AttemptState.DECLINED, check_at=None))
        else:
            real(context, unit, case, attempt, outcome, charge, now)

    patch.setattr(record_outcome, "declined", declined)


def gates_open(patch: Patch) -> None:
    """Nothing is asked between the intent and `pay`."""
    patch.setattr(gates, "ask", lambda facts: None)


PLANTS: dict[str, tuple[Callable[[Patch], None], set[str], tuple[int, ...]]] = {
    "a random key for every send": (random_key, {"A3", "A4"}, (3, 5)),
    "no spacing": (without("minimum_spacing"), {"A12"}, (6, 3)),
    "no advice waits": (without("advice_wait"), {"A11"}, (6, 1)),
    "only our charges counted": (only_our_charges, {"A10"}, (7, 8)),
    "hard declines forgotten": (refusals_forgotten, {"A8"}, (4, 2)),
    "fallback after a timeout": (fallback_on_timeout, {"B7"}, (15, 4)),
    "unknown is failed": (unknown_is_failed, {"B1", "B4", "A12"}, (5, 17)),
    "cancelled without a read": (no_read_before_cancelling, {"C4"}, (5, 25)),
    "a result without a successor": (no_successor, {"B3"}, (3, 1)),
    "no gates": (gates_open, {"A7", "A8", "A9", "A10", "A11", "A12", "A15"}, (20, 16)),
}


"""Each bug, the invariants that may name it, and seeds known to meet it, which are tried before the others."""


@pytest.mark.parametrize("name", list(PLANTS))
def test_the_campaign_finds_a_planted_bug(name: str, monkeypatch: pytest.MonkeyPatch):
    """A handful of seeds is enough to meet the bug, and the report names the invariant."""
    plant, invariants, first = PLANTS[name]
    plant(monkeypatch)
    found = next((report.violation for seed in (*first, *SEEDS) if (report := campaign.run(seed)).violation), "")
    assert found.partition(":")[0] in invariants, found or "no violation in all the seeds"


def judged(customers: dict, **policy: int) -> tuple[Rig, Judge]:
    """A rig with a judge whose figures leave everything open but what is asked."""
    rig = Rig(customers, loaded=worlds.manifest(**policy))  # type: ignore[arg-type] # figures only
    return rig, Judge(rig, spacing_hours=1, visa_per_30_days=100, per_minute=100)


def test_a_key_sent_again_after_a_day_is_found(monkeypatch: pytest.MonkeyPatch):
    """A replay without a limit of age: the judge sees the second sending of an old key (A5)."""
    for module in (gates, resolve_attempt):
        monkeypatch.setattr(module, "KEY_LIFE", Span.of(days=90))
    rig, _ = judged({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds", times=1)
    crashes.before_the_send(rig)
    with pytest.raises(Violation, match="A5"):
        rig.live(9, down=Span.of(hours=30))


def test_a_key_sent_again_after_a_day_is_not_sent():
    """The same run without the bug: the old key rests."""
    rig, judge = judged({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds", times=1)
    crashes.before_the_send(rig)
    rig.live(9, down=Span.of(hours=30))
    judge.step()


def test_two_charges_are_found():
    """Two successes of one invoice in the ledger are never overlooked (A1)."""
    rig, judge = judged({"ada": worlds.customer()})
    rig.live(3)
    (paid,) = [row for row in rig.charges() if row["status"] == "succeeded"]
    rig.world.ledger.charge({**paid, "id": "ch_again"})
    with pytest.raises(Violation, match="A1"):
        judge.step()


def test_a_case_that_leaves_a_final_state_is_found():
    """A case seen EXHAUSTED and later open again is reported (C7)."""
    rig, _ = judged({"ben": worlds.customer()})
    rig.decline("ben", "lost_card")
    rig.live(3)
    records = Records(rig)
    records.step()
    (case,) = rig.cases()
    with rig.parts.store.begin() as unit:
        unit.cases.save(dataclasses.replace(case, state=type(case.state).OPENED, due_at=rig.now))
    with pytest.raises(Violation, match="C7"):
        records.step()


def test_a_wrong_attribution_is_found():
    """A case that says RECOVERED while somebody else paid is reported (B4)."""
    rig, _ = judged({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds", times=3)
    rig.live(2)
    control.pay_elsewhere(rig.world, "ada")
    rig.live(1)
    (case,) = rig.cases()
    with rig.parts.store.begin() as unit:
        unit.cases.save(dataclasses.replace(case, state=type(case.state).RECOVERED))
    with pytest.raises(Violation, match="B4"):
        Records(rig).end()


def test_our_keys_are_told_from_others():
    """The prefix that the judge goes by is the one that the product signs its calls with."""
    assert is_ours("fp1:acct_1:in_1:1")
    assert not is_ours("other:acct_1:in_1:1")
