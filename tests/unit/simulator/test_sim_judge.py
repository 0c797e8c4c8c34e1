"""The judge: each finding can be made, and what is allowed is not found."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flexpay_reconcile.simulator.findings import Code, Rules
from flexpay_reconcile.simulator.judge import Judge, judge
from flexpay_reconcile.simulator.ledger import Ledger
from flexpay_reconcile.simulator.state import Cause
from tests.unit.simulator.helpers import DAY, HOUR

ACCOUNT = "acct_1AcmeUS"
Scribe = Callable[["_Book"], None]


class _Book:
    """A ledger written by hand."""

    def __init__(self) -> None:
        self.source = "request"
        self.ledger = Ledger(lambda: Cause(source=self.source))
        self.made = 0

    def open(self, invoice: str = "in_1", subscription: str | None = "sub_1", due: int = 2900) -> None:
        """An invoice from draft to open."""
        self.ledger.state(0, ACCOUNT, invoice, "draft", amount=due, detail=subscription)
        self.ledger.state(0, ACCOUNT, invoice, "open", amount=due)

    def charge(self, at: int = 0, status: str = "failed", **changes: Any) -> str:
        """An attempt."""
        self.made += 1
        row = {
            "id": f"ch_{self.made}",
            "account": ACCOUNT,
            "livemode": False,
            "invoice": "in_1",
            "customer": "cus_1",
            "amount": 2900,
            "currency": "usd",
            "status": status,
            "created": at,
            "source": "request",
            "fingerprint": "print",
            "brand": "visa",
            "reason": None if status == "succeeded" else "insufficient_funds",
            "network_status": "approved_by_network" if status == "succeeded" else "declined_by_network",
            "advice_code": None,
            "network_advice_code": None,
            **changes,
        }
        self.ledger.charge(row)
        return str(row["id"])

    def state(self, object_: str, status: str, at: int = 0, **more: Any) -> None:
        """A change of state."""
        self.ledger.state(at, ACCOUNT, object_, status, **more)

    def refund(self, charge: str, amount: int, id_: str = "re_1") -> None:
        """Money given back."""
        self.ledger.refund({"id": id_, "charge": charge, "amount": amount, "created": 0, "status": "pending"})

    def codes(self, rules: Rules | None = None) -> list[tuple[Code, bool]]:
        """What is found, and whether it only informs."""
        return [(each.code, each.informative) for each in judge(self.ledger, rules)]


def _paid(book: _Book, at: int = 0, amount: int = 2900) -> None:
    book.charge(at, "succeeded")
    book.state("in_1", "paid", at, amount=amount)


def _twice(book: _Book) -> None:
    book.charge(0, "succeeded")
    book.charge(DAY, "succeeded")


def _after_paid(book: _Book) -> None:
    _paid(book)
    book.charge(DAY)


def _after_void(book: _Book) -> None:
    book.state("in_1", "void")
    book.charge(DAY)


def _after_uncollectible(book: _Book) -> None:
    book.state("in_1", "uncollectible")
    book.charge(DAY)


def _after_cancel(book: _Book) -> None:
    book.state("sub_1", "canceled")
    book.charge(DAY)


def _too_many(book: _Book) -> None:
    for number in range(16):
        book.charge(number * DAY)


def _after_never(book: _Book) -> None:
    book.charge(0, reason="lost_card")
    book.charge(9 * DAY)


def _after_never_by_stripe(book: _Book) -> None:
    book.charge(0, reason="lost_card")
    book.charge(9 * DAY, source="stripe")


def _after_advice(book: _Book) -> None:
    book.charge(0, advice_code="do_not_try_again")
    book.charge(9 * DAY)


def _after_network_advice(book: _Book) -> None:
    book.charge(0, brand="mastercard", network_advice_code="21")
    book.charge(9 * DAY, brand="mastercard")


def _at_once(book: _Book) -> None:
    book.charge(0)
    book.charge(299)


def _refunded(book: _Book) -> None:
    _paid(book)
    book.refund("ch_1", 2000, "re_1")
    book.refund("ch_1", 1000, "re_2")


def _canceled(book: _Book) -> None:
    book.charge(0)
    _paid(book, 7 * DAY)
    book.state("sub_1", "canceled", 7 * DAY + HOUR)


def _differs(book: _Book) -> None:
    _paid(book, amount=2800)


def _bank_debit_twice(book: _Book) -> None:
    book.charge(0, "pending")
    book.charge(DAY, "succeeded")
    book.state("ch_1", "succeeded", 2 * DAY)


WRONG: dict[str, tuple[Scribe, tuple[Code, bool]]] = {
    "twice": (_twice, (Code.CHARGED_TWICE, False)),
    "twice, by a bank debit that settled late": (_bank_debit_twice, (Code.CHARGED_TWICE, False)),
    "after paid": (_after_paid, (Code.CHARGED_AFTER_PAID, False)),
    "after void": (_after_void, (Code.CHARGED_AFTER_VOID, False)),
    "after uncollectible": (_after_uncollectible, (Code.CHARGED_AFTER_UNCOLLECTIBLE, True)),
    "after cancel": (_after_cancel, (Code.CHARGED_AFTER_CANCEL, True)),
    "too many": (_too_many, (Code.TOO_MANY_ATTEMPTS, False)),
    "after never": (_after_never, (Code.ATTEMPT_AFTER_NEVER, False)),
    "after never, by Stripe": (_after_never_by_stripe, (Code.ATTEMPT_AFTER_NEVER, True)),
    "after Stripe's advice": (_after_advice, (Code.ATTEMPT_AFTER_NEVER, False)),
    "after the network's advice": (_after_network_advice, (Code.ATTEMPT_AFTER_NEVER, False)),
    "at once": (_at_once, (Code.ATTEMPTS_AT_ONCE, False)),
    "refunded too much": (_refunded, (Code.REFUNDED_TOO_MUCH, False)),
    "cancelled after it was paid": (_canceled, (Code.CANCELED_AFTER_PAID, False)),
    "amounts": (_differs, (Code.AMOUNTS_DIFFER, False)),
}


@pytest.mark.parametrize("name", list(WRONG))
def test_what_is_wrong_is_found(name: str) -> None:
    """One wrong thing in a ledger, one finding of its code."""
    book = _Book()
    book.open()
    write, expected = WRONG[name]
    write(book)
    assert book.codes() == [expected]


def test_every_code_can_be_found() -> None:
    """No code stands for something the table above cannot make."""
    assert {code for _, (code, _) in WRONG.values()} == set(Code)


def _fifteen(book: _Book) -> None:
    for number in range(15):
        book.charge(number * DAY)
    book.charge(30 * DAY)  # the first has left the window


def _blocked(book: _Book) -> None:
    for number in range(20):
        book.charge(number * HOUR, network_status="not_sent_to_network")


def _two_cards(book: _Book) -> None:
    book.charge(0, reason="stolen_card")
    book.charge(DAY, fingerprint="other")


def _visa_03(book: _Book) -> None:
    book.charge(0, network_advice_code="03")
    book.charge(DAY)


def _customer_pays_at_once(book: _Book) -> None:
    book.charge(0)
    book.charge(60, "succeeded", source="customer")


def _failed_refund(book: _Book) -> None:
    _paid(book)
    book.refund("ch_1", 2900, "re_1")
    book.state("re_1", "failed")
    book.refund("ch_1", 2900, "re_2")


def _canceled_by_the_customer(book: _Book) -> None:
    book.charge(0)
    _paid(book, 7 * DAY)
    book.source = "customer"
    book.state("sub_1", "canceled", 7 * DAY + HOUR)


def _two_parts(book: _Book) -> None:
    book.charge(0, "succeeded", amount=1000)
    book.charge(DAY, "succeeded", amount=1900)
    book.state("in_1", "paid", DAY, amount=2900)


def _outside(book: _Book) -> None:
    book.state("in_1", "paid", amount=2900, detail="out_of_band")


def _history(book: _Book) -> None:
    for number in range(20):
        book.charge(number, reason="lost_card", source="history")


def _bank_debit(book: _Book) -> None:
    book.charge(0, "pending")
    row = dict(book.ledger.charges[-1])
    book.ledger.charge({**row, "status": "succeeded", "at": 4 * DAY})
    book.state("ch_1", "succeeded", 4 * DAY)
    book.state("in_1", "paid", 4 * DAY, amount=2900)


RIGHT: dict[str, Scribe] = {
    "a bank debit answered days later": _bank_debit,
    "fifteen refusals in a window": _fifteen,
    "attempts that never reached the network": _blocked,
    "another card after a stolen one": _two_cards,
    "advice 03 of another network": _visa_03,
    "the customer pays a minute later": _customer_pays_at_once,
    "a refund that failed and is made again": _failed_refund,
    "the customer cancels after paying": _canceled_by_the_customer,
    "two payments that make up the amount": _two_parts,
    "paid out of band": _outside,
    "history": _history,
}


@pytest.mark.parametrize("name", list(RIGHT))
def test_what_is_allowed_is_not_found(name: str) -> None:
    """No finding where nothing is wrong."""
    book = _Book()
    book.open()
    RIGHT[name](book)
    assert book.codes() == []


def test_the_figures_can_be_set() -> None:
    """Twenty for Visa lets sixteen pass; a spacing of a day finds what five minutes does not."""
    book = _Book()
    book.open()
    _too_many(book)
    assert book.codes(Rules(ceilings={"visa": 20})) == []
    assert set(book.codes(Rules(ceilings={}, at_once=DAY + 1))) == {(Code.ATTEMPTS_AT_ONCE, False)}


def test_a_judge_goes_on_from_where_it_stopped() -> None:
    """Asked at each step or once: the same findings."""
    book = _Book()
    book.open()
    steady = Judge(book.ledger)
    for write in (_at_once, _after_paid, _refunded):
        write(book)
        steady.findings()
    assert steady.findings() == judge(book.ledger)
    assert len(steady.findings()) > 3
