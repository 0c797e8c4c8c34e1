"""Words that the import law cannot see, banned below the line."""

from __future__ import annotations

import ast

from tests.architecture import source

BANNED_CALLS = {"open", "print", "input", "eval", "exec", "compile", "breakpoint", "__import__", "globals"}
CLOCK_CALLS = {"datetime.now", "datetime.utcnow", "datetime.today", "date.today"}
# Probabilities and weights are real numbers in timing, likeness of misspelt words in suggest; money enters neither as one.
FLOAT_PLACES = ("flexpay_reconcile/timing/", "flexpay_reconcile/manifest/suggest.py")


def test_pure_rooms_call_nothing_of_the_world():
    """Below the line nobody opens, prints, asks or evaluates, and nobody reads the clock through datetime."""
    found = []
    for module in source.pure_modules():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call):
                name = source.dotted(node.func)
                if name in BANNED_CALLS or name.endswith(tuple(CLOCK_CALLS)):
                    found.append(f"{module.path}:{node.lineno} {name}()")
    assert found == []


def test_pure_rooms_hold_no_floats():
    """Money, counts and spans are whole numbers: below the line nothing is, or by division becomes, a float."""
    found = []
    for module in source.pure_modules():
        if module.path.startswith(FLOAT_PLACES):
            continue
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Name) and node.id == "float":
                found.append(f"{module.path}:{node.lineno} float")
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                found.append(f"{module.path}:{node.lineno} {node.value}")
            # data.py joins package paths with the same sign.
            if (
                isinstance(node, ast.BinOp | ast.AugAssign)
                and isinstance(node.op, ast.Div)
                and not module.path.endswith("/data.py")
            ):
                found.append(f"{module.path}:{node.lineno} /")
    assert found == []


def test_pure_rooms_raise_instead_of_asserting():
    """A rule kept by assert is gone under python -O, so below the line rules raise."""
    found = [
        f"{module.path}:{node.lineno}"
        for module in source.pure_modules()
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Assert)
    ]
    assert found == []
