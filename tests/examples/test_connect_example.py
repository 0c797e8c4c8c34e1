"""The Connect example, run: its scenario, its manifest, forty days; one shop is recovered, the other leaves."""

from __future__ import annotations

from pathlib import Path

import yaml

from flexpay_reconcile.manifest.load import load
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.lost_account import CAUSE
from flexpay_reconcile.rehearsal import arm
from flexpay_reconcile.rehearsal.stage import Stage
from flexpay_reconcile.simulator.judge import Judge

HERE = Path(__file__).parents[2] / "examples" / "03-connect"


def test_one_shop_is_recovered_and_the_other_leaves():
    """Ada's bread is paid in the end; Ben's case is parked when the book shop leaves; nobody is charged who may not be."""
    stage = Stage(yaml.safe_load((HERE / "scenario.yaml").read_text()))
    loaded = load([("flexpay.yaml", (HERE / "flexpay.yaml").read_bytes())])
    made = arm.apply(stage, loaded)
    assert {each.details["column"] for each in made.checks if each.id == "permission"} == {
        "PERMISSIONS",
        "CONNECT PERMISSIONS",
    }
    arm.live(stage, 40)
    with stage.parts.store.reading() as view:
        cases = {each.account: each for each in view.cases.list()}
    assert {each: case.state for each, case in cases.items()} == {
        "acct_1Bakery": CaseState.RECOVERED,
        "acct_2Books": CaseState.PARKED,
    }
    assert cases["acct_2Books"].closed_because == CAUSE  # type: ignore[index]
    assert [each for each in Judge(stage.world.ledger).findings() if not each.informative] == []
