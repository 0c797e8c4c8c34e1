"""The journal is append-only, and tampering shows. Leases fence. Marks are kept."""

from __future__ import annotations

import sqlite3

import pytest

from flexpay_reconcile.recovery.journal import GENESIS, chain
from flexpay_reconcile.values.instant import Span
from tests.contract.store.makers import at, case_of, entry_of

CASE = case_of(1).id
TTL = Span.of(minutes=5)


@pytest.fixture
def told(store):
    """A store with a story of four entries, and another case's between them."""
    with store.begin() as unit:
        for number in range(4):
            unit.journal.append(entry_of(f"line {number}", hours=number, amount="19.99 USD", why="☂"))
            unit.journal.append(entry_of("elsewhere", of=2))
    return store


def _tamper(state, statement: str) -> None:
    """What somebody with the file and no conscience could do."""
    connection: sqlite3.Connection = state.database.connection()
    for name in ("journal_no_update", "journal_no_delete", "journal_heads_forward", "journal_heads_no_delete"):
        connection.execute(f"DROP TRIGGER {name}")
    assert connection.execute(statement).rowcount > 0


def test_a_story_comes_back_in_order(told):
    """Each case has its own chain, numbered from 1, each hash over the one before."""
    with told.reading() as unit:
        story = unit.journal.of_case(CASE)
        assert [each.sequence for each in story] == [1, 2, 3, 4]
        assert [each.entry for each in story] == [
            entry_of(f"line {number}", hours=number, amount="19.99 USD", why="☂") for number in range(4)
        ]
        assert story[0].hash == chain(GENESIS, 1, story[0].entry)
        assert story[3].hash == chain(story[2].hash, 4, story[3].entry)
        assert unit.journal.verify(CASE)
        assert unit.journal.verify(case_of(9).id)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET text = 'line 9' WHERE sequence = 2 AND case_id = 'acct_1/in_1/1'",
        "UPDATE journal SET at = at + 1 WHERE sequence = 2",
        "UPDATE journal SET facts = '{}' WHERE sequence = 4",
        "UPDATE journal SET kind = 'outcome' WHERE sequence = 1",
        "UPDATE journal SET kind = 'no such kind' WHERE sequence = 1",
        "UPDATE journal SET sequence = 9 WHERE sequence = 4",
        "DELETE FROM journal WHERE sequence = 2",
        "DELETE FROM journal WHERE sequence = 4",
        "DELETE FROM journal",
        "DELETE FROM journal_heads",
    ],
)
def test_tampering_shows(told, state, statement):
    """A changed, moved, dropped or cut-off entry breaks the chain."""
    _tamper(state, statement)
    with told.reading() as unit:
        assert not unit.journal.verify(CASE)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE journal SET text = 'x'",
        "DELETE FROM journal",
        "INSERT OR REPLACE INTO journal SELECT * FROM journal WHERE sequence = 1",
        "UPDATE journal_heads SET sequence = 1",
        "DELETE FROM journal_heads",
    ],
)
def test_the_database_itself_refuses_changes(told, state, statement):
    """Append-only is a rule of the database, not a habit of this program (invariant G1)."""
    with pytest.raises(sqlite3.IntegrityError, match="G1"):
        state.database.connection().execute(statement)
    with told.reading() as unit:
        assert unit.journal.verify(CASE)


def test_an_entry_of_a_rolled_back_unit_leaves_no_gap(told):
    """What was not committed was never part of the chain."""

    class Stopped(Exception):
        pass

    with pytest.raises(Stopped), told.begin() as unit:
        unit.journal.append(entry_of("never"))
        raise Stopped
    with told.begin() as unit:
        unit.journal.append(entry_of("line 4"))
    with told.reading() as unit:
        assert [each.sequence for each in unit.journal.of_case(CASE)] == [1, 2, 3, 4, 5]
        assert unit.journal.verify(CASE)


def test_the_lease_is_held_by_one(store):
    """While it lasts nobody else gets it; the holder renews it and keeps its fence."""
    with store.begin() as unit:
        assert unit.leases.current() is None
        first = unit.leases.acquire("a", at(), TTL)
        assert first is not None
        assert (first.fence, first.expires_at) == (1, at(minutes=5))
        assert unit.leases.acquire("b", at(minutes=4), TTL) is None
        again = unit.leases.acquire("a", at(minutes=4), TTL)
        assert again is not None
        assert (again.fence, again.expires_at) == (1, at(minutes=9))
    with store.reading() as unit:
        assert unit.leases.current() == again


def test_a_takeover_raises_the_fence(store):
    """An expired lease goes to whoever asks, with a higher fence; the old holder cannot come back as before (A19)."""
    with store.begin() as unit:
        unit.leases.acquire("a", at(), TTL)
        taken = unit.leases.acquire("b", at(minutes=5), TTL)
        assert taken is not None
        assert (taken.holder, taken.fence) == ("b", 2)
        assert unit.leases.acquire("a", at(minutes=6), TTL) is None
        back = unit.leases.acquire("a", at(1), TTL)
        assert back is not None
        assert back.fence == 3


def test_an_expired_lease_nobody_took_is_renewed_with_its_fence(store):
    """The same holder keeps its fence when nobody came between."""
    with store.begin() as unit:
        unit.leases.acquire("a", at(), TTL)
        again = unit.leases.acquire("a", at(3), TTL)
        assert again is not None
        assert again.fence == 1


def test_a_released_lease_is_free_and_its_fence_is_kept(store):
    """Released by its holder only; whoever takes it next gets a higher fence, the same one too."""
    with store.begin() as unit:
        unit.leases.acquire("a", at(), TTL)
        unit.leases.release("b")
        assert unit.leases.current() is not None
        unit.leases.release("a")
        assert unit.leases.current() is None
        again = unit.leases.acquire("a", at(minutes=1), TTL)
        assert again is not None
        assert again.fence == 2


def test_a_fence_never_goes_back(store, state):
    """The database refuses a smaller fence."""
    with store.begin() as unit:
        unit.leases.acquire("a", at(), TTL)
    with pytest.raises(sqlite3.IntegrityError, match="A19"):
        state.database.connection().execute("UPDATE leases SET fence = 0")


def test_marks_are_set_and_replaced(store):
    """A mark that was never set is None."""
    with store.begin() as unit:
        assert unit.marks.get("sweep.events") is None
        unit.marks.set("sweep.events", "evt_1")
        unit.marks.set("sweep.events", "evt_2")
    with store.reading() as unit:
        assert unit.marks.get("sweep.events") == "evt_2"
