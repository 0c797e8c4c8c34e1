"""The process dies around `pay` and around the final actions; a restart ends in the truth."""

from __future__ import annotations

from pathlib import Path

import pytest

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import crashes, truth, worlds
from tests.simulation.rig import Crash, Rig

AT_ONCE = (
    ActionKind.CANCEL_SUBSCRIPTION,
    ActionKind.MARK_UNCOLLECTIBLE,
    ActionKind.TAG_INVOICE,
    ActionKind.TAG_SUBSCRIPTION,
)
"""The final actions of a policy that cancels and writes off, in their order."""

DOWN = {
    "at once": Span.of(seconds=1),
    "after six minutes": Span.of(minutes=6),
    "after thirty hours": Span.of(hours=30),
}


@pytest.mark.parametrize("down", list(DOWN.values()), ids=list(DOWN))
@pytest.mark.parametrize("place", list(crashes.AROUND_PAY.values()), ids=list(crashes.AROUND_PAY))
def test_a_crash_around_an_approval_charges_once(tmp_path: Path, place, down):
    """Wherever the process dies around a `pay` that is approved: one charge, RECOVERED, and the journal unbroken."""
    rig = Rig({"ada": worlds.customer()}, state=str(tmp_path / "state.db"))
    rig.decline("ada", "insufficient_funds", times=1)
    place(rig)
    rig.live(12, down=down)
    case = rig.case("ada")
    assert rig.crashes == 1
    assert case.state is CaseState.RECOVERED
    assert [row["status"] for row in rig.charges(case.invoice)] == ["failed", "succeeded"]
    truth.agree(rig)


@pytest.mark.parametrize("down", list(DOWN.values()), ids=list(DOWN))
@pytest.mark.parametrize("place", list(crashes.AROUND_PAY.values()), ids=list(crashes.AROUND_PAY))
def test_a_crash_around_a_decline_counts_it_once(tmp_path: Path, place, down):
    """Wherever the process dies around a `pay` that is declined: each decline is one attempt, and recovery goes on."""
    rig = Rig({"ada": worlds.customer()}, state=str(tmp_path / "state.db"))
    rig.decline("ada", "insufficient_funds", times=2)
    place(rig)
    rig.live(12, down=down)
    case = rig.case("ada")
    assert rig.crashes == 1
    assert case.state is CaseState.RECOVERED
    assert [row["status"] for row in rig.charges(case.invoice)] == ["failed", "failed", "succeeded"]
    assert case.attempts_used == 2
    truth.agree(rig)


def test_a_crash_before_the_send_sends_the_same_key_later():
    """Nothing was executed, so the attempt goes again with its own key: no second key for one decision (A4)."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds", times=1)
    crashes.before_the_send(rig)
    rig.live(12)
    keys = [each.key for each in rig.pays()]
    assert len(keys) == 2
    assert len(set(keys)) == 1


def test_a_crash_between_opening_and_stopping_stripes_retries(tmp_path: Path):
    """A case that was opened but not yet protected from Stripe's own retries is protected first after the restart."""
    rig = Rig({"ada": worlds.customer()}, state=str(tmp_path / "state.db"))
    rig.decline("ada", "insufficient_funds", times=1)
    crashes.after(rig, "POST", "")  # the first write of all
    rig.live(12)
    stops = [each for each in rig.requests if each.method == "POST" and ("auto_advance", "false") in each.params]
    assert rig.crashes == 1
    assert len(stops) >= 1
    assert rig.requests.index(stops[0]) < rig.requests.index(rig.pays()[0])
    assert rig.case("ada").state is CaseState.RECOVERED
    truth.agree(rig)


@pytest.mark.parametrize(
    ("method", "path_end"),
    [("DELETE", ""), ("POST", "/mark_uncollectible")],
    ids=["after the cancellation", "after the write-off"],
)
def test_a_crash_inside_the_final_actions_does_each_once(tmp_path: Path, method: str, path_end: str):
    """The process dies after Stripe carried out a final action and before that is committed (CP5): done once, all done."""
    rig = Rig({"ben": worlds.customer("pm_card_mastercard")}, state=str(tmp_path / "state.db"))
    rig.decline("ben", "lost_card")
    crashes.after(rig, method, path_end)
    rig.live(5)
    case = rig.case("ben")
    assert rig.crashes == 1
    assert case.state is CaseState.HARD_DECLINED
    assert [(each.kind, each.state) for each in rig.actions(case)] == [(kind, ActionState.DONE) for kind in AT_ONCE]
    rows = [(row["object"], row["status"]) for row in rig.world.ledger.rows if row["kind"] == "state"]
    assert rows.count((case.subscription, "canceled")) == 1
    assert rows.count((case.invoice, "uncollectible")) == 1
    assert rig.invoices("ben")[-1]["metadata"]["fp-uncollectible"] == "true"
    assert rig.subscription("ben")["metadata"]["fp-uncollectible"] == "true"
    truth.agree(rig)


@pytest.mark.parametrize("place", ["after it is scheduled", "after the money is committed", "after it is taken back"])
def test_a_crash_around_a_scheduled_cancellation_ends_with_it_taken_back(tmp_path: Path, place: str):
    """Scheduled, then a new card pays. Wherever the process dies, the flag is set once and taken back once."""
    loaded = worlds.manifest(action="cancel_at_period_end")
    rig = Rig({"ben": worlds.customer()}, loaded=loaded, state=str(tmp_path / "state.db"))
    rig.decline("ben", "lost_card")
    if place == "after the money is committed":
        crashes.when(rig, lambda: any(case.state is CaseState.RECOVERED for case in rig.cases()))
    else:
        crashes.after_flag(rig, "true" if place == "after it is scheduled" else "false")
    rig.live(2)
    control.replace_card(rig.world, "ben", "tok_mastercard")
    rig.live(4)
    assert rig.crashes == 1
    case, subscription = rig.case("ben"), rig.subscription("ben")
    assert (case.state, case.due_at) == (CaseState.RECOVERED, None)
    assert (subscription["cancel_at_period_end"], subscription["metadata"]) == (False, {})
    changes = [dict(each.params).get("cancel_at_period_end") for each in rig.requests if each.method == "POST"]
    assert [each for each in changes if each is not None] == ["true", "false"]
    assert {each.kind: each.state for each in rig.actions(case)}[ActionKind.TAKE_BACK] is ActionState.DONE
    truth.agree(rig)


def test_the_crash_points_are_where_they_say():
    """The three bombs go off where they are named: what is committed and executed at that instant tells them apart."""
    seen = {}
    for name, place in crashes.AROUND_PAY.items():
        rig = Rig({"ada": worlds.customer()})
        rig.decline("ada", "insufficient_funds", times=1)
        place(rig)
        with pytest.raises(Crash):
            rig.run_until(rig.now.plus(Span.of(days=12)))
        case = rig.case("ada")
        seen[name] = (rig.attempts(case)[0].state, len(rig.successes(case.invoice)), rig.pays()[0].status)
    assert seen == {
        "before the send": (AttemptState.SUBMITTING, 0, None),
        "after execution, answer lost": (AttemptState.SUBMITTING, 1, 200),
        "before the result is committed": (AttemptState.SUBMITTING, 1, 200),
    }
