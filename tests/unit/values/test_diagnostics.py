"""Diagnostics: their text and the order people read them in."""

from __future__ import annotations

import random

from flexpay_reconcile.values.diagnostic import Diagnostic, Place, Severity


def fault(file: str | None, line: int, column: int, code: str) -> Diagnostic:
    """A fault at a place, or without one."""
    place = Place(file=file, line=line, column=column) if file else None
    return Diagnostic(severity=Severity.ERROR, code=code, message="wrong", place=place)


def test_text_with_and_without_place_and_hint():
    """`file:line:col: severity[code]: message`, the hint on its own line."""
    assert fault("a.yaml", 14, 7, "E-x").text() == "a.yaml:14:7: error[E-x]: wrong"
    assert fault(None, 0, 0, "E-x").text() == "error[E-x]: wrong"
    warning = Diagnostic(severity=Severity.WARNING, code="W-y", message="odd", hint="look")
    assert warning.text() == "warning[W-y]: odd\n    hint: look"


def test_order():
    """By file, line as a number, column as a number, code; those without a place come first."""
    ordered = [
        fault(None, 0, 0, "E-z"),
        fault("a.yaml", 2, 9, "E-b"),
        fault("a.yaml", 10, 1, "E-a"),
        fault("a.yaml", 10, 1, "E-b"),
        fault("a.yaml", 10, 12, "E-a"),
        fault("b.yaml", 1, 1, "E-a"),
    ]
    for seed in range(20):
        mixed = random.Random(seed).sample(ordered, len(ordered))
        assert sorted(mixed, key=Diagnostic.sort_key) == ordered
