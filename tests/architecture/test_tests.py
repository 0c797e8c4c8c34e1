"""What the tests themselves must keep to."""

from __future__ import annotations

import ast

from tests.architecture import source

CLOCKLESS = ("tests/unit", "tests/contract", "tests/simulation")
MEASURES = frozenset({"tests/simulation/command.py"})
"""Commands that print how fast they were and assert nothing of it."""
CLOCK_CALLS = (
    "time.sleep",
    "time.time",
    "time.time_ns",
    "time.monotonic",
    "time.perf_counter",
    "asyncio.sleep",
    "datetime.now",
    "datetime.utcnow",
    "date.today",
    "datetime.today",
)


def test_every_test_says_what_it_proves():
    """Every test function opens with a sentence."""
    silent = [
        f"{module.path}:{function.lineno} {function.name}"
        for module in source.modules("tests")
        for function in module.functions()
        if function.name.startswith("test_")
        and not (ast.get_docstring(function) or "").rstrip().endswith((".", "?", "!"))
    ]
    assert silent == []


def test_no_test_reads_the_wall_clock_or_sleeps():
    """Unit, contract and simulation tests bring their own clock."""
    found = []
    for module in source.modules(*CLOCKLESS):
        if str(module.path) in MEASURES:
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Attribute):
                name = source.dotted(node)
                if any(name == call or name.endswith("." + call) for call in CLOCK_CALLS):
                    found.append(f"{module.path}:{node.lineno} {name}")
            if isinstance(node, ast.ImportFrom) and node.module == "time":
                found.append(f"{module.path}:{node.lineno} from time import ...")
    assert found == []


def test_test_folders_are_packages():
    """Every folder with tests has an __init__.py, so that equal file names in two rooms do not collide."""
    bare = {
        path.parent.relative_to(source.ROOT).as_posix()
        for path in (source.ROOT / "tests").rglob("test_*.py")
        if not (path.parent / "__init__.py").exists()
    }
    assert bare == set()
