"""Money already on its way: neither charged a second time, nor cancelled over it."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from tests.simulation import truth
from tests.simulation.regressions import steps
from tests.simulation.rig import Request, Rig

SHOWN = ("status", "amount_remaining", "amount_paid", "attempted", "status_transitions", "payments")


def slow_to_show(rig: Rig, *, payment_too: bool) -> Any:
    """The first `pay` is executed, but the invoice goes on reading as before; what makes it show the payment."""
    account, _ = control.customer_of(rig.world, "ada")
    kept: list[tuple[dict[str, Any], dict[str, Any]]] = []

    def take(row: dict[str, Any], names: tuple[str, ...], before: dict[str, Any]) -> None:
        kept.append((row, {name: row[name] for name in names if name in before}))
        row.update({name: before[name] for name in names if name in before})

    seen: dict[str, dict[str, Any]] = {}

    def before(request: Request) -> None:
        if request.is_pay and not seen:
            row = account.table("invoice").rows[request.object_id]
            seen["invoice"] = dict(row)
            seen.update({id_: dict(each) for id_, each in account.table("invoice_payment").rows.items()})

    def after() -> None:
        if not seen or kept:
            return
        row = account.table("invoice").rows[rig.case("ada").invoice]
        take(row, SHOWN, seen["invoice"])
        if payment_too:
            for id_ in account.table("invoice_payment").by("invoice", row["id"]):
                take(account.table("invoice_payment").rows[id_], ("status", "amount_paid"), seen[id_])

    def wrap(send: steps.Send, method: str, url: str) -> Any:
        def executed() -> Any:
            answer = send()
            after()
            return '{"error": {"type": "api_error", "message": "odd"}}', 500, answer[2]

        return executed if method == "POST" and url.endswith("/pay") and not kept else send

    rig.before_call.append(before)
    steps.between(rig, wrap)

    def show() -> None:
        for row, values in kept:
            row.update(values)

    return show


@pytest.mark.parametrize("payment_too", [True, False], ids=["payment open", "payment counted"])
@pytest.mark.parametrize("heard", [True, False], ids=["with events", "unheard"])
def test_our_own_charge_that_the_invoice_does_not_show_yet_is_never_made_twice(payment_too: bool, heard: bool):
    """Stripe answered 500 after it had taken the money, and the invoice reads open for days: one charge, one `pay`."""
    rig = steps.failing()
    if not heard:
        steps.deaf(rig)
    show = slow_to_show(rig, payment_too=payment_too)
    steps.until(rig, lambda: bool(rig.pays()))
    rig.live(5)
    invoice = rig.case("ada").invoice
    assert (len(rig.successes(invoice)), len(rig.pays())) == (1, 1), steps.journal(rig)
    assert rig.case("ada").state is CaseState.ATTEMPTING
    assert rig.subscription("ada")["status"] != "canceled"
    show()
    rig.live(1)
    assert rig.case("ada").state is CaseState.RECOVERED
    assert len(rig.successes(invoice)) == 1
    truth.agree(rig)


def bank_payment(rig: Rig) -> dict[str, Any]:
    """The customer pays the invoice's PaymentIntent by a bank debit, which takes days; the intent."""
    account, _ = control.customer_of(rig.world, "ada")
    case = rig.case("ada")
    (payment,) = [
        account.table("invoice_payment").rows[i] for i in account.table("invoice_payment").by("invoice", case.invoice)
    ]
    intent = account.table("payment_intent").rows[payment["payment"]["payment_intent"]]
    last = account.table("charge").rows[intent["latest_charge"]]
    pending = {**last, "id": "ch_bank", "status": "pending", "created": rig.world.now, "paid": False}
    pending |= {"failure_code": None, "failure_message": None, "outcome": None}
    account.table("charge").add(pending)
    intent.update(status="processing", latest_charge="ch_bank")
    return intent


def bounce(rig: Rig, intent: dict[str, Any]) -> None:
    """The bank debit comes to nothing."""
    account, _ = control.customer_of(rig.world, "ada")
    account.table("charge").rows["ch_bank"].update(status="failed", failure_code="insufficient_funds")
    intent.update(status="requires_payment_method")


def test_while_the_customers_own_payment_is_processing_nothing_is_charged():
    """The customer pays by a bank debit while a retry is planned: it waits, and the money counts as theirs."""
    rig = steps.failing(times=None)
    steps.until_state(rig, CaseState.SCHEDULED)
    control.approve(rig.world, "ada")
    bank_payment(rig)
    rig.live(20)
    assert rig.pays() == []
    assert not rig.case("ada").is_final()
    control.pay_elsewhere(rig.world, "ada", how="out_of_band")
    rig.live(1)
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE
    assert rig.pays() == []
    truth.agree(rig)


def test_a_bank_payment_that_came_to_nothing_is_followed_by_our_attempt():
    """It bounces beyond the window: the attempt that waited for it is still made, once, before anything is given up."""
    rig = steps.failing(times=None)
    steps.until_state(rig, CaseState.SCHEDULED)
    control.approve(rig.world, "ada")
    intent = bank_payment(rig)
    rig.live(12)
    assert rig.pays() == []
    bounce(rig, intent)
    rig.live(2)
    assert rig.case("ada").state is CaseState.RECOVERED, steps.journal(rig)
    assert steps.states(rig)[-1] is AttemptState.APPROVED
    truth.agree(rig)


def paying_at_the_last_decline() -> tuple[Rig, list[dict[str, Any]]]:
    """The only attempt is declined, and at that very moment the customer begins a bank debit; and its intent."""
    rig = steps.failing(times=None, attempts=1)
    intents: list[dict[str, Any]] = []

    def hook(request: Request) -> None:
        if request.is_pay and not intents:
            intents.append(bank_payment(rig))

    rig.after_call.append(hook)
    steps.until_state(rig, CaseState.FINISHING)
    return rig, intents


def test_nobody_is_cancelled_while_their_payment_is_processing():
    """All attempts are used and the customer's bank debit is on its way: no cancellation before it has ended."""
    rig, (intent,) = paying_at_the_last_decline()
    rig.live(10)
    assert rig.subscription("ada")["status"] != "canceled"
    assert rig.case("ada").state is CaseState.FINISHING
    assert steps.cancellations(rig) == 0
    bounce(rig, intent)
    rig.live(1)
    assert rig.subscription("ada")["status"] == "canceled"
    assert rig.case("ada").state is CaseState.EXHAUSTED
    truth.agree(rig)


def test_a_bank_payment_that_arrives_keeps_the_subscription():
    """The bank debit settles while the cancellation waits for it: nobody is cancelled, nothing is written off."""
    rig, _ = paying_at_the_last_decline()
    rig.live(10)
    control.pay_elsewhere(rig.world, "ada", how="out_of_band")
    rig.live(1)
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE
    assert rig.subscription("ada")["status"] == "active"
    assert steps.cancellations(rig) == 0
