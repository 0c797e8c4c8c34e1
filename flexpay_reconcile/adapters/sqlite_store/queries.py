"""Reads the named queries of the `.sql` files, once. Composes no SQL.

A query is a line `-- name: cases_due`, one or more comment lines that say what it is for, and one statement.
"""

from __future__ import annotations

import functools
import re
from dataclasses import dataclass
from importlib.resources import files

from flexpay_reconcile.errors import BrokenInvariant

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)
_READS = ("SELECT", "WITH")


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """One statement. `writes` is False for those that only select."""

    name: str
    purpose: str
    sql: str
    writes: bool


@functools.cache
def load(subject: str) -> dict[str, Query]:
    """The queries of `sql/<subject>.sql`, by name without the subject's prefix."""
    text = (files(__package__) / "sql" / f"{subject}.sql").read_text(encoding="utf-8")
    parts = _NAME.split(text)[1:]
    found = {}
    for name, block in zip(parts[::2], parts[1::2], strict=True):
        query = _query(name, block)
        short = name.removeprefix(f"{subject}_")
        if short == name or short in found:
            raise BrokenInvariant(f"query {name!r} of {subject}.sql has a wrong or a double name")
        found[short] = query
    return found


def _query(name: str, block: str) -> Query:
    """One query from the text below its name."""
    lines = [line.rstrip() for line in block.strip().splitlines()]
    purpose = " ".join(line.removeprefix("--").strip() for line in lines if line.startswith("--"))
    sql = "\n".join(line for line in lines if not line.startswith("--")).strip()
    if not purpose or not sql.endswith(";"):
        raise BrokenInvariant(f"query {name!r} needs a sentence and one statement")
    return Query(name=name, purpose=purpose, sql=sql, writes=sql.split(None, 1)[0].upper() not in _READS)


SUBJECTS = (
    "inbox",
    "cases",
    "attempts",
    "cards",
    "actions",
    "transactions",
    "journal",
    "leases",
    "marks",
    "store",
    "control",
    "upkeep",
)
"""The names of the `.sql` files."""
