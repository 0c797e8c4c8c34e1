"""One turn of all loops: what a fault in one of them stops, and what it does not."""

from __future__ import annotations

import logging
from functools import partial

import pytest

from flexpay_reconcile.daemon.loops import MAX_TURNS, Loop, Loops
from flexpay_reconcile.errors import BrokenInvariant, OperatorError, TryLater
from flexpay_reconcile.values.instant import Instant, Span

NOW = Instant.from_text("2026-11-22T09:00:00Z")


class Work:
    """A loop's turn that does one piece of a heap at a time, or fails."""

    def __init__(self, heap: int = 0, fault: BaseException | None = None) -> None:
        self.heap = heap
        self.fault = fault
        self.turns = 0

    def __call__(self) -> int:
        """One turn."""
        self.turns += 1
        if self.fault is not None:
            raise self.fault
        done = min(self.heap, 1)
        self.heap -= done
        return done


def loops(**turns: Work) -> Loops:
    """Loops of these turns; those whose name begins with `money` may charge or cancel. Work is due while a heap is left."""

    def due() -> Instant | None:
        return NOW if any(work.heap for work in turns.values()) else None

    return Loops(
        loops=tuple(Loop(name=name, turn=work, moves_money=name.startswith("money")) for name, work in turns.items()),
        next_due=due,
        now=lambda: NOW,
    )


def test_each_loop_turns_once_in_order():
    """One turn is one turn of each, in the order given, and the sum of what was done."""
    seen: list[str] = []

    def turn(name: str) -> int:
        seen.append(name)
        return 2

    several = Loops(
        loops=tuple(Loop(name=name, turn=partial(turn, name)) for name in ("a", "b", "c")),
        next_due=lambda: None,
        now=lambda: NOW,
    )
    assert several.turn() == 6
    assert seen == ["a", "b", "c"]
    assert several.progress == dict.fromkeys(seen, NOW)


def test_a_broken_invariant_stops_only_the_loops_that_move_money():
    """Charging and cancelling stop in this very turn; the inbox, before and after it, goes on (invariant G4)."""
    inbox, money, money_2, sweep = Work(5), Work(fault=BrokenInvariant("two charges")), Work(5), Work(5)
    house = loops(inbox=inbox, money_1=money, money_2=money_2, sweep=sweep)
    for _ in range(3):
        house.turn()
    assert (inbox.turns, money.turns, money_2.turns, sweep.turns) == (3, 1, 0, 3)
    assert house.charging_stopped == "two charges"
    assert house.failures == {"money_1": "two charges"}


@pytest.mark.parametrize("fault", [BrokenInvariant("out of order"), KeyError("x"), AssertionError()])
def test_a_bug_in_a_loop_that_moves_no_money_stops_only_itself(fault, caplog):
    """One odd object in the inbox or the sweep is told loudly and tried again; everybody else's recovery goes on."""
    inbox, money, sweep = Work(fault=fault), Work(5), Work(5)
    house = loops(inbox=inbox, money=money, sweep=sweep)
    with caplog.at_level(logging.CRITICAL, "flexpay"):
        house.turn()
        house.turn()
    assert (inbox.turns, money.turns, sweep.turns) == (2, 2, 2)
    assert house.charging_stopped is None
    assert set(house.failures) == {"inbox"}
    assert "inbox" not in house.progress
    assert [record.levelname for record in caplog.records] == ["CRITICAL", "CRITICAL"]
    assert [record.charging_stopped for record in caplog.records] == [False, False]


def test_charging_does_not_begin_again_by_itself():
    """Even when the fault has gone, charging stays stopped until a person starts anew."""
    money = Work(fault=BrokenInvariant("once"))
    house = loops(money=money)
    house.turn()
    money.fault = None
    money.heap = 1
    assert house.turn() == 0
    assert money.turns == 1


@pytest.mark.parametrize("fault", [KeyError("x"), AssertionError(), ZeroDivisionError(), RecursionError()])
def test_a_fault_nobody_foresaw_stops_charging_too(fault, caplog):
    """A bug of any kind, a failed assert too, stops what moves money and leaves the other loops turning."""
    money, money_2, inbox = Work(fault=fault), Work(5), Work(5)
    house = loops(money_1=money, money_2=money_2, inbox=inbox)
    with caplog.at_level(logging.CRITICAL, "flexpay"):
        house.turn()
        house.turn()
    assert (money.turns, money_2.turns, inbox.turns) == (1, 0, 2)
    assert house.charging_stopped == f"unexpected {type(fault).__name__}"
    assert [record.levelname for record in caplog.records] == ["CRITICAL"]
    assert caplog.records[0].exc_info is not None


@pytest.mark.parametrize("fault", [KeyboardInterrupt(), SystemExit(1)])
def test_an_order_to_stop_is_obeyed(fault):
    """What ends the process is not taken for a fault of a loop."""
    house = loops(money=Work(fault=fault))
    with pytest.raises(type(fault)):
        house.turn()
    assert house.charging_stopped is None


@pytest.mark.parametrize("fault", [TryLater("down", code="E-down"), OperatorError("revoked", code="E-key")])
def test_an_outage_or_an_operators_fault_stops_nothing(fault):
    """What time or a person can heal is noted; every loop is tried again at the next turn."""
    money, inbox = Work(fault=fault), Work(5)
    house = loops(money=money, inbox=inbox)
    house.turn()
    assert house.failures == {"money": fault.message}
    assert "money" not in house.progress
    money.fault = None
    house.turn()
    assert (money.turns, inbox.turns) == (2, 2)
    assert house.failures == {}
    assert set(house.progress) == {"money", "inbox"}
    assert house.charging_stopped is None


def test_until_quiet_does_all_there_is():
    """It turns until nothing is due at this moment and says how much was done."""
    one, two = Work(3), Work(7)
    house = loops(one=one, two=two)
    assert house.until_quiet() == 10
    assert (one.heap, two.heap) == (0, 0)
    assert house.until_quiet() == 0


def test_until_quiet_leaves_alone_what_is_due_later():
    """Work that is due in the future is not done now."""
    work = Work(1)
    later = Loops(loops=(Loop(name="a", turn=work),), next_due=lambda: NOW.plus(Span(1)), now=lambda: NOW)
    assert later.until_quiet() == 0
    assert work.turns == 0


def test_until_quiet_ends_when_charging_has_stopped():
    """Due charges that may no longer be made do not keep it turning."""
    money = Work(5, fault=BrokenInvariant("stop"))
    house = loops(money=money)
    assert house.until_quiet() == 0
    assert money.heap == 5


def test_endless_work_is_a_bug():
    """Loops that find work at one moment for ever are stopped and reported, not waited for."""
    work = Work(heap=MAX_TURNS * 2)
    with pytest.raises(BrokenInvariant, match="without end"):
        loops(one=work).until_quiet()
    assert work.turns == MAX_TURNS
