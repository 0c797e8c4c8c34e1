"""What comes after money came back: refunds and disputes; and customers and subscriptions that are gone."""

from __future__ import annotations

import pytest

from flexpay_reconcile.billing.transaction import TransactionKind
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.resources import customer_deletion
from flexpay_reconcile.values.ids import IntegrationId
from tests.simulation import truth, worlds
from tests.simulation.regressions import steps
from tests.simulation.rig import Rig


def delete(rig: Rig) -> None:
    """Ada's customer is deleted in the Dashboard."""
    account, row = control.customer_of(rig.world, "ada")
    customer_deletion.remove(rig.world.sim, account, row)


@pytest.mark.parametrize("verb", ["refund", "dispute"])
def test_money_that_goes_back_after_recovery_reopens_nothing(verb: str):
    """Refunded or disputed after our retry: RECOVERED stays, nothing is charged, cancelled or marked (C7)."""
    rig = steps.failing()
    steps.until_state(rig, CaseState.RECOVERED)
    sent = len([each for each in rig.requests if each.method != "GET"])
    control_api.post(rig.world, verb, {"customer": "ada"})
    rig.live(20)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    assert len([each for each in rig.requests if each.method != "GET"]) == sent
    assert rig.subscription("ada")["status"] == "active"
    with rig.parts.store.reading() as view:
        rows = view.transactions.list(integration_id=IntegrationId(worlds.INTEGRATION))
    kinds = [each.kind for each in rows]
    assert kinds.count(TransactionKind.APPROVAL) == 1
    assert kinds.count(TransactionKind.REFUND) == (verb == "refund")
    truth.agree(rig)


@pytest.mark.parametrize("heard", [True, False], ids=["with events", "unheard"])
@pytest.mark.parametrize("state", [CaseState.SCHEDULED, CaseState.WAITING_FOR_CUSTOMER, CaseState.FINISHING])
def test_a_deleted_customer_ends_recovery(state: CaseState, heard: bool):
    """Deleted while the case waits for whatever: no `pay`, no error loop, one final state, and at most one call more."""
    code = {
        CaseState.SCHEDULED: "insufficient_funds",
        CaseState.WAITING_FOR_CUSTOMER: "expired_card",
        CaseState.FINISHING: "lost_card",
    }[state]
    rig = steps.failing(code, None, delay_days=3)
    steps.until_state(rig, state)
    if not heard:
        steps.deaf(rig)
    delete(rig)
    before = len(rig.requests)
    rig.live(14)
    (case,) = rig.cases()
    assert case.is_final(), [case.state, *(each.entry.text for each in rig.story(case))]
    assert rig.pays() == []
    assert steps.cancellations(rig) == 0, "Stripe cancelled it when the customer was deleted"
    later = [each for each in rig.requests[before:] if each.method != "GET"]
    assert len(later) <= 4, [f"{each.method} {each.path}" for each in later]
    truth.agree(rig)


@pytest.mark.parametrize("heard", [True, False], ids=["with events", "unheard"])
def test_a_subscription_cancelled_by_somebody_ends_recovery(heard: bool):
    """Cancelled in the Dashboard in the middle: CLOSED as somebody else's, the invoice untouched (G16)."""
    rig = steps.failing("insufficient_funds", None)
    steps.until_state(rig, CaseState.SCHEDULED)
    if not heard:
        steps.deaf(rig)
    control.cancel_subscription(rig.world, "ada")
    rig.live(10)
    case = rig.case("ada")
    assert (case.state, case.closed_because) == (CaseState.CLOSED, "subscription_cancelled_by_other")
    assert (rig.pays(), rig.invoices("ada")[-1]["status"]) == ([], "open")
    truth.agree(rig)
