"""The judge on worlds: a careless client through the real SDK is found, an ordinary life is not."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.findings import Code, as_document
from flexpay_reconcile.simulator.judge import judge
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, client, failed_invoice, small_world


def _careless(world: World) -> str:
    """A client that hammers a lost card and a given-up invoice."""
    api = client(world)
    invoice = failed_invoice(world, "lost_card")
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            api.v1.invoices.pay(invoice)
    api.v1.invoices.mark_uncollectible(invoice)
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice)
    return invoice


def test_a_careless_client_is_judged_by_its_calls() -> None:
    """Through the real SDK: asked again after lost_card, at once, and after the invoice was given up."""
    world = small_world()
    invoice = _careless(world)
    found = judge(world.ledger)
    assert {each.code for each in found} == {
        Code.ATTEMPT_AFTER_NEVER,
        Code.ATTEMPTS_AT_ONCE,
        Code.CHARGED_AFTER_UNCOLLECTIBLE,
    }
    assert any(invoice in each.objects for each in found)
    assert all(each.at == world.now for each in found)
    assert set(as_document(found[0])) == {"code", "at", "objects", "words", "informative"}


def test_an_ordinary_life_has_no_findings() -> None:
    """Renewals, a decline, a payment on the hosted page, one out of band, a refund, a cancellation: nothing found."""
    world = small_world()
    api = client(world)
    failed_invoice(world)
    control.pay_elsewhere(world, "ada")
    world.advance_to(world.now + 31 * DAY)
    control.approve(world, "ada")
    open_ones = control.open_invoices(world)
    assert len(open_ones) == 1
    control.pay_elsewhere(world, "ada", how="out_of_band")
    charge = world.ledger.charges[-1]
    assert charge["status"] == "failed"
    good = next(row for row in world.ledger.charges if row["status"] == "succeeded")
    api.v1.refunds.create({"charge": good["id"]})
    control.cancel_subscription(world, "ada")
    world.advance_to(world.now + 90 * DAY)
    assert judge(world.ledger) == []
