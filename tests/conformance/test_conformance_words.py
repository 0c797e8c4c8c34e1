"""The words of open fields: sourced, met by the tours, and seen when one is wrong."""

from __future__ import annotations

import ast
import inspect
import itertools
import textwrap
import typing
from typing import Any

import pytest
import stripe

from tests.conformance import words


def _said(path: str) -> tuple[frozenset[str], str]:
    """The words of a field's type in the SDK, and its documentation there."""
    *owners, field = path.split(".")
    class_: Any = stripe
    for name in owners:
        class_ = getattr(class_, name)
    body = ast.parse(textwrap.dedent(inspect.getsource(class_))).body[0].body  # type: ignore[attr-defined]
    for here, after in itertools.pairwise(body):
        if isinstance(here, ast.AnnAssign) and isinstance(here.target, ast.Name) and here.target.id == field:
            return _literals(class_.__annotations__[field]), ast.unparse(after)
    raise AssertionError(f"the SDK has no {path}")


def _literals(hint: Any) -> frozenset[str]:
    if "Literal" in str(typing.get_origin(hint)):
        return frozenset(typing.get_args(hint))
    return frozenset().union(*(_literals(each) for each in typing.get_args(hint)))


@pytest.mark.parametrize("entry", words.entries(), ids=lambda entry: entry.places[0])
def test_each_entry_says_what_its_source_says(entry: words.Entry) -> None:
    """Where the SDK types a field, the words are exactly its own; elsewhere its documentation names every one of them."""
    scheme, _, path = entry.source.partition(":")
    if scheme != "sdk":
        assert entry.source.startswith(("docs: ", "inferred: "))
        return
    typed, told = _said(path)
    if typed:
        assert entry.own == typed
    else:
        assert [word for word in sorted(entry.own) if f"`{word}`" not in told] == []


@pytest.mark.parametrize(
    ("place", "row"),
    [
        ("invoice.status_details.uncollectible.reason", {"status_details": {"uncollectible": {"reason": "tired"}}}),
        ("charge.outcome.network_status", {"outcome": {"network_status": "refused"}}),
        ("charge.failure_code", {"failure_code": "card_refused"}),
        ("error.decline_code", {"decline_code": "no_money"}),
        ("radar.early_fraud_warning.fraud_type", {"fraud_type": "theft"}),
    ],
)
def test_a_wrong_word_is_seen_wherever_its_object_stands(place: str, row: dict[str, Any]) -> None:
    """Alone, in a list, expanded, in an event, in what an event says was before, in a refusal."""
    name = place.rpartition(".")[0] if place.startswith("radar") else place.partition(".")[0]
    obj = {"object": name, **row}
    placed = [obj, {"object": "list", "data": [obj]}, {"object": "customer", "thing": obj}]
    placed.append({"object": "event", "data": {"object": obj}})
    placed.append({"object": "event", "data": {"object": {"object": name}, "previous_attributes": row}})
    for each in [{"error": row}] if name == "error" else placed:
        found = words.judged(each)
        assert [(one.where, one.kind) for one in found] == [(place, "word")], each


def test_right_words_and_null_are_silent() -> None:
    """Every word of the file passes at every one of its places, and so does null."""
    for entry in words.entries():
        for place in entry.places:
            for word in (*sorted(entry.words), None):
                value: Any = word
                object_, path = words._parted(place)
                for part in reversed(path):
                    value = {part: value}
                assert words.judged({"object": object_, **value}) == []
