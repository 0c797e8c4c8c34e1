"""Sizes and docstrings of every module."""

from __future__ import annotations

import ast
import re

from tests.architecture import source

MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 70
SENTENCE_END = re.compile(r"[.!?](?=\s|$)")
SAYS_A_LIMIT = re.compile(
    r"\b(no|not|nothing|never|nor|none|only|without|nobody|neither|cannot|may not)\b", re.IGNORECASE
)


def test_files_are_short():
    """No file is longer than 300 lines; a longer one holds two nouns."""
    long = [f"{m.path}: {n} lines" for m in source.modules() if (n := m.text.count("\n")) > MAX_FILE_LINES]
    assert long == []


def test_functions_are_short():
    """No function is longer than 70 lines from its def to its end."""
    long = [
        f"{m.path}:{f.lineno} {f.name}: {n} lines"
        for m in source.modules()
        for f in m.functions()
        if (n := (f.end_lineno or f.lineno) - f.lineno + 1) > MAX_FUNCTION_LINES
    ]
    assert long == []


def test_modules_open_with_a_docstring():
    """Every module says what it is before it does anything."""
    silent = [m.path for m in source.modules("flexpay_reconcile") if not ast.get_docstring(m.tree)]
    assert silent == []


def test_rooms_say_what_they_may_not_do():
    """Every package opens with at least two sentences, and one of them draws a limit."""
    vague = []
    for module in source.modules("flexpay_reconcile"):
        if module.path.endswith("/__init__.py"):
            words = ast.get_docstring(module.tree) or ""
            if len(SENTENCE_END.findall(words)) < 2 or not SAYS_A_LIMIT.search(words):
                vague.append(module.path)
    assert vague == []


def test_records_are_frozen_with_slots():
    """Every dataclass of the pure rooms is frozen with slots, so that a value once checked stays as it was."""
    loose = []
    for module in source.modules("flexpay_reconcile"):
        if not module.path.startswith(tuple(f"flexpay_reconcile/{room}/" for room in source.PURE_ROOMS)):
            continue
        for node in ast.walk(module.tree):
            if not isinstance(node, ast.ClassDef):
                continue
            for decorator in node.decorator_list:
                name = source.dotted(decorator.func if isinstance(decorator, ast.Call) else decorator)
                if name.rpartition(".")[2] != "dataclass":
                    continue
                options = {k.arg for k in decorator.keywords} if isinstance(decorator, ast.Call) else set()
                if not {"frozen", "slots"} <= options:
                    loose.append(f"{module.path}:{node.lineno} {node.name}")
    assert loose == []
