"""Invoices that are recorded and never retried (G3, G12, G21), and amounts that change under a case."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flexpay_reconcile.billing.transaction import TransactionKind
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.resources.events import change
from flexpay_reconcile.values.ids import IntegrationId
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig


def alter(rig: Rig, **fields: Any) -> None:
    """Ada's newest invoice becomes another one in these fields."""
    account, _ = control.customer_of(rig.world, "ada")
    change(rig.world.sim, account, rig.invoices("ada")[-1], "invoice.updated", **fields)


KINDS: dict[str, tuple[dict[str, Any], str]] = {
    "gateway-only": ({"parent": None, "billing_reason": "manual"}, "no_subscription"),
    "currency not declared": ({"currency": "eur"}, "currency_not_declared"),
    "first invoice": ({"billing_reason": "subscription_create"}, "first_invoice"),
}


@pytest.mark.parametrize("heard", [True, False], ids=["with events", "unheard"])
@pytest.mark.parametrize(("fields", "why"), list(KINDS.values()), ids=list(KINDS))
def test_it_is_recorded_with_the_reason_and_never_retried(fields: dict[str, Any], why: str, heard: bool):
    """Its declines stand among the transactions with why; no case, no call, nobody cancelled, in twenty days."""
    rig = Rig({"ada": worlds.customer(renews_in_days=0.1), "ben": worlds.customer("pm_card_mastercard")})
    rig.decline("ada", "insufficient_funds")
    rig.decline("ben", "insufficient_funds", times=1)
    rig.live(0.11)
    alter(rig, **fields)
    if not heard:
        steps.deaf(rig)
    rig.live(20)
    assert [each.customer for each in rig.cases()] == [rig.customer_id("ben")]
    assert rig.case("ben").state is CaseState.RECOVERED
    assert {each.object_id for each in rig.pays()} == {rig.case("ben").invoice}
    assert steps.cancellations(rig) == 0
    with rig.parts.store.reading() as view:
        rows = view.transactions.list(integration_id=IntegrationId(worlds.INTEGRATION))
    mine = [each for each in rows if each.customer == rig.customer_id("ada")]
    assert [each.kind for each in mine] == [TransactionKind.DECLINE]
    assert mine[0].note == f"not retried: {why}"


def test_first_invoices_are_recovered_where_the_integration_includes_them():
    """`include_first_invoice: true`: the same failure is a case, and the money comes (G21)."""
    rig = Rig({"ada": worlds.customer(renews_in_days=0.1)}, loaded=worlds.manifest(first_invoice=True))
    rig.decline("ada", "insufficient_funds", times=1)
    rig.live(0.11)
    alter(rig, billing_reason="subscription_create")
    rig.live(12)
    assert rig.case("ada").state is CaseState.RECOVERED
    truth.agree(rig)


AMOUNTS: dict[str, Callable[[Rig], None]] = {
    "a part is paid": lambda rig: alter(rig, amount_paid=1000, amount_remaining=1900),
    "a credit note makes it smaller": lambda rig: alter(rig, amount_due=1900, amount_remaining=1900, total=1900),
}


@pytest.mark.parametrize("heard", [True, False], ids=["with events", "unheard"])
@pytest.mark.parametrize("changes", list(AMOUNTS.values()), ids=list(AMOUNTS))
def test_an_amount_that_changed_since_the_plan_is_decided_again(changes: Callable[[Rig], None], heard: bool):
    """The planned attempt is for another amount: it is superseded, and what is charged is what remains, once."""
    rig = steps.failing()
    steps.until_state(rig, CaseState.SCHEDULED)
    if not heard:
        steps.deaf(rig)
    changes(rig)
    rig.live(10)
    case = rig.case("ada")
    assert case.state is CaseState.RECOVERED, steps.journal(rig)
    assert steps.states(rig) == [AttemptState.SUPERSEDED, AttemptState.APPROVED]
    (took,) = rig.successes(case.invoice)
    assert (took["amount"], case.amount.amount_minor) == (1900, 1900)
    truth.agree(rig)


def test_an_open_invoice_with_nothing_remaining_is_parked_and_nobody_is_cancelled():
    """Credit made it nothing while it still reads open: parked with words for a person; it ends when it reads paid."""
    rig = steps.failing()
    steps.until_state(rig, CaseState.SCHEDULED)
    alter(rig, amount_remaining=0)
    rig.live(12)
    case = rig.case("ada")
    assert (case.state, rig.pays(), steps.cancellations(rig)) == (CaseState.PARKED, [], 0), steps.journal(rig)
    alter(rig, status="paid", amount_paid=2900)
    rig.run_until(rig.now.plus(Span.of(hours=7)))
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE, steps.journal(rig)
