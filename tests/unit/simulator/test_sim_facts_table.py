"""The page of Stripe's facts names tests that exist, and names a test in every row."""

from __future__ import annotations

import importlib
import re
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
PINNED = HERE / "facts.txt"
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


def _named(rows: list[str]) -> list[str]:
    """Every test the rows name, once for each time it is named."""
    found = [
        f"{file}.py::{name}{f'[{case}]' if case else ''}" for row in rows for file, name, case in NAMED.findall(row)
    ]
    return sorted(found)


def test_the_page_names_the_tests_that_are_pinned() -> None:
    """No row is struck off, and none loses its test, unnoticed: `facts.txt` lists every test of the page by name."""
    assert _named(ROWS) == PINNED.read_text(encoding="utf-8").split("\n")[:-1]


def test_a_row_that_is_gone_is_seen() -> None:
    """Without any one of its rows the page names other tests than those pinned."""
    pinned = PINNED.read_text(encoding="utf-8").split("\n")[:-1]
    for number in range(len(ROWS)):
        assert _named(ROWS[:number] + ROWS[number + 1 :]) != pinned, ROWS[number]


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
