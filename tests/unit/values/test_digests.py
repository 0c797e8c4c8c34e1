"""Canonical JSON and digests: same value, same bytes."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.values.digest import canonical_json, digest_of, fraction_of, sha256_text

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


def shuffled(value: object) -> object:
    """The same value with every map built in the opposite order."""
    if isinstance(value, dict):
        return {key: shuffled(value[key]) for key in reversed(list(value))}
    if isinstance(value, list):
        return [shuffled(each) for each in value]
    return value


@given(plain)
def test_order_of_keys_does_not_matter(value):
    """Equal values have one text and one digest, whatever order they were built in."""
    assert canonical_json(shuffled(value)) == canonical_json(value)
    assert digest_of(shuffled(value)) == digest_of(value)


@given(plain, plain)
def test_different_values_differ(one, two):
    """Values with different texts have different digests."""
    assert (digest_of(one) == digest_of(two)) == (canonical_json(one) == canonical_json(two))


def test_exact_form():
    """Sorted keys, no spaces, text as it is, and plain SHA-256 of it in hex."""
    assert canonical_json({"b": [1, None], "a": "é"}) == '{"a":"é","b":[1,null]}'
    assert sha256_text("é") == hashlib.sha256("é".encode()).hexdigest()
    assert digest_of({}) == hashlib.sha256(b"{}").hexdigest()


def test_lone_surrogates_have_a_digest():
    """A text that is no valid Unicode, as a YAML escape may write it, is hashed like any other."""
    assert digest_of("\ud800") != digest_of("\ud801")


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_json_cannot_say_is_refused(value):
    """NaN and infinity have no canonical form."""
    with pytest.raises(ValueError, match="JSON"):
        canonical_json(value)


@given(st.text(), st.integers(min_value=1, max_value=10**6))
def test_fractions(text, parts):
    """A fraction lies in its range and depends on the text alone."""
    assert 0 <= fraction_of(text, parts) < parts
    assert fraction_of(text, parts) == fraction_of(text, parts)


def test_fractions_spread():
    """Over many texts each of ten parts gets about a tenth."""
    counts = [0] * 10
    for number in range(10_000):
        counts[fraction_of(f"in_{number}", 10)] += 1
    assert min(counts) > 850
    assert max(counts) < 1150
