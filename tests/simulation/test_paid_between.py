"""Somebody else moves between our read and our call: pays, voids, cancels, changes the card."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.resources.events import change
from tests.simulation import truth, worlds
from tests.simulation.rig import Request, Rig


def failing(times: int | None = 1, **customer: object) -> Rig:
    """Ada's renewal is declined so many times; nothing has been tried by us yet."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", "insufficient_funds", times=times)
    rig.live(1.5)
    assert rig.case("ada").state is CaseState.SCHEDULED
    return rig


def meanwhile(rig: Rig, when: Callable[[Request], bool], what: Callable[[], object]) -> None:
    """Do `what` once, just before the first such request is sent."""
    left = [True]

    def hook(request: Request) -> None:
        if left[0] and when(request):
            left[0] = False
            what()

    rig.before_call.append(hook)


@pytest.mark.parametrize(("how", "charges"), [("card", 1), ("out_of_band", 0)])
def test_paid_by_somebody_else_between_read_and_pay(how: str, charges: int):
    """The customer pays in the instant between our read and `pay`: RECOVERED_ELSEWHERE, and never two charges."""
    rig = failing()
    meanwhile(rig, lambda request: request.is_pay, lambda: control.pay_elsewhere(rig.world, "ada", how=how))
    rig.live(10)
    case = rig.case("ada")
    assert case.state is CaseState.RECOVERED_ELSEWHERE
    assert len(rig.pays()) == 1
    assert len(rig.successes(case.invoice)) == charges
    assert [each.state for each in rig.attempts(case)] == [AttemptState.NOT_SUBMITTED]
    truth.agree(rig)


@pytest.mark.parametrize("part", ["/subscriptions/", "/customers/", "/invoices/"])
def test_paid_by_somebody_else_before_a_read(part: str):
    """Paid between the intent and any of our reads: the gate sees it, and `pay` is never sent."""
    rig = failing()
    meanwhile(
        rig,
        lambda request: part in request.path and rig.case("ada").state is CaseState.ATTEMPTING,
        lambda: control.pay_elsewhere(rig.world, "ada"),
    )
    rig.live(10)
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE
    assert rig.pays() == []
    truth.agree(rig)


@pytest.mark.parametrize("at_pay", [True, False], ids=["just before pay", "before the read"])
def test_voided_in_between(at_pay: bool):
    """The invoice is voided between intent and call: closed as voided, nothing charged, the subscription untouched."""
    rig = failing()
    meanwhile(
        rig,
        lambda request: (
            request.is_pay
            if at_pay
            else "/customers/" in request.path and rig.case("ada").state is CaseState.ATTEMPTING
        ),
        lambda: control.void_invoice(rig.world, rig.case("ada").invoice),
    )
    rig.live(10)
    case = rig.case("ada")
    assert (case.state, case.closed_because) == (CaseState.CLOSED, "voided")
    assert len(rig.pays()) == int(at_pay)
    assert rig.successes(case.invoice) == []
    assert rig.subscription("ada")["status"] != "canceled"
    truth.agree(rig)


def test_subscription_cancelled_by_somebody_in_between():
    """The subscription is cancelled between intent and read: no call; closed, and nothing is written off by us."""
    rig = failing()
    meanwhile(
        rig,
        lambda request: "/subscriptions/" in request.path and rig.case("ada").state is CaseState.ATTEMPTING,
        lambda: control.cancel_subscription(rig.world, "ada"),
    )
    rig.live(10)
    case = rig.case("ada")
    assert (case.state, case.closed_because) == (CaseState.CLOSED, "subscription_cancelled_by_other")
    assert rig.pays() == []
    assert rig.invoices("ada")[-1]["status"] == "open"
    truth.agree(rig)


@pytest.mark.parametrize("heard", [True, False], ids=["with its event", "unheard"])
def test_a_new_default_card_is_the_one_that_is_charged(heard: bool):
    """The card was replaced between planning and attempt: `pay` names the new one, as the ledger shows (A20)."""
    rig = failing(times=None)
    if not heard:
        rig.post = lambda url, headers, body: 503
    old = rig.case("ada").payment_method
    new = control.replace_card(rig.world, "ada", "pm_card_mastercard")
    rig.live(10)
    case = rig.case("ada")
    assert new != old
    assert case.state is CaseState.RECOVERED
    (charge,) = rig.successes(case.invoice)
    (pay,) = rig.pays()
    assert charge["payment_method"] == new
    assert ("payment_method", new) in pay.params
    truth.agree(rig)


def test_replaced_in_the_instant_before_pay():
    """The card changes between our read and `pay`: the card that was gated is the one charged, not an unseen one (A20)."""
    rig = failing(times=None)
    old = rig.case("ada").payment_method
    meanwhile(
        rig,
        lambda request: request.is_pay,
        lambda: control.replace_card(rig.world, "ada", "pm_card_visa_chargeCustomerFailLostCard"),
    )
    rig.live(3)
    first = rig.pays()[0]
    assert ("payment_method", old) in first.params
    assert rig.charges(rig.case("ada").invoice)[1]["payment_method"] == old


def test_a_card_that_is_only_attached_wakes_nothing():
    """`attached` without becoming a default: no read of the case, no call, no decision (A20)."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", "expired_card")
    rig.live(1.5)
    before = rig.case("ada")
    assert before.state is CaseState.WAITING_FOR_CUSTOMER
    rig.attach("ada", "pm_card_mastercard")
    rig.live(0.1)
    assert rig.pays() == []
    after = rig.case("ada")
    assert (after.state, after.payment_method, after.due_at) == (before.state, before.payment_method, before.due_at)
    rig.live(9)
    assert rig.case("ada").state is CaseState.EXHAUSTED
    assert rig.pays() == []


def test_a_new_card_reopens_a_waiting_case_at_once():
    """An expired card waits for the customer; a new default card is tried at its first legal moment and recovers."""
    rig = Rig({"ada": worlds.customer()})
    rig.decline("ada", "expired_card")
    rig.live(3)
    control.replace_card(rig.world, "ada", "pm_card_mastercard")
    rig.live(0.1)
    assert rig.case("ada").state is CaseState.RECOVERED
    assert len(rig.pays()) == 1
    truth.agree(rig)


@pytest.mark.parametrize("at", ["/v1/invoices", "/v1/subscriptions/"], ids=["before the reads", "among the reads"])
def test_paid_between_the_end_of_recovery_and_the_cancellation(at: str):
    """The customer pays when the cancellation is due and not yet read for: nobody is cancelled, RECOVERED_ELSEWHERE (C4)."""
    rig = Rig({"ben": worlds.customer()})
    rig.decline("ben", "lost_card")
    meanwhile(
        rig,
        lambda request: request.path.startswith(at) and [each.state for each in rig.cases()] == [CaseState.FINISHING],
        lambda: control.pay_elsewhere(rig.world, "ben"),
    )
    rig.live(5)
    assert rig.case("ben").state is CaseState.RECOVERED_ELSEWHERE
    assert rig.subscription("ben")["status"] == "active"
    assert [each for each in rig.requests if each.method == "DELETE"] == []


def test_a_later_paid_invoice_keeps_the_customer():
    """A newer invoice of the subscription is paid while an older case ends: not cancelled, kept_paying_customer (C4)."""
    rig = Rig({"ben": worlds.customer(renews_in_days=0.1)}, loaded=worlds.manifest(window_days=40, attempts=1))
    rig.decline("ben", "requires_action")
    rig.live(20)
    control.approve(rig.world, "ben")
    rig.live(30)
    case = rig.case("ben")
    assert (case.state, case.closed_because) == (CaseState.CLOSED, "kept_paying_customer")
    assert rig.subscription("ben")["status"] != "canceled"
    assert [each for each in rig.requests if each.method == "DELETE"] == []


def test_paid_counts_for_more_than_a_cancelled_subscription():
    """Cancelled by somebody and paid, and only the cancellation is heard of: RECOVERED_ELSEWHERE, not closed (B4)."""
    rig = failing()
    rig.post = lambda url, headers, body: rig.deliver(url, headers, body) if b"customer.subscription" in body else 503
    control.pay_elsewhere(rig.world, "ada")
    control.cancel_subscription(rig.world, "ada")
    rig.live(0.01)
    assert rig.case("ada").state is CaseState.RECOVERED_ELSEWHERE


def test_a_part_paid_between_read_and_pay_is_not_counted_as_ours():
    """A third is paid in cash just before `pay` leaves: the books say what our charge took, to the cent (G1)."""
    rig = failing()

    def part() -> None:
        (account,) = rig.world.sim.accounts.values()
        row = account.get("invoice", rig.case("ada").invoice)
        change(rig.world.sim, account, row, "invoice.updated", amount_paid=966, amount_remaining=1934)

    meanwhile(rig, lambda request: request.is_pay, part)
    rig.live(10)
    case = rig.case("ada")
    assert case.state is CaseState.RECOVERED
    (took,) = rig.successes(case.invoice)
    (attempt,) = rig.attempts(case)
    assert took["amount"] == 1934
    assert (case.amount.amount_minor, attempt.amount.amount_minor) == (1934, 1934)
    truth.agree(rig)
