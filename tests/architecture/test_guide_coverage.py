"""The page that says which tests hold each row of the guide."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "guide-coverage.md"
NODE = re.compile(r"`(tests/[^`]+)`")


def rows() -> dict[str, tuple[list[str], str]]:
    """Each row's tests, and what it says is missing."""
    found = {}
    for line in PAGE.read_text("utf-8").splitlines():
        cells = [each.strip() for each in line.strip("|").split("|")]
        if re.fullmatch(r"G\d+", cells[0]):
            assert len(cells) == 4, line[:60]
            assert cells[0] not in found
            found[cells[0]] = (NODE.findall(cells[2]), cells[3])
    return found


def lacking(node: str) -> bool:
    """Whether a named test is not there: no file, no test in it, or none of that name."""
    path, _, name = node.partition("::")
    if not (ROOT / path).is_file():
        return True
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    tests = {each.name for each in tree.body if isinstance(each, ast.FunctionDef) and each.name.startswith("test_")}
    return not tests or bool(name and name not in tests)


def test_every_row_of_the_guide_is_there() -> None:
    """G1 to G22, each with tests or with what is missing; "none" missing needs a test."""
    found = rows()
    assert list(found) == [f"G{number}" for number in range(1, 23)]
    for name, (nodes, missing) in found.items():
        assert missing, name
        assert nodes or missing != "none", name


def test_the_tests_that_the_page_names_exist() -> None:
    """A renamed or deleted test is seen here."""
    named = [node for nodes, _ in rows().values() for node in nodes]
    assert named
    assert [node for node in named if lacking(node)] == []


def test_a_test_that_is_not_there_would_be_seen() -> None:
    """Neither a file, nor a function, nor a file without tests counts as a test."""
    assert lacking("tests/unit/test_nowhere.py")
    assert lacking("tests/architecture/test_guide_coverage.py::test_nothing")
    assert lacking("tests/architecture/source.py")
    assert not lacking("tests/architecture/test_guide_coverage.py::test_every_row_of_the_guide_is_there")
