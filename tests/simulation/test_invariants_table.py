"""`docs/invariants.md` names every invariant once, and only checks and planted bugs that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.simulation.mutants import ALL

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "docs" / "invariants.md"
LAST = {"A": 21, "B": 7, "C": 8, "D": 10, "E": 14, "F": 4, "G": 4}
ROW = re.compile(r"^\| ([A-G]\d+) \| (.+?) \| (.+?) \| (.+?) \|$")


def rows() -> list[tuple[str, ...]]:
    """Id, words, where it is checked, by what it was seen red."""
    found = [ROW.match(line) for line in TABLE.read_text().splitlines()]
    return [each.groups() for each in found if each is not None]


def test_every_invariant_has_one_row():
    """A1 to A21, B1 to B7, C1 to C8, D1 to D10, E1 to E14, F1 to F4, G1 to G4, in this order, each once."""
    wanted = [f"{letter}{number}" for letter, last in LAST.items() for number in range(1, last + 1)]
    assert [each[0] for each in rows()] == wanted


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_the_checks_that_a_row_names_exist(row: tuple[str, ...]):
    """Each `path::name` is a function or class of that file, or a row says that nothing checks it yet."""
    named = re.findall(r"`([\w/]+\.py)(?:::(\w+)(?:\.(\w+))?)?`", row[2])
    assert named or row[2].startswith("not yet:"), row
    for path, name, method in named:
        text = (ROOT / "tests" / path).read_text()
        for each in (name, method):
            assert not each or re.search(rf"\b(def|class) {each}\b", text), (path, name, method)


@pytest.mark.parametrize("row", rows(), ids=lambda row: row[0])
def test_the_planted_bugs_that_a_row_names_exist_and_break_it(row: tuple[str, ...]):
    """What a row says was seen red names planted bugs that may break this very invariant."""
    planted = {each.what: each for each in ALL}
    for what in re.findall(r"“(.+?)”", row[3]):
        assert what in planted, what
        assert row[0] in planted[what].breaks, (row[0], what)
