"""Every single fault of a short book, one after the other: die at each boundary, lose each answer, fail each call.

The end must be the end of the run in which nothing went wrong (invariant B1: an exhaustive single-fault sweep).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import stripe

from flexpay_reconcile.manifest.load import Loaded
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.values.instant import Span
from tests.simulation import truth, worlds
from tests.simulation.crashes import Boundaries
from tests.simulation.rig import Request, Rig

DAYS = 2.5
SOON = 0.05
SHARES = 2
"""The sweep is cut into so many tests, so that workers can share it."""


def quick(**more: Any) -> Loaded:
    """A policy that is over in two days."""
    return worlds.manifest(attempts=2, window_days=2, spacing_hours=12, **more)


def soft_then_paid() -> Rig:
    """One soft decline, then the second try is approved."""
    rig = Rig({"ada": worlds.customer(renews_in_days=SOON)}, loaded=quick())
    rig.decline("ada", "insufficient_funds", times=2)
    return rig


def hard() -> Rig:
    """One hard decline with all final actions."""
    rig = Rig({"ben": worlds.customer("pm_card_mastercard", renews_in_days=SOON)}, loaded=quick())
    rig.decline("ben", "lost_card")
    return rig


def scheduled() -> Rig:
    """One hard decline; the cancellation is scheduled at the end of the day's period, waited for, then all the rest."""
    rig = Rig(
        {"dora": worlds.customer(renews_in_days=SOON, price="daily")}, loaded=quick(action="cancel_at_period_end")
    )
    rig.decline("dora", "lost_card")
    return rig


class PaysAfterADay(Rig):
    """A rig whose customer pays by another way after one day."""

    def live(self, days: float, **given: Any) -> None:
        """Live with the payment in between."""
        super().live(1.0, **given)
        control.pay_elsewhere(self.world, "emil", how="out_of_band")
        super().live(days - 1.0, **given)


def taken_back() -> Rig:
    """One hard decline and a scheduled cancellation; a day later the money comes, and it is taken back."""
    book = {"emil": worlds.customer(renews_in_days=SOON)}
    rig = PaysAfterADay(book, loaded=quick(action="cancel_at_period_end"))
    rig.decline("emil", "lost_card")
    return rig


def customer_must_act() -> Rig:
    """Authentication is asked for; the customer never acts, so the window ends it."""
    rig = Rig({"cleo": worlds.customer("pm_card_visa_debit", renews_in_days=SOON)}, loaded=quick())
    rig.decline("cleo", "requires_action")
    return rig


BOOKS: dict[str, Callable[[], Rig]] = {
    "soft": soft_then_paid,
    "hard": hard,
    "customer": customer_must_act,
    "scheduled": scheduled,
    "taken back": taken_back,
}


def ending(rig: Rig) -> dict[str, Any]:
    """What must not depend on the fault: charges and their order, states at Stripe and with us, actions."""
    case = rig.cases()[0]
    states = [(row["object"], row["status"]) for row in rig.world.ledger.rows if row["kind"] == "state"]
    (account,) = rig.world.sim.accounts.values()
    subscription = account.get("subscription", case.subscription)
    return {
        "flag": (subscription["cancel_at_period_end"], subscription["metadata"]),
        "charges": [(row["invoice"], row["status"], row["payment_method"]) for row in rig.charges()],
        "states": [each for each in states if each[1] in ("paid", "canceled", "uncollectible", "void")],
        "case": (case.state, case.attempts_used, case.ended_by),
        "actions": [(each.kind, each.state) for each in rig.actions(case)],
        "owes": case.due_at,
    }


def undisturbed(book: str) -> tuple[dict[str, Any], list[str], list[Request]]:
    """The ending without a fault, its durable boundaries, and its calls."""
    rig = BOOKS[book]()
    boundaries = Boundaries(rig)
    rig.live(DAYS)
    truth.agree(rig)
    return ending(rig), boundaries.names, rig.requests


def sweep_crashes(book: str, *, share: int = 0, shares: int = 1, durable: bool = True) -> int:
    """Die once at each boundary of this share and compare the ends; returns how many were tried."""
    wanted, _, _ = undisturbed(book)
    tried, number = 0, 1 + share
    while True:
        rig = BOOKS[book]()
        bomb = Boundaries(rig, die_at=number, durable=durable)
        rig.live(DAYS, down=Span.of(minutes=(0, 6, 47)[number % 3], seconds=1))
        if rig.crashes == 0:
            return tried
        assert rig.crashes == 1
        assert ending(rig) == wanted, f"died at {number}: {bomb.names[number - 1]}"
        truth.agree(rig)
        tried += 1
        number += shares


@pytest.mark.parametrize("share", range(SHARES))
@pytest.mark.parametrize("book", list(BOOKS))
def test_dying_at_every_boundary_changes_nothing(book: str, share: int):
    """After each commit and each call that Stripe carried out the process dies once, and the end is the same."""
    assert sweep_crashes(book, share=share, shares=SHARES) > 10


def fault_before(request: Request) -> None:
    """No answer, and nothing was executed."""
    raise stripe.APIConnectionError("timed out")


def fault_refused(request: Request) -> None:
    """No connection was made."""
    raise stripe.APIConnectionError("refused") from ConnectionRefusedError()


class FailOne:
    """Fails the n-th call."""

    def __init__(self, number: int, fault: Callable[[Request], None]) -> None:
        """Counts from 1."""
        self.seen = 0
        self._number = number
        self._fault = fault

    def __call__(self, request: Request) -> None:
        self.seen += 1
        if self.seen == self._number:
            self._fault(request)


def half_an_answer(number: int) -> Callable[[Request, int, str], str]:
    """The n-th answer is cut in the middle."""
    seen = [0]

    def cut(request: Request, status: int, body: str) -> str:
        seen[0] += 1
        return body[: len(body) // 2] if seen[0] == number else body

    return cut


FAULTS: dict[str, Callable[[Rig, int], None]] = {
    "timed out before execution": lambda rig, number: rig.before_call.append(FailOne(number, fault_before)),
    "executed, answer lost": lambda rig, number: rig.after_call.append(FailOne(number, fault_before)),
    "connection refused": lambda rig, number: rig.before_call.append(FailOne(number, fault_refused)),
    "answer cut in half": lambda rig, number: rig.change_answer.append(half_an_answer(number)),
}


@pytest.mark.parametrize("fault", list(FAULTS))
@pytest.mark.parametrize("book", list(BOOKS))
def test_failing_every_call_once_changes_nothing(book: str, fault: str):
    """Each call fails once: writes in every way, reads in one of the two ways that differ for a read."""
    wanted, _, calls = undisturbed(book)
    for number, call in enumerate(calls, start=1):
        if call.method == "GET" and fault != ("timed out before execution", "answer cut in half")[number % 2]:
            continue
        rig = BOOKS[book]()
        FAULTS[fault](rig, number)
        rig.live(DAYS)
        assert ending(rig) == wanted, f"call {number}: {call}"
        truth.agree(rig)


def test_the_books_end_as_named():
    """The books reach different ends, so that the sweeps pass through every kind of boundary."""
    ends = {name: undisturbed(name)[0]["case"][0] for name in BOOKS}
    assert ends == {
        "soft": CaseState.RECOVERED,
        "hard": CaseState.HARD_DECLINED,
        "customer": CaseState.EXHAUSTED,
        "scheduled": CaseState.HARD_DECLINED,
        "taken back": CaseState.RECOVERED_ELSEWHERE,
    }
    assert undisturbed("scheduled")[0]["flag"][1]["fp-uncollectible"] == "true"
    assert undisturbed("taken back")[0]["flag"] == (False, {})
