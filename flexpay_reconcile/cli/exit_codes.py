"""The only place that maps what happened to an exit code. Prints nothing and imports nothing but the errors."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, FlexpayError

DONE: Final = 0
"""Done; for `plan` also when changes are present, without `--detailed-exitcode`."""
FAILED: Final = 1
"""It failed and no narrower code fits."""
CHANGES_PRESENT: Final = 2
"""`plan --detailed-exitcode`, `drift`, `fmt --check`: there are changes."""
MANIFEST_INVALID: Final = 3
"""The manifest has errors."""
KEY_REFUSED: Final = 4
"""A key is wrong or refused, or a permission is missing."""
GUARD_REFUSED: Final = 5
"""A guard said no."""
LOCK_HELD: Final = 6
"""Somebody else is applying."""
PLAN_STALE: Final = 7
"""What a plan rests on has moved."""
PARTLY_APPLIED: Final = 8
"""Some steps are done; apply again resumes."""
TIMED_OUT: Final = 9
"""Time or a rate-limit budget was spent; try again."""
MANUAL_STEPS: Final = 10
"""`--strict`: a person has steps to do."""
USAGE: Final = 64
"""The command was called in a way it does not have."""
BUG: Final = 70
"""We have a bug."""
INTERRUPTED: Final = 130
"""SIGINT."""
TERMINATED: Final = 143
"""SIGTERM."""

_OF_KIND: Final = {
    ErrorKind.FAILED: FAILED,
    ErrorKind.MANIFEST_INVALID: MANIFEST_INVALID,
    ErrorKind.KEY_REFUSED: KEY_REFUSED,
    ErrorKind.GUARD_REFUSED: GUARD_REFUSED,
    ErrorKind.LOCK_HELD: LOCK_HELD,
    ErrorKind.PLAN_STALE: PLAN_STALE,
    ErrorKind.PARTLY_APPLIED: PARTLY_APPLIED,
    ErrorKind.TIMED_OUT: TIMED_OUT,
    ErrorKind.USAGE: USAGE,
}
_PRECEDENCE: Final = (
    BUG,
    USAGE,
    MANIFEST_INVALID,
    LOCK_HELD,
    PLAN_STALE,
    KEY_REFUSED,
    GUARD_REFUSED,
    PARTLY_APPLIED,
    TIMED_OUT,
    FAILED,
    MANUAL_STEPS,
    CHANGES_PRESENT,
    DONE,
)


def of_kind(kind: ErrorKind) -> int:
    """The code of one kind of error."""
    return _OF_KIND[kind]


def of_error(error: FlexpayError) -> int:
    """The code of an error of ours; a broken invariant is a bug whatever kind it carries."""
    return BUG if isinstance(error, BrokenInvariant) else of_kind(error.kind)


def worst(codes: Iterable[int]) -> int:
    """The one that counts when several apply."""
    return min(codes, key=_PRECEDENCE.index, default=DONE)
