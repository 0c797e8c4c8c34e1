"""The memory of both planes in one SQLite file, or in memory. Holds rows and their rules; decides nothing.

`open_store` is the way in. The hot path is the standard library's sqlite3 with explicit transactions;
sqlite-utils applies migrations and serves the offline `state` commands. No SQL stands in Python files
but BEGIN, COMMIT, ROLLBACK and PRAGMA.
"""

from __future__ import annotations

from flexpay_reconcile.adapters.sqlite_store.opening import OpenState, open_store

__all__ = ["OpenState", "open_store"]
