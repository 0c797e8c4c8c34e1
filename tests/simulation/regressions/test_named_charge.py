"""A refusal that names its charge while the charge cannot be read: it is that charge, however wrong our clock is."""

from __future__ import annotations

import pytest

from flexpay_reconcile.recovery.attempt import AttemptState
from tests.simulation import truth, worlds
from tests.simulation.fleet import Fleet
from tests.simulation.rig import Request


@pytest.mark.parametrize("ahead", [0, 240])
def test_a_refusal_whose_charge_is_unread_is_settled_as_that_charge(ahead: int):
    """Our clock is four minutes ahead, which is let pass: the charge made before our own present is ours still (B1)."""
    fleet = Fleet({"ada": worlds.customer()}, loaded=worlds.manifest())
    fleet.daemons[0].offset = ahead
    fleet.decline("ada", "insufficient_funds", times=2)
    fleet.world.sim.delivery_faults.set_rates({"lost": 1.0}, seed=1)  # else the charge's event would tell

    def unread(request: Request) -> None:
        if request.is_pay and len(fleet.pays()) == 1:
            fleet.transport.faults.add("timeout_before", method="GET", path="/v1/invoice_payments", times=1)

    fleet.after_call.append(unread)
    fleet.live(9)
    first, *_ = fleet.attempts(fleet.case("ada"))
    assert any("could not be read yet" in each.entry.text for each in fleet.story(fleet.case("ada")))
    assert first.state is AttemptState.DECLINED
    assert first.charge == fleet.charges()[1]["id"]
    truth.agree(fleet)
