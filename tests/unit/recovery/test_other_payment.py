"""Money that may already be on its way: which payments of an invoice make us wait."""

from __future__ import annotations

import pytest

from flexpay_reconcile.billing.charge import ChargeStatus
from flexpay_reconcile.recovery import gates
from flexpay_reconcile.recovery.gates import SETTLING, Then
from flexpay_reconcile.recovery.other_payment import on_its_way
from tests.unit.billing import reads
from tests.unit.recovery import book
from tests.unit.recovery.book import NOW, facts, payment

FAILED = reads.charge()
PENDING = reads.charge(status=ChargeStatus.PENDING)
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
]
IDLE = [
    payment(None),
    payment("requires_payment_method"),
    payment("requires_payment_method", FAILED),
    payment("requires_action", FAILED),
    payment("requires_confirmation"),
    payment("canceled", FAILED),
    payment("succeeded", SUCCEEDED, status="paid"),
    payment("processing", PENDING, status="paid"),
]


@pytest.mark.parametrize(("one", "words"), WAITS)
def test_what_may_still_bring_money_makes_us_wait(one, words):
    """Processing, to be captured, pending, or succeeded while the invoice is open: each is a reason, with its id."""
    because = on_its_way([one])
    assert because is not None
    assert words in because
    assert "pi_1" in because


@pytest.mark.parametrize("one", IDLE)
def test_what_cannot_bring_money_by_itself_is_no_reason(one):
    """Failed, cancelled, waiting for the customer, or counted already as a part payment."""
    assert on_its_way([one]) is None


@pytest.mark.parametrize(("one", "words"), WAITS)
@pytest.mark.parametrize("before", [0, 1])
def test_one_of_several_is_enough(one, words, before):
    """The payment under way need not be the first nor the default one."""
    found = on_its_way([*IDLE[:before], one, *IDLE[before:]])
    assert found is not None
    assert words in found


def test_without_payments_nothing_is_under_way():
    """An invoice that nobody tried to pay."""
    assert on_its_way([]) is None


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
