"""The checks bite: bugs planted alone, which the campaign or a short run must name by the invariant they break.

All planted bugs are hunted by `make mutants`; here a few of every kind, in seeds known to meet them.
"""

from __future__ import annotations

import dataclasses

import pytest

from flexpay_reconcile.operations import resolve_attempt
from flexpay_reconcile.recovery import gates
from flexpay_reconcile.recovery.attempt import is_ours
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import crashes, worlds
from tests.simulation.judges import Judge, Violation
from tests.simulation.mutants import ALL
from tests.simulation.mutants.planting import Mutant, hunt, measured
from tests.simulation.records import Records
from tests.simulation.rig import Rig

FIRSTS = measured()
"""Written by `python -m tests.simulation.mutants --measure`; `first` is null where no seed of those run found it."""
FOUND = [each for each in ALL if FIRSTS.get(each.what, {}).get("first")]


def test_there_are_enough_planted_bugs():
    """At least forty, each with words of its own and the invariants that may name it."""
    assert len({each.what for each in ALL}) == len(ALL) >= 40
    assert all(each.breaks for each in ALL)


def test_every_planted_bug_was_measured():
    """Each was hunted, no other stands in the table, and at least thirty were found by a seed of the campaign."""
    assert set(FIRSTS) == {each.what for each in ALL}
    assert len(FOUND) >= 30


@pytest.mark.parametrize("each", FOUND, ids=lambda each: each.what)
def test_the_campaign_finds_a_planted_bug(each: Mutant):
    """The seed that was measured finds it, and the report names an invariant that it breaks."""
    found = hunt(each, [FIRSTS[each.what]["first"]])
    assert found.named in each.breaks, found.words or "no violation: measure again"


def judged(customers: dict, **policy: int) -> tuple[Rig, Judge]:
    """A rig with a judge whose figures leave everything open but what is asked."""
    rig = Rig(customers, loaded=worlds.manifest(**policy))
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
