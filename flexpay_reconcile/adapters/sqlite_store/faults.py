"""What SQLite's errors mean to us: whose move is next. Raises nothing by itself but translated errors."""

from __future__ import annotations

import sqlite3

from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, FlexpayError, OperatorError, TryLater

_PRIMARY = 0xFF


def translate(error: sqlite3.Error, where: str) -> FlexpayError:
    """Our error for one of SQLite's. `where` names the database file."""
    # Errors of the Python wrapper itself (a closed connection) carry no code.
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_MISUSE) & _PRIMARY
    match code:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return busy(where)
        case sqlite3.SQLITE_FULL:
            return TryLater(
                f"no room left to write {where}",
                code="E-state-full",
                hint="make room on the disk; nothing was changed",
                kind=ErrorKind.FAILED,
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_PERM:
            return TryLater(
                f"{where} cannot be written",
                code="E-state-read-only",
                hint="check the permissions of the file, its directory and its mount",
                kind=ErrorKind.FAILED,
            )
        case sqlite3.SQLITE_IOERR | sqlite3.SQLITE_NOMEM | sqlite3.SQLITE_PROTOCOL:
            return TryLater(
                f"reading or writing {where} failed: {error}",
                code="E-state-io",
                hint="check the disk; nothing was changed",
                kind=ErrorKind.FAILED,
            )
        case sqlite3.SQLITE_CANTOPEN:
            return OperatorError(
                f"{where} cannot be opened", code="E-state-open", hint="check the path and its permissions"
            )
        case sqlite3.SQLITE_NOTADB:
            return OperatorError(
                f"{where} is not a FlexPay state: it is no SQLite database",
                code="E-state-foreign",
                hint="name another file with --state",
            )
        case sqlite3.SQLITE_CORRUPT:
            return OperatorError(
                f"{where} is damaged: {error}",
                code="E-state-corrupt",
                hint="stop the daemon and restore a backup; do not delete the file",
            )
        case sqlite3.SQLITE_CONSTRAINT:
            return BrokenInvariant(f"the state refused a row: {error}")
    return BrokenInvariant(f"the state could not be used: {error}")


def busy(where: str) -> TryLater:
    """Somebody else is writing for longer than we wait."""
    return TryLater(f"{where} is in use by another process", code="E-state-busy", hint="try again in a moment")
