"""Dataclasses to plain JSON values and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import NewType

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.errors import FlexpayError
from flexpay_reconcile.values import currency, money
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.money import Money
from flexpay_reconcile.values.plain import from_plain, to_plain
from flexpay_reconcile.values.secret import Secret

Name = NewType("Name", str)


class Colour(StrEnum):
    """Two values."""

    RED = "red"
    BLUE = "blue"


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a whole is made of."""

    at: Instant
    wait: Span | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Whole:
    """One field of every shape."""

    name: Name
    count: int
    flag: bool
    colour: Colour
    amount: Money
    parts: tuple[Part, ...] = ()
    by_name: Mapping[str, Part] = field(default_factory=dict)
    note: str | None = None


parts = st.builds(
    Part,
    at=st.integers(min_value=0, max_value=4 * 10**12).map(Instant),
    wait=st.none() | st.integers(min_value=0).map(Span),
)
wholes = st.builds(
    Whole,
    name=st.text(),
    count=st.integers(),
    flag=st.booleans(),
    colour=st.sampled_from(Colour),
    amount=st.builds(money.of, st.integers(), st.sampled_from(sorted(currency.KNOWN))),
    parts=st.lists(parts, max_size=3).map(tuple),
    by_name=st.dictionaries(st.text(), parts, max_size=3),
    note=st.none() | st.text(),
)


@given(wholes)
def test_there_and_back(whole):
    """What is written plain and read again, JSON in between, is equal."""
    assert from_plain(Whole, json.loads(json.dumps(to_plain(whole)))) == whole


GOOD = {
    "name": "a", "count": 1, "flag": True, "colour": "red", "amount": {"amount_minor": 5, "currency": "EUR"},
    "parts": [{"at": "2026-11-22T09:00:00.000Z", "wait": 5}],
}  # fmt: skip


def test_missing_fields_take_their_defaults_and_surplus_ones_are_ignored():
    """A row written by an older version is read; one by a newer version too."""
    found = from_plain(Whole, {**GOOD, "from_next_year": 1})
    assert (found.note, found.by_name, found.parts[0].wait) == (None, {}, Span(5))


@pytest.mark.parametrize(
    "change",
    [
        {"count": "1"},
        {"count": True},
        {"count": 1.0},
        {"flag": 1},
        {"name": None},
        {"colour": "green"},
        {"parts": {}},
        {"parts": [{"at": "yesterday"}]},
        {"parts": [{"at": 5}]},
        {"parts": [{"at": None}]},
        {"parts": [{"at": "2026-11-22T09:00:00.000Z", "wait": "5"}]},
        {"amount": {"amount_minor": 5, "currency": "XXX"}},
        {"amount": {"amount_minor": 5, "currency": 7}},
        {"amount": {"amount_minor": True, "currency": "EUR"}},
        {"amount": 5},
        {"by_name": []},
    ],
)
def test_wrong_shapes_are_refused(change):
    """A value of the wrong shape is one of our errors, never a guess."""
    with pytest.raises(FlexpayError):
        from_plain(Whole, {**GOOD, **change})


def test_a_missing_field_is_named():
    """A field without a default that is not there is named."""
    with pytest.raises(FlexpayError, match="colour"):
        from_plain(Whole, {key: value for key, value in GOOD.items() if key != "colour"})


@pytest.mark.parametrize("value", [Secret("x"), [Secret("x")], {"key": Secret("x")}, 1.5, b"x", object(), {1, 2}])
def test_secrets_and_shapeless_values_are_refused(value):
    """A secret, a float, bytes or a set never become plain, wherever they hide."""
    with pytest.raises(FlexpayError):
        to_plain(value)
