"""What cannot go on for days is asked about ever more rarely, and goes on soon after its cause is gone."""

from __future__ import annotations

import dataclasses

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.windows import patience
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig

LEAST, MOST = Span.of(minutes=2), Span.of(minutes=10)


def test_patience_is_an_eighth_within_bounds():
    """Two minutes at first, a quarter of an hour's eighth never below it, and ten minutes at most."""
    assert patience(Span(0), LEAST, MOST) == LEAST
    assert patience(Span.of(minutes=40), LEAST, MOST) == Span.of(minutes=5)
    assert patience(Span.of(days=3), LEAST, MOST) == MOST


def test_a_final_action_without_its_permission_is_not_knocked_at_without_end():
    """Three days without the right to cancel cost fewer than nine hundred calls; with it back, the hour brings the end."""
    rig = Rig({"ada": worlds.customer()}, loaded=worlds.manifest())
    keys = {env: rig.world.sim.keys[rig.environ[env]] for env in ("SIM_PRIMARY", "SIM_FALLBACK")}
    for env, key in keys.items():
        rig.set_key(env, permissions=frozenset(key.permissions or ()) - {"rak_subscription_write"})
    rig.decline("ada", "lost_card")
    steps.until(rig, lambda: bool(rig.cases()))
    steps.until_state(rig, CaseState.FINISHING)
    before = len(rig.requests)
    rig.live(3)
    assert rig.case("ada").state is CaseState.FINISHING
    assert len(rig.requests) - before < 900
    for key in keys.values():
        rig.world.sim.keys[key.secret] = dataclasses.replace(key)
    rig.live(1.1 / 24)
    assert rig.case("ada").state is CaseState.HARD_DECLINED, steps.journal(rig)
    truth.agree(rig)
