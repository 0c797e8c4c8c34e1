"""The file: who may read it, what is refused and in which words, schema versions, what a full disk does."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import stat
import threading

import pytest

from flexpay_reconcile.adapters.sqlite_store import open_store, upkeep
from flexpay_reconcile.adapters.sqlite_store.connection import Database
from flexpay_reconcile.adapters.state_cipher import open_cipher
from flexpay_reconcile.errors import BrokenInvariant, OperatorError, TryLater
from tests.contract.store.makers import at, case_of, event_of


def _open(path, **options):
    return open_store(path, open_cipher(path), **options)


@contextlib.contextmanager
def _by_hand(path):
    """The file as another program sees it."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        yield connection
    finally:
        connection.close()


def test_only_the_owner_may_read_it(file_path):
    """The file and its log are 0600 whatever the umask says."""
    old = os.umask(0)
    try:
        state = _open(file_path)
        with state.store.begin() as unit:
            unit.marks.set("x", "y")
        modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in file_path.parent.iterdir()}
        state.close()
    finally:
        os.umask(old)
    assert modes["state.db"] == modes["state.db-wal"] == modes["state.db-shm"] == 0o600


def test_durability_is_on(file_path):
    """WAL with synchronous=FULL and foreign keys, on the connection of every thread."""
    state = _open(file_path)
    seen: list[list[object]] = []

    def look() -> None:
        connection = state.database.connection()
        names = ("journal_mode", "synchronous", "foreign_keys", "recursive_triggers", "busy_timeout")
        seen.append([connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names])

    look()
    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    state.close()
    assert seen == [["wal", 2, 1, 1, 5000]] * 2


def test_everything_is_there_after_reopening(file_path):
    """Closing and opening again changes nothing, and neither does opening without leave to create."""
    state = _open(file_path)
    identity = state.control.identity()
    with state.store.begin() as unit:
        unit.cases.add(case_of(1))
    state.close()
    state = _open(file_path, create=False)
    assert state.control.identity() == identity
    with state.store.reading() as unit:
        assert unit.cases.get(case_of(1).id) == case_of(1)
    state.close()


@pytest.mark.parametrize(
    ("make", "code"),
    [
        (lambda path: None, "E-state-missing"),
        (lambda path: path.touch(), "E-state-missing"),
        (lambda path: path.mkdir(), "E-state-open"),
        (lambda path: path.write_bytes(b"not a database, but long enough " * 99), "E-state-foreign"),
    ],
)
def test_opening_without_leave_to_create(file_path, make, code):
    """A missing, empty or foreign file is an error in words, and is left as it was."""
    make(file_path)
    before = file_path.read_bytes() if file_path.is_file() else None
    with pytest.raises(OperatorError) as refused:
        _open(file_path, create=False)
    assert refused.value.code == code
    assert refused.value.hint
    assert (file_path.read_bytes() if file_path.is_file() else None) == before


def test_a_missing_directory_is_named(tmp_path):
    """Directories are not made silently."""
    with pytest.raises(OperatorError, match="directory") as refused:
        _open(tmp_path / "nowhere" / "state.db")
    assert refused.value.code == "E-state-directory"


def test_another_programs_database_is_left_alone(file_path):
    """A SQLite file that is not ours is refused, with or without leave to create."""
    with _by_hand(file_path) as connection:
        connection.execute("CREATE TABLE customers (id)")
    before = file_path.read_bytes()
    for create in (True, False):
        with pytest.raises(OperatorError) as refused:
            _open(file_path, create=create)
        assert refused.value.code == "E-state-foreign"
    assert file_path.read_bytes() == before


def test_a_damaged_file_is_told(file_path):
    """Pages overwritten in the middle: an error that says so, and the offline check finds it."""
    state = _open(file_path)
    with state.store.begin() as unit:
        for number in range(300):
            unit.inbox.put(event_of(number, body=b"x" * 3000))
    state.close()
    size = file_path.stat().st_size
    with file_path.open("r+b") as file:
        file.seek(size // 2)
        file.write(os.urandom(size - size // 2))
    state = _open(file_path)
    assert upkeep.unsound(state.database)[0].startswith("database: ")
    with pytest.raises(OperatorError) as told, state.store.reading() as unit:
        unit.inbox.pending(at(9), 1000)
    state.close()
    assert told.value.code == "E-state-corrupt"


def test_a_full_disk_changes_nothing(file_path):
    """No room: TryLater, the whole unit of work is gone, and it goes on once there is room (invariant G3)."""
    state = _open(file_path)
    connection = state.database.connection()
    pages = connection.execute("PRAGMA page_count").fetchone()[0]
    connection.execute(f"PRAGMA max_page_count = {pages + 20}")
    with pytest.raises(TryLater) as told, state.store.begin() as unit:
        unit.cases.add(case_of(1))
        for number in range(200):
            unit.inbox.put(event_of(number, body=b"x" * 3000))
    assert told.value.code == "E-state-full"
    with state.store.reading() as unit:
        assert unit.cases.get(case_of(1).id) is None
    connection.execute("PRAGMA max_page_count = 1000000")
    with state.store.begin() as unit:
        unit.cases.add(case_of(1))
    assert upkeep.unsound(state.database) == ()
    state.close()


def test_going_on_after_a_full_disk_commits_nothing(file_path):
    """SQLite may end the transaction by itself when there is no room; nothing after that is written row by row."""
    state = _open(file_path)
    connection = state.database.connection()
    connection.execute(f"PRAGMA max_page_count = {connection.execute('PRAGMA page_count').fetchone()[0]}")
    with pytest.raises(BrokenInvariant), state.store.begin() as unit:
        with pytest.raises(TryLater):
            unit.inbox.put(event_of(1, body=b"x" * 300_000))
        unit.marks.set("x", "y")
    with state.store.reading() as unit:
        assert unit.marks.get("x") is None
    state.close()


def test_a_state_that_became_read_only(file_path):
    """Writing fails as TryLater, so that webhooks are answered 5xx and come again (invariant G3)."""
    state = _open(file_path)
    state.database.connection().execute("PRAGMA query_only = ON")
    with pytest.raises(TryLater) as told, state.store.begin() as unit:
        unit.marks.set("x", "y")
    assert told.value.code == "E-state-read-only"
    state.close()


def test_another_process_that_writes_is_waited_for_and_then_told(file_path):
    """Busy for longer than the timeout: TryLater; readers are never in the way of it."""
    state = _open(file_path, busy_timeout_ms=20)
    with _by_hand(file_path) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(TryLater) as told, state.store.begin():
            pass
        with state.store.reading() as unit:
            assert unit.marks.get("x") is None
        other.execute("ROLLBACK")
    assert told.value.code == "E-state-busy"
    with state.store.begin() as unit:
        unit.marks.set("x", "y")
    state.close()


def test_a_view_stays_the_same_while_others_write(file_path):
    """A reading view sees one moment, whatever is committed meanwhile."""
    state = _open(file_path)
    other = _open(file_path)
    with state.store.reading() as unit:
        assert unit.marks.get("x") is None
        with other.store.begin() as elsewhere:
            elsewhere.marks.set("x", "y")
        assert unit.marks.get("x") is None
    with state.store.reading() as unit:
        assert unit.marks.get("x") == "y"
    state.close()
    other.close()


def test_a_closed_state_says_so(file_path):
    """Use after close is a bug with a name."""
    state = _open(file_path)
    state.close()
    with pytest.raises(BrokenInvariant, match="closed"), state.store.begin():
        pass


def test_connections_of_ended_threads_are_closed(file_path):
    """A process that starts many threads does not collect connections."""
    database = Database(file_path)
    for _ in range(20):
        thread = threading.Thread(target=database.connection)
        thread.start()
        thread.join()
    assert len(database._all) <= 3
    database.close()
