"""One card behind several open invoices: what one of them learns counts for all."""

from __future__ import annotations

import pytest

from flexpay_reconcile.simulator.control import control
from tests.simulation import truth, worlds
from tests.simulation.rig import Rig


def two_invoices() -> Rig:
    """Ada has two unpaid weekly invoices and waits for a new card."""
    rig = Rig({"ada": worlds.customer(price="weekly")}, loaded=worlds.manifest(window_days=20))
    rig.decline("ada", "expired_card")
    rig.live(9)
    assert len(rig.cases()) == 2
    assert rig.pays() == []
    return rig


@pytest.mark.parametrize("code", ["lost_card", "stolen_card"])
def test_a_new_card_that_is_refused_for_ever_is_tried_once(code: str):
    """The first try of a new card is a hard decline: the other invoice of the customer never goes on that card (A8)."""
    rig = two_invoices()
    control.replace_card(rig.world, "ada", "pm_card_mastercard")
    rig.decline("ada", code)
    rig.live(12)
    assert len(rig.pays()) == 1
    truth.agree(rig)


def test_the_ceiling_of_a_new_card_counts_its_first_charge():
    """Amex allows one charge a day by default: two invoices on one new card are charged on two days (A10)."""
    rig = two_invoices()
    control.replace_card(rig.world, "ada", "pm_card_amex")
    rig.live(12)
    first, second = rig.pays()
    assert second.at - first.at >= 86_400
    truth.agree(rig)
