"""The stable codes: each one the program can say has its line in docs/errors.md, and no line speaks of one it cannot."""

from __future__ import annotations

import ast
import re

from flexpay_reconcile.cli import exit_codes
from tests.architecture.source import ROOT, modules

CODE = re.compile(r"[EWB]-[a-z0-9-]+")
DOCUMENT = ROOT / "docs" / "errors.md"


def said() -> dict[str, str]:
    """Each code in the source, with one place that says it."""
    return {
        node.value: f"{module.path}:{node.lineno}"
        for module in modules("flexpay_reconcile")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and CODE.fullmatch(node.value)
    }


def documented() -> list[tuple[str, ...]]:
    """The cells of every line of the document that begins with a code."""
    lines = DOCUMENT.read_text(encoding="utf-8").splitlines()
    rows = [tuple(cell.strip() for cell in line.strip("|").split(" | ")) for line in lines if line.startswith("| `")]
    return [row for row in rows if CODE.match(row[0].strip("` "))]


def test_every_code_is_documented():
    """Whoever meets a code finds it in the document."""
    known = {row[0].strip("`") for row in documented()}
    assert {code: place for code, place in said().items() if code not in known} == {}


def test_every_documented_code_exists():
    """The document describes no code that nothing says."""
    assert {row[0].strip("`") for row in documented()} - said().keys() == set()


def test_every_line_says_what_it_means_and_what_to_do():
    """One line a code, with three cells, none of them empty."""
    rows = documented()
    codes = [row[0] for row in rows]
    assert [row for row in rows if len(row) != 3 or not all(row) or not re.fullmatch(r"`[^`]+`", row[0])] == []
    assert sorted({code for code in codes if codes.count(code) > 1}) == []


def test_codes_are_written_out():
    """No code is put together at run time, so that a search for it leads to the place that says it."""
    built = [
        f"{module.path}:{node.lineno}"
        for module in modules("flexpay_reconcile")
        for node in ast.walk(module.tree)
        if isinstance(node, ast.JoinedStr)
        and node.values
        and isinstance(node.values[0], ast.Constant)
        and re.match(r"[EWB]-", str(node.values[0].value))
    ]
    assert built == []


def exit_code_table(name: str) -> set[int]:
    """The codes in the table under `Exit codes` of a document."""
    text = (ROOT / name).read_text(encoding="utf-8").partition("\n## Exit codes")[2].partition("\n## ")[0]
    cells = (cell.strip() for line in text.splitlines() if line.startswith("|") for cell in line.split("|"))
    return {int(part) for cell in cells if re.fullmatch(r"\d+(, \d+)*", cell) for part in cell.split(", ")}


def test_the_exit_codes_are_documented():
    """README and errors.md list exactly the exit codes that the one file defines."""
    defined = {value for name, value in vars(exit_codes).items() if name.isupper() and isinstance(value, int)}
    assert exit_code_table("docs/errors.md") == defined
    assert exit_code_table("README.md") == defined
