"""Offline help for the `state` commands: is the database sound, what is in it. Repairs and deletes nothing."""

from __future__ import annotations

import sqlite3

from flexpay_reconcile.adapters.sqlite_store import faults, queries
from flexpay_reconcile.adapters.sqlite_store.connection import Database
from flexpay_reconcile.adapters.sqlite_store.journal import SqliteJournal
from flexpay_reconcile.values.ids import CaseId

_SQL = queries.load("upkeep")


def unsound(database: Database) -> tuple[str, ...]:
    """What is wrong, a sentence each: damaged pages, rows without their case, broken chains. Reads everything."""
    try:
        connection = database.connection()
        found = [f"database: {row[0]}" for row in connection.execute("PRAGMA integrity_check") if row[0] != "ok"]
        orphans = connection.execute("PRAGMA foreign_key_check").fetchall()
    except sqlite3.Error as error:
        raise faults.translate(error, database.where) from None
    found += [f"table {row[0]}: row {row[1]} names a row of {row[2]} that is not there" for row in orphans]
    with database.reading() as session:
        journal = SqliteJournal(session)
        cases = [CaseId(row[0]) for row in session.all(_SQL["cases_with_entries"])]
        found += [f"journal of {case_id}: the chain is broken" for case_id in cases if not journal.verify(case_id)]
    return tuple(found)


def row_counts(database: Database) -> dict[str, int]:
    """Number of rows by table, for people to see."""
    import sqlite_utils  # noqa: PLC0415 - 0.2 s that only this has to pay

    utils = sqlite_utils.Database(database.connection(), execute_plugins=False)
    return {name: utils.table(name).count for name in sorted(utils.table_names()) if not name.startswith("sqlite_")}


def library_version() -> str:
    """The SQLite this process uses."""
    return sqlite3.sqlite_version
