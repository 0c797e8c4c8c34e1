"""Units of work: all or nothing, reading writes nothing, when there is work next."""

from __future__ import annotations

import dataclasses
import threading

import pytest

from flexpay_reconcile.adapters.sqlite_store import upkeep
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.ports.rows import InboxState
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import FINAL_STATES, CaseState
from flexpay_reconcile.recovery.final_action import ActionKind
from flexpay_reconcile.values.instant import Span
from tests.contract.store.makers import (
    ACCOUNT,
    action_of,
    at,
    attempt_of,
    case_of,
    charge_of,
    entry_of,
    event_of,
    invoice,
    ledger_of,
    transaction_of,
)

WRITES = {
    "inbox.put": lambda unit: unit.inbox.put(event_of(9)),
    "inbox.rewrite": lambda unit: unit.inbox.rewrite(event_of(1)),
    "cards.rewrite": lambda unit: unit.cards.rewrite(ledger_of(charge_of(1))),
    "inbox.mark": lambda unit: unit.inbox.mark(event_of(1)),
    "cases.add": lambda unit: unit.cases.add(case_of(9)),
    "cases.save": lambda unit: unit.cases.save(case_of(1)),
    "attempts.add": lambda unit: unit.attempts.add(attempt_of(9)),
    "attempts.save": lambda unit: unit.attempts.save(attempt_of(1)),
    "cards.put": lambda unit: unit.cards.put([ledger_of(charge_of(9))]),
    "actions.add": lambda unit: unit.actions.add(action_of(ActionKind.TAG_INVOICE)),
    "actions.save": lambda unit: unit.actions.save(action_of(ActionKind.CANCEL_SUBSCRIPTION)),
    "transactions.put": lambda unit: unit.transactions.put(transaction_of(9)),
    "transactions.link_invoice": lambda unit: unit.transactions.link_invoice(ACCOUNT, "pi_9", invoice(9)),
    "journal.append": lambda unit: unit.journal.append(entry_of("x")),
    "leases.acquire": lambda unit: unit.leases.acquire("a", at(), Span.of(minutes=1)),
    "leases.release": lambda unit: unit.leases.release("x"),
    "marks.set": lambda unit: unit.marks.set("x", "y"),
}


def _fill(unit) -> None:
    """One row of each kind."""
    unit.inbox.put(event_of(1))
    unit.cases.add(case_of(1))
    unit.attempts.add(attempt_of(1))
    unit.cards.put([ledger_of(charge_of(1))])
    unit.actions.add(action_of(ActionKind.CANCEL_SUBSCRIPTION))
    unit.transactions.put(transaction_of(1))
    unit.transactions.link_invoice(ACCOUNT, "pi_1", invoice(1))
    unit.journal.append(entry_of("x"))
    unit.leases.acquire("a", at(), Span.of(minutes=1))
    unit.marks.set("x", "y")


def test_an_exception_leaves_nothing(store, state):
    """Whatever a unit of work wrote is gone when it does not end well (invariant B3)."""
    empty = upkeep.row_counts(state.database)

    class Stopped(BaseException):
        pass

    with pytest.raises(Stopped), store.begin() as unit:
        _fill(unit)
        raise Stopped
    assert upkeep.row_counts(state.database) == empty
    with store.begin() as unit:
        _fill(unit)
    assert upkeep.row_counts(state.database) != empty
    assert upkeep.unsound(state.database) == ()


@pytest.mark.parametrize("name", WRITES)
def test_reading_writes_nothing(store, state, name):
    """Every method that writes is refused in a reading view, and nothing has changed."""
    with store.begin() as unit:
        _fill(unit)
    before = list(state.database.connection().iterdump())
    with pytest.raises(BrokenInvariant, match="only reads"), store.reading() as unit:
        WRITES[name](unit)
    assert list(state.database.connection().iterdump()) == before


def test_every_writing_method_is_listed(store):
    """The list above names every method of every repository that is not known to read."""
    reads = set("pending with_key for_object counts get live_for_invoice lives_of live_for_subscription".split())
    reads |= set(
        "live_for_customer begun_before due list find of_invoice to_resolve sent_since ended_since of_card".split()
    )
    reads |= set(
        "of_payment_method of_case of_subscription called_since count verify current starting newest after oldest_pending".split()
    )
    with store.reading() as unit:
        rooms = ("inbox", "cases", "attempts", "cards", "actions", "transactions", "journal", "leases", "marks")
        found = {
            f"{room}.{method}"
            for room in rooms
            for method in dir(getattr(unit, room))
            if not method.startswith("_") and method not in reads
        }
    assert found == set(WRITES)


def test_units_do_not_nest(store, state):
    """One within the other on one thread would wait for itself; it is refused at once, and questions are not."""
    with store.begin():
        with pytest.raises(BrokenInvariant, match="nest"), store.begin():
            pass
        with pytest.raises(BrokenInvariant, match="nest"), store.reading():
            pass
        with pytest.raises(BrokenInvariant, match="nest"):
            state.control.release_lock("x")
        assert state.control.latest() is None
        assert store.next_due() is None
    with store.begin() as unit:
        unit.marks.set("after", "works")


def test_a_unit_that_failed_inside_is_not_committed(store):
    """Swallowing a refused row does not save the rest of the unit."""
    with store.begin() as unit:
        unit.cases.add(case_of(1))
    with pytest.raises(BrokenInvariant, match="rolled back"), store.begin() as unit:
        unit.marks.set("x", "y")
        with pytest.raises(BrokenInvariant):
            unit.cases.add(case_of(1, life=2))
        with pytest.raises(BrokenInvariant, match="sound"):
            unit.marks.get("x")
    with store.reading() as unit:
        assert unit.marks.get("x") is None


def test_a_unit_of_work_is_over_when_it_is_over(store):
    """A repository kept beyond its unit of work neither reads nor writes."""
    with store.begin() as unit:
        marks = unit.marks
    with pytest.raises(BrokenInvariant, match="sound"):
        marks.set("x", "y")
    with store.begin() as unit, pytest.raises(BrokenInvariant):
        marks.get("x")


def test_writers_of_many_threads_lose_no_update(store):
    """Eight threads that each add one, twenty-five times: the write lock is taken before the read."""
    with store.begin() as unit:
        unit.marks.set("sum", "0")

    def add() -> None:
        for _ in range(25):
            with store.begin() as unit:
                unit.marks.set("sum", str(int(unit.marks.get("sum") or 0) + 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with store.reading() as unit:
        assert unit.marks.get("sum") == "200"


def test_next_due_is_the_earliest_of_all(store):
    """Inbox, plans, checks and cases count, ended ones only where they owe something; done and waiting things do not."""
    assert store.next_due() is None
    with store.begin() as unit:
        unit.cases.add(case_of(1, due_at=at(9)))
        unit.cases.add(case_of(2, due_at=None, state=CaseState.CLOSED))
        unit.cases.add(case_of(3, due_at=None))
    assert store.next_due() == at(9)
    with store.begin() as unit:
        unit.cases.add(case_of(4, due_at=at(8, minutes=30), state=CaseState.RECOVERED))
        assert [each.id for each in unit.cases.due(FINAL_STATES, at(9), 5)] == [case_of(4).id]
    assert store.next_due() == at(8, minutes=30)
    with store.begin() as unit:
        unit.attempts.add(attempt_of(1, planned_for=at(8)))
    assert store.next_due() == at(8)
    with store.begin() as unit:
        unit.attempts.add(attempt_of(1, of=3, state=AttemptState.PENDING, check_at=at(7)))
        unit.attempts.add(attempt_of(2, of=3, state=AttemptState.DECLINED, planned_for=at(2), check_at=at(2)))
    assert store.next_due() == at(7)
    with store.begin() as unit:
        unit.inbox.put(event_of(1, received_at=at(2), next_try_at=at(6)))
    assert store.next_due() == at(6)
    with store.begin() as unit:
        unit.inbox.put(event_of(2, received_at=at(5)))
    assert store.next_due() == at(5)
    with store.begin() as unit:
        for number in (1, 2):
            unit.inbox.mark(dataclasses.replace(event_of(number), state=InboxState.DONE))
    assert store.next_due() == at(7)


def test_marks_of_one_family_are_found(store):
    """By the beginning of their name, in order; neither a neighbour nor a wildcard in the name is taken for one."""
    with store.begin() as unit:
        for name in ("lost:b", "lost:a", "lost", "lost;", "los%:a", "lost:é"):
            unit.marks.set(name, name.upper())
    with store.reading() as view:
        assert view.marks.starting("lost:") == (("lost:a", "LOST:A"), ("lost:b", "LOST:B"), ("lost:é", "LOST:É"))
        assert view.marks.starting("los%") == (("los%:a", "LOS%:A"),)
        assert view.marks.starting("nothing:") == ()
