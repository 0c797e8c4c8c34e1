"""The list of known differences: reasoned, sourced, and only ever shorter."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
import stripe.params

from tests.conformance import differences, typed
from tests.conformance.shapes import Finding
from tests.conformance.watch import Met

MOST = 12
"""The number of declared differences may fall, and this number with it."""


def test_the_list_only_shrinks() -> None:
    """No more differences are declared than the number written here, and no fewer: lower it when one is struck off."""
    assert len(differences.declared()) == MOST


def test_each_difference_is_reasoned() -> None:
    """Each entry says what and why in words, names its source, and stands once."""
    rows = differences.declared()
    assert len({(each.where, each.kind) for each in rows}) == len(rows)
    for each in rows:
        assert len(each.what) > 10
        assert len(each.why) > 20
        assert each.source


@pytest.mark.parametrize("each", differences.declared(), ids=lambda each: each.where)
def test_a_source_in_the_sdk_is_true(each: differences.Difference) -> None:
    """Where an entry names the SDK as its source, the SDK of the spoken version says so."""
    scheme, _, rest = each.source.partition(":")
    if scheme == "sdk":
        path, _, field = rest.rpartition(".")
        owner: Any = stripe
        for part in path.split("."):
            owner = getattr(owner, part)
        assert field in typed.fields_of(owner)
    elif scheme == "sdk-param":
        place, _, word = rest.partition("=")
        name, _, field = place.partition(".")
        assert word in str(getattr(stripe.params, name).__annotations__[field])
    elif scheme == "sdk-call":
        name, _, method = rest.partition(".")
        assert callable(getattr(getattr(stripe, name), method))
    else:
        assert each.source.startswith("third parties: ")


def test_what_is_declared_is_silent_and_what_is_repaired_is_not() -> None:
    """A declared finding is no fault; a declared one that is not met, and an undeclared one, are."""
    met = {(each.where, each.kind): Met(1, "here") for each in differences.declared()}
    assert differences.undeclared(met) == differences.unmet(met) == []
    first = differences.declared()[0]
    del met[first.where, first.kind]
    met["charge.colour", "unknown"] = Met(2, "there")
    assert [line.split(":")[0] for line in differences.undeclared(met)] == ["charge.colour"]
    assert [line.rpartition(": declared")[0] for line in differences.unmet(met)] == [f"{first.where}: {first.kind}"]


def test_the_sdk_reading_sees_what_it_does_not_know() -> None:
    """Read through the SDK, an invented field, a wrong type and a wrong nested object are findings; the rest is silent."""
    right: Any = {"id": "cus_1", "object": "customer", "balance": 0, "metadata": {"a": "b"}, "address": None}
    assert typed.read(stripe.Customer.construct_from(right, None)) == []
    wrong = {**right, "balance": "0", "colour": "red", "address": {"city": 5}}
    found = typed.read(stripe.Customer.construct_from(wrong, None))
    assert {(each.where, each.kind) for each in found} == {
        ("Customer.balance", "sdk type"),
        ("Customer.colour", "undeclared"),
        ("Customer.Address.city", "sdk type"),
    }
    assert all(isinstance(each, Finding) for each in found)
