"""The project's own files as syntax trees, read once for every check here."""

from __future__ import annotations

import ast
import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "flexpay_reconcile"
CODE_FOLDERS = ("flexpay_reconcile", "tests", "benchmarks", "scripts")
PURE_ROOMS = ("values", "billing", "declines", "config", "manifest", "reconcile", "recovery", "timing", "ports")


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One Python file: its path from the project's root, its text, its tree."""

    path: str
    text: str
    tree: ast.Module

    def functions(self) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
        """Every function and method, nested ones included."""
        for node in ast.walk(self.tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node


@functools.cache
def modules(*folders: str) -> tuple[Module, ...]:
    """All modules below these folders (of the whole project when none is named), sorted by path."""
    found = []
    for folder in folders or CODE_FOLDERS:
        for path in sorted((ROOT / folder).rglob("*.py")):
            text = path.read_text(encoding="utf-8")
            found.append(Module(path=path.relative_to(ROOT).as_posix(), text=text, tree=ast.parse(text)))
    return tuple(found)


def pure_modules() -> tuple[Module, ...]:
    """The modules below the line: no clock, no disk, no network, no chance."""
    return modules(*(f"flexpay_reconcile/{room}" for room in PURE_ROOMS))


def dotted(node: ast.expr) -> str:
    """`a.b.c` for a name or a chain of attributes, an empty string for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        left = dotted(node.value)
        return f"{left}.{node.attr}" if left else ""
    return ""
