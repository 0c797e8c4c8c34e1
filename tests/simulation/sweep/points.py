"""The crash points, as the engine's own code lists them: every unit of work and every call that changes Stripe.

A process that dies leaves what it committed and what Stripe carried out. Both change at these places alone, so a crash
anywhere else leaves the same two memories as a crash right after the last of them. Reads the code; runs nothing.
"""

from __future__ import annotations

import ast
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import FrameType

from flexpay_reconcile import operations
from flexpay_reconcile.bootstrap import engine
from flexpay_reconcile.ports import billing_writer, charger

ROOM = Path(operations.__file__).parent
_ROOM = "flexpay_reconcile.operations"
NOT_SWEPT = {
    "connected": "no life here has connected accounts yet",
    "follow_accounts": "no life here has connected accounts yet",
    "move_cases": "no life here applies a second revision; `regressions/test_migration_killed.py` dies at each of its commits",
    "signing_secret": "a note for people, on which nothing rests; no life here has a wrong signing secret",
    "take_in_again": "no life here enables an integration again; its one commit only puts off the next look",
}
"""Operations whose crash points are left out, and why; the command says how many there are."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """A place in a file of the operations, lines included, and what happens there."""

    file: str
    function: str
    first: int
    last: int
    what: str

    def __str__(self) -> str:
        return f"{self.file}:{self.first} {self.function}: {self.what}"


def _named(module: str) -> set[str]:
    """The operations a module imports."""
    path = Path(engine.__file__) if module == "engine" else ROOM / f"{module}.py"
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module == _ROOM:
            found |= {each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith(f"{_ROOM}."):
            found.add(str(node.module).removeprefix(f"{_ROOM}."))
    return {each for each in found if (ROOM / f"{each}.py").exists()}


@cache
def modules() -> tuple[str, ...]:
    """Every operation the engine reaches."""
    found: set[str] = set()
    waiting = _named("engine")
    while waiting:
        module = waiting.pop()
        found.add(module)
        waiting |= _named(module) - found
    return tuple(sorted(found))


def _powers() -> frozenset[str]:
    """The methods that change something at Stripe, by the ports that hold them."""
    held = (billing_writer.BillingWriter, charger.Charger)
    return frozenset(name for port in held for name in vars(port) if not name.startswith("_"))


def listed() -> tuple[Point, ...]:
    """Every crash point that is swept, in the order of files and lines."""
    return tuple(each for each in every() if each.file not in NOT_SWEPT)


@cache
def every() -> tuple[Point, ...]:
    """Every crash point of the code, in the order of files and lines."""
    powers, found = _powers(), []
    for module in modules():
        tree = ast.parse((ROOM / f"{module}.py").read_text("utf-8"))
        for function in [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]:
            for node in ast.walk(function):
                if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
                    continue
                commits = node.func.attr == "begin" and ast.unparse(node.func.value).endswith("store")
                if commits or node.func.attr in powers:
                    what = "after the commit" if commits else f"after {node.func.attr}"
                    last = node.end_lineno or node.lineno
                    place = {"file": module, "function": function.name, "first": node.lineno, "last": last}
                    found.append(Point(**place, what=what))  # type: ignore[arg-type]
    return tuple(sorted(found, key=lambda each: (each.file, each.first)))


@cache
def _at(file: str, line: int) -> Point | None:
    return next((each for each in listed() if each.file == file and each.first <= line <= each.last), None)


def here() -> Point | None:
    """The crash point this is called from; None where no operation is at work."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = Path(frame.f_code.co_filename)
        if path.parent == ROOM:
            found = _at(path.stem, frame.f_lineno)
            if found is not None:
                return found
        frame = frame.f_back
    return None
