"""One table of exit codes, as documented."""

from __future__ import annotations

import itertools
import re
from pathlib import Path

import pytest

from flexpay_reconcile.cli import exit_codes
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, OperatorError

ERRORS_PAGE = Path(__file__).resolve().parents[3] / "docs" / "errors.md"


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (ErrorKind.FAILED, 1),
        (ErrorKind.MANIFEST_INVALID, 3),
        (ErrorKind.KEY_REFUSED, 4),
        (ErrorKind.GUARD_REFUSED, 5),
        (ErrorKind.LOCK_HELD, 6),
        (ErrorKind.PLAN_STALE, 7),
        (ErrorKind.PARTLY_APPLIED, 8),
        (ErrorKind.TIMED_OUT, 9),
        (ErrorKind.USAGE, 64),
    ],
)
def test_each_kind_has_its_code(kind, code):
    """The codes are stable."""
    assert exit_codes.of_error(OperatorError("x", code="E-x", kind=kind)) == code


def test_every_kind_is_mapped():
    """A new kind without a code fails here, not in production."""
    assert {exit_codes.of_kind(kind) for kind in ErrorKind}


def test_a_broken_invariant_is_a_bug():
    """Whatever it says, it is our fault."""
    assert exit_codes.of_error(BrokenInvariant("x")) == 70


def test_precedence():
    """When several apply the documented order decides: 70, 64, 3, 6, 7, 4, 5, 8, 9, 1, 10, 2, 0."""
    order = [70, 64, 3, 6, 7, 4, 5, 8, 9, 1, 10, 2, 0]
    for stronger, weaker in itertools.combinations(order, 2):
        assert exit_codes.worst([weaker, stronger]) == stronger
    assert exit_codes.worst([]) == 0


def test_the_errors_page_lists_every_code():
    """docs/errors.md has a row for each number."""
    listed = set(re.findall(r"^\| (\d+) \|", ERRORS_PAGE.read_text(encoding="utf-8"), re.MULTILINE))
    assert {str(code) for code in (0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 64, 70, 130, 143)} <= listed
