"""The errors of the house: their kinds, codes and hints."""

from __future__ import annotations

import pytest

from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, FlexpayError, OperatorError, TryLater


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (FlexpayError("x", code="E-x"), ErrorKind.FAILED),
        (OperatorError("x", code="E-x"), ErrorKind.FAILED),
        (OperatorError("x", code="E-x", kind=ErrorKind.KEY_REFUSED), ErrorKind.KEY_REFUSED),
        (TryLater("x", code="E-x"), ErrorKind.TIMED_OUT),
        (TryLater("x", code="E-x", kind=ErrorKind.LOCK_HELD), ErrorKind.LOCK_HELD),
        (BrokenInvariant("x"), ErrorKind.FAILED),
    ],
)
def test_kinds(error, kind):
    """Each class has its kind, a single error may have a narrower one, and the class keeps its own."""
    assert error.kind is kind
    assert isinstance(error, FlexpayError)
    assert TryLater.kind is ErrorKind.TIMED_OUT
    assert OperatorError.kind is ErrorKind.FAILED


def test_message_code_and_hint():
    """The message is the error's text; code and hint stand beside it."""
    error = OperatorError("no such company", code="E-company", hint="see companies")
    assert (str(error), error.message, error.code, error.hint) == (
        "no such company",
        "no such company",
        "E-company",
        "see companies",
    )


def test_a_broken_invariant_asks_for_a_report():
    """A bug has a stable code and says what to do."""
    assert BrokenInvariant("two charges").code == "B-invariant"
    assert "report" in str(BrokenInvariant("two charges").hint)


def test_the_three_moves_are_apart():
    """The operator's, time's and ours are three classes, none a kind of another."""
    classes = (OperatorError, TryLater, BrokenInvariant)
    for one in classes:
        assert [other for other in classes if issubclass(one, other)] == [one]
