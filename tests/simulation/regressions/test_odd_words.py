"""A word of Stripe's that nobody knows, in the answer that a final action is judged by: wait, and do all of it."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.final_action import ActionState
from tests.simulation import truth, worlds
from tests.simulation.rig import Request, Rig


@pytest.mark.parametrize("path", ["/v1/invoices/in_*", "/v1/subscriptions/*"])
@pytest.mark.parametrize("after", ["DELETE", "/mark_uncollectible"])
@pytest.mark.parametrize("nth", [1, 2, 3])
def test_an_unknown_status_among_the_final_actions_skips_none_of_them(path: str, after: str, nth: int):
    """One read after a final action tells of a new status: nothing is skipped or closed for it, all is done later (C5)."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", "lost_card")
    left = [True]

    def spoil(request: Request) -> None:
        if left[0] and (request.method == after or request.path.endswith(after)):
            left[0] = False
            rig.transport.faults.add("new_enum", method="GET", path=path, nth=nth)

    rig.after_call.append(spoil)
    rig.live(5)
    case = rig.case("ada")
    assert not left[0]
    assert case.state is CaseState.HARD_DECLINED
    assert {each.state for each in rig.actions(case)} == {ActionState.DONE}
    assert rig.invoices("ada")[-1]["metadata"]["fp-uncollectible"] == "true"
    assert rig.subscription("ada")["metadata"]["fp-uncollectible"] == "true"
    truth.agree(rig)
