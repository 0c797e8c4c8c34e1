"""The schema: forward only, in one transaction with its record, never newer than the program; and its queries."""

from __future__ import annotations

import contextlib
import sqlite3
import stat
import threading

import pytest

from flexpay_reconcile.adapters.sqlite_store import migrate, open_store, queries
from flexpay_reconcile.adapters.sqlite_store.connection import Database
from flexpay_reconcile.adapters.state_cipher import open_cipher
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, OperatorError
from flexpay_reconcile.values.instant import Span
from tests.contract.store.makers import at


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


def test_an_older_program_refuses_a_newer_schema(file_path):
    """A state that a newer version wrote is not touched (invariant E13)."""
    _open(file_path).close()
    with _by_hand(file_path) as connection:
        connection.execute(f"PRAGMA user_version = {len(migrate.migrations()) + 1}")
    with pytest.raises(OperatorError, match="newer") as refused:
        _open(file_path)
    assert refused.value.code == "E-state-newer"


@pytest.mark.parametrize("version", [0, -5])
def test_a_schema_number_that_cannot_be_is_damage(file_path, version):
    """A file of ours with content and no sound number is not migrated over, and not taken for an empty one."""
    _open(file_path).close()
    with _by_hand(file_path) as connection:
        connection.execute(f"PRAGMA user_version = {version}")
    for create in (True, False):
        with pytest.raises(OperatorError) as refused:
            _open(file_path, create=create)
        assert refused.value.code == "E-state-corrupt"


def test_many_may_open_a_new_file_at_once(file_path):
    """The schema is made once, whoever comes first."""
    databases: list[Database] = []
    barrier = threading.Barrier(4)
    steps: list[int] = []

    def start() -> None:
        database = Database(file_path)
        databases.append(database)
        barrier.wait()
        steps.append(migrate.migrate(database))

    threads = [threading.Thread(target=start) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(steps) == [0, 0, 0, len(migrate.migrations())]
    for database in databases:
        database.close()


def _second_step(monkeypatch, *statements: str) -> None:
    """A next version of the schema, as an upgrade would bring it."""
    step = migrate.Migration(number=2, name="0002_next", statements=(*statements, "PRAGMA user_version = 2"))
    both = (*migrate.migrations(), step)
    monkeypatch.setattr(migrate, "migrations", lambda: both)


def test_an_upgrade_is_backed_up_and_recorded(file_path, monkeypatch):
    """Forward in one transaction with its record; a copy of the file as it was lies beside it, for the owner only."""
    state = _open(file_path)
    with state.store.begin() as unit:
        unit.marks.set("x", "y")
    state.close()
    _second_step(monkeypatch, "CREATE TABLE extra (id INTEGER PRIMARY KEY)")
    state = _open(file_path)
    names = state.database.connection().execute("SELECT name FROM _sqlite_migrations ORDER BY name").fetchall()
    assert [name for (name,) in names] == ["0001_first", "0002_next"]
    assert state.database.connection().execute("PRAGMA user_version").fetchone() == (2,)
    state.close()
    copy = migrate.backup_path(file_path, 1)
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600
    with _by_hand(copy) as old:
        assert old.execute("PRAGMA user_version").fetchone() == (1,)
        assert old.execute("SELECT value FROM marks").fetchone() == ("y",)


def test_a_failing_upgrade_leaves_the_old_schema(file_path, monkeypatch):
    """Statement two fails: statement one is undone, no record is written, the version stays."""
    _open(file_path).close()
    _second_step(monkeypatch, "CREATE TABLE extra (id)", "CREATE TABLE extra (id)")
    with pytest.raises(BrokenInvariant, match="already exists"):
        _open(file_path)
    with _by_hand(file_path) as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (1,)
        assert connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'extra'").fetchone() == (0,)
        assert connection.execute("SELECT count(*) FROM _sqlite_migrations").fetchone() == (1,)


def test_no_upgrade_without_leave_or_under_a_daemon(file_path, monkeypatch):
    """An older schema is refused where nothing may be changed, and while a daemon holds the lease (invariant E13)."""
    state = _open(file_path)
    with state.store.begin() as unit:
        unit.leases.acquire("daemon-1", at(), Span.of(minutes=5))
    state.close()
    _second_step(monkeypatch, "CREATE TABLE extra (id INTEGER PRIMARY KEY)")
    with pytest.raises(OperatorError) as refused:
        _open(file_path, create=False)
    assert refused.value.code == "E-state-old"
    for now in (None, at()):
        with pytest.raises(OperatorError, match="daemon-1") as refused:
            _open(file_path, now=now)
        assert (refused.value.code, refused.value.kind) == ("E-state-in-use", ErrorKind.LOCK_HELD)
    _open(file_path, now=at(minutes=5)).close()


def test_every_query_is_described_and_sound(file_path):
    """Each named query has a sentence, one statement, and compiles against the schema."""
    database = Database(file_path)
    migrate.migrate(database)
    connection = database.connection()
    for subject in queries.SUBJECTS:
        for query in queries.load(subject).values():
            assert query.purpose.endswith("."), query.name
            wanted = dict.fromkeys(_parameters(query.sql))
            connection.execute(f"EXPLAIN {query.sql}", wanted)
    database.close()


def test_hot_queries_search_an_index(file_path):
    """What loops ask each turn, and what every charge asks, never scans a table."""
    database = Database(file_path)
    migrate.migrate(database)
    for subject, name in (
        ("cases", "begun_before"),
        ("cases", "due"),
        ("cases", "live_for_invoice"),
        ("cases", "find"),
        ("attempts", "due"),
        ("attempts", "to_resolve"),
        ("attempts", "sent_since"),
        ("attempts", "ended_since"),
        ("cards", "of_card"),
        ("inbox", "with_key"),
        ("actions", "called_since"),
        ("transactions", "list_of"),
        ("store", "next_due"),
    ):
        query = queries.load(subject)[name]
        plan = database.connection().execute(f"EXPLAIN QUERY PLAN {query.sql}", dict.fromkeys(_parameters(query.sql)))
        scans = [row[3] for row in plan if row[3].startswith("SCAN") and "json_each" not in row[3]]
        assert [each for each in scans if "CONSTANT" not in each] == [], query.name
    database.close()


def _parameters(sql: str) -> set[str]:
    return {word.strip("(),;:") for word in sql.replace("(", " ").replace(":", " :").split() if word.startswith(":")}
