"""Money that may already be on its way: which payments of an invoice make us wait."""

from __future__ import annotations

import pytest

from flexpay_reconcile.billing.charge import ChargeStatus
from flexpay_reconcile.recovery import gates
from flexpay_reconcile.recovery.gates import SETTLING, Then
from flexpay_reconcile.recovery.other_payment import on_its_way
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import ChargeId
from tests.unit.billing import reads
from tests.unit.recovery import book
from tests.unit.recovery.book import NOW, facts, payment

OPEN = reads.invoice()
FAILED = reads.charge(id=ChargeId("ch_0"))
PENDING = reads.charge(id=ChargeId("ch_2"), status=ChargeStatus.PENDING)
SUCCEEDED = reads.charge(status=ChargeStatus.SUCCEEDED)

WAITS = [
    (payment("processing"), "under way"),
    (payment("processing", FAILED), "under way"),
    (payment("requires_capture", SUCCEEDED), "under way"),
    (payment("requires_payment_method", PENDING), "under way"),
    (payment(None, PENDING), "under way"),
    (payment("succeeded"), "not counted yet"),
    (payment("requires_payment_method", SUCCEEDED), "not counted yet"),
    (payment(None, SUCCEEDED), "not counted yet"),
    (payment("succeeded", SUCCEEDED, status="paid"), "not counted yet"),
]
IDLE = [
    payment(None),
    payment("requires_payment_method"),
    payment("requires_payment_method", FAILED),
    payment("requires_action", FAILED),
    payment("requires_confirmation"),
    payment("canceled", FAILED),
    payment("processing", PENDING, status="paid"),
    payment("succeeded", status="paid"),
    payment("succeeded", FAILED, status="paid"),
]


@pytest.mark.parametrize(("one", "words"), WAITS)
def test_what_may_still_bring_money_makes_us_wait(one, words):
    """Processing, to be captured, pending, or succeeded while the invoice is open: each is a reason, with its id."""
    because = on_its_way(OPEN, [one])
    assert because is not None
    assert words in because
    assert "pi_1" in because or "ch_1" in because


@pytest.mark.parametrize("one", IDLE)
def test_what_cannot_bring_money_by_itself_is_no_reason(one):
    """Failed, cancelled, waiting for the customer, or counted already as a part payment."""
    assert on_its_way(OPEN, [one]) is None


@pytest.mark.parametrize(("one", "words"), WAITS)
@pytest.mark.parametrize("before", [0, 1])
def test_one_of_several_is_enough(one, words, before):
    """The payment under way need not be the first nor the default one."""
    found = on_its_way(OPEN, [*IDLE[:before], one, *IDLE[before:]])
    assert found is not None
    assert words in found


def test_without_payments_nothing_is_under_way():
    """An invoice that nobody tried to pay."""
    assert on_its_way(OPEN, []) is None


@pytest.mark.parametrize(("counted", "waits"), [(0, True), (1998, True), (1999, False), (2500, False)])
def test_a_part_payment_is_no_reason_once_the_invoice_counts_it(counted, waits):
    """What Stripe calls paid is over when the invoice's amount paid covers it; until then its read is behind."""
    part = reads.invoice(amount_paid=money.of(counted, "usd"))
    paid = payment("succeeded", SUCCEEDED, status="paid")
    assert (on_its_way(part, [paid]) is not None) is waits


@pytest.mark.parametrize("shown", [True, False])
def test_a_charge_of_our_own_counts_whether_the_payments_show_it_or_not(shown):
    """An event told that our charge took the money: wait, and count it once where the payments show it as well."""
    payments = [payment("succeeded", SUCCEEDED, status="paid")] if shown else []
    assert on_its_way(OPEN, payments, SUCCEEDED) is not None
    assert on_its_way(reads.invoice(amount_paid=SUCCEEDED.amount), payments, SUCCEEDED) is None
    assert on_its_way(OPEN, [], FAILED) is None


def test_money_of_another_currency_is_not_added_up():
    """A charge in another currency says nothing of the invoice's own amount paid, and breaks nothing."""
    other = reads.charge(status=ChargeStatus.SUCCEEDED, amount=money.of(1999, "eur"))
    assert on_its_way(OPEN, [payment("succeeded", other, status="paid")]) is None


def test_the_gate_waits_and_gives_nothing_up():
    """The same attempt waits and is asked again: neither charged, nor decided anew, nor ended."""
    closed = gates.ask(facts(payments=(payment("processing"),)))
    assert closed is not None
    assert (closed.gate, closed.then, closed.until) == ("other_payment", Then.WAIT, NOW.plus(SETTLING))


def test_the_gate_waits_beyond_the_window_too():
    """A bank debit may settle after the window: the wait is not turned into a decision that could cancel."""
    late = facts(
        case=book.case(window_until=NOW.plus(book.MS)),
        payments=(payment("processing"),),
    )
    closed = gates.ask(late)
    assert closed is not None
    assert (closed.gate, closed.then) == ("other_payment", Then.WAIT)


@pytest.mark.parametrize("settled", [payment("succeeded", FAILED, status="paid"), payment("succeeded", status="paid")])
def test_a_settled_payment_does_not_hide_one_under_way(settled):
    """A part payment is over; the bank debit beside it, listed after it, is still waited for."""
    found = on_its_way(OPEN, [settled, payment("processing")])
    assert found is not None
    assert "under way" in found


def test_each_charge_that_is_not_counted_yet_is_named():
    """Two part payments whose sum the invoice does not show: both are named to the reader."""
    other = reads.charge(id=ChargeId("ch_9"), status=ChargeStatus.SUCCEEDED)
    paid = [payment("succeeded", each, status="paid") for each in (SUCCEEDED, other)]
    found = on_its_way(reads.invoice(amount_paid=SUCCEEDED.amount), paid)
    assert found == "a payment of it has succeeded and is not counted yet (ch_1, ch_9)"
