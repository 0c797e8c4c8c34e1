"""Looks at many accounts: how many calls a plan makes, side by side as one by one, and what an exception does."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from flexpay_reconcile.bootstrap import SideBySide
from flexpay_reconcile.operations.observe_account import AccountLook, observe_all, one_by_one
from flexpay_reconcile.reconcile import codec
from tests.unit.operations_control.harness import House

MOST_COLD, MOST_WARM = 22, 6


def test_a_plan_makes_at_most_22_calls_an_integration() -> None:
    """Identity and six rows of both keys, endpoints, and the invoices Stripe may still retry."""
    house = House()
    house.plan()
    assert 18 <= len(house.calls) <= MOST_COLD


def test_without_probes_a_plan_makes_at_most_6() -> None:
    """What `drift`, and apply's second look, cost."""
    house = House()
    house.plan(probe=False, evidence=True)
    assert len(house.calls) <= MOST_WARM


def test_side_by_side_gives_the_same_plan() -> None:
    """The order in which answers come does not reach the plan."""
    one, other = House(), House()
    lock, real = threading.Lock(), other.transport.request

    def guarded(*positional: Any, **named: Any) -> Any:
        with lock:  # the simulator in process serves one request at a time
            return real(*positional, **named)

    other.transport.request = guarded  # type: ignore[method-assign]
    assert codec.to_json(one.plan(state=False)) == codec.to_json(other.plan(state=False, together=SideBySide()))


def test_looks_run_at_once_within_the_bound() -> None:
    """Four threads for eighty looks: four wait for each other, none of them alone, and no fifth is let in."""
    together, most, inside, lock = threading.Barrier(4, timeout=10), 0, 0, threading.Lock()

    def look() -> int:
        nonlocal most, inside
        with lock:
            inside += 1
            most = max(most, inside)
        together.wait()
        with lock:
            inside -= 1
        return threading.get_ident()

    heard: list[tuple[int, int]] = []
    found = SideBySide(lambda done, of: heard.append((done, of)), workers=4)([look] * 80)
    assert len(found) == 80
    assert (len(set(found)), most) == (4, 4)
    assert heard == [(number, 80) for number in range(1, 81)]


def test_an_exception_is_not_swallowed() -> None:
    """What is no `Unseen` ends the whole plan."""

    def broken() -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        SideBySide()([broken, int, int])


def test_accounts_take_turns_and_answers_find_their_way_back() -> None:
    """The first looks of all accounts come first; each view holds its own account's answers."""
    order: list[str] = []

    def look(name: str) -> Any:
        def found() -> tuple[str, ...]:
            order.append(name)
            return (name,)

        return found

    looks = [
        AccountLook(
            identities=(look(f"{at}i"),),
            permissions=(look(f"{at}p"),),
            endpoints=look(f"{at}e"),
            retries=look(f"{at}r"),
        )
        for at in "ab"
    ]
    views = observe_all(looks, one_by_one)
    assert order == ["ai", "bi", "ap", "bp", "ae", "be", "ar", "br"]
    told: list[Any] = [(v.identities, v.permissions, v.endpoints, v.retries) for v in views]
    assert told == [
        ((("ai",),), ("ap",), ("ae",), ("ar",)),
        ((("bi",),), ("bp",), ("be",), ("br",)),
    ]
