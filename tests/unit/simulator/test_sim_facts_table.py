"""The page of Stripe's facts names tests that exist, and names a test in every row."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PAGE = HERE.parents[2] / "docs" / "STRIPE_FACTS.md"
NAMED = re.compile(r"`(test_\w+)\.py::(test_\w+)(?:\[([^`]+)\])?`")
ROWS = [
    line
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| row |")
]


def _ids(function: Any) -> set[str]:
    """The ids a parametrised test gives its cases in so many words."""
    marks = [mark for mark in getattr(function, "pytestmark", []) if mark.name == "parametrize"]
    return {str(id_) for mark in marks if isinstance(mark.kwargs.get("ids"), list) for id_ in mark.kwargs["ids"]}


def _fault(row: str) -> str | None:
    """What is wrong with a row of the table; None when its tests exist."""
    named = NAMED.findall(row)
    if not named:
        return "names no test"
    for module, name, case in named:
        if not (HERE / f"{module}.py").exists():
            return f"no file {module}.py"
        function = getattr(importlib.import_module(f"tests.unit.simulator.{module}"), name, None)
        if function is None:
            return f"no test {name} in {module}.py"
        if case and case not in _ids(function):
            return f"{name} has no case {case!r}"
    return None


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.split("|")[1].strip()[:60])
def test_every_row_names_tests_that_exist(row: str) -> None:
    """Each row of the page names at least one test, and file, function and case are there."""
    assert _fault(row) is None


def test_the_page_has_all_its_rows() -> None:
    """Nothing is struck off unnoticed: test data, error cases, sequences."""
    assert len(ROWS) >= 60


@pytest.mark.parametrize(
    ("row", "fault"),
    [
        ("| x | nothing |", "names no test"),
        ("| x | `test_sim_nowhere.py::test_row_x` |", "no file test_sim_nowhere.py"),
        ("| x | `test_sim_invoice_rows.py::test_row_x` |", "no test test_row_x in test_sim_invoice_rows.py"),
        (
            "| x | `test_sim_test_cards.py::test_each_card_answers_as_documented[golden]` |",
            "test_each_card_answers_as_documented has no case 'golden'",
        ),
    ],
)
def test_a_wrong_row_is_seen(row: str, fault: str) -> None:
    """A row without a test, and one whose file, function or case is not there, would be found."""
    assert _fault(row) == fault
