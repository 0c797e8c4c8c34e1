"""The simulator's encoder: the same documents as the standard library's, in ASCII, from what is not changed by it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexpay_reconcile.simulator.protocol.encoding import encoded
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from tests.unit.simulator.helpers import document

_SCALARS = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
_VALUES = st.recursive(_SCALARS, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=20)


def _plain(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


@given(_VALUES)
def test_what_is_written_reads_as_the_standard_library_writes_it(value: Any) -> None:
    """Any document comes back as it went in, types included, and the bytes are ASCII."""
    written = encoded(value)
    assert written.isascii()
    assert repr(json.loads(written)) == repr(json.loads(_plain(value)))


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({"name": "Łódź × 東京 😀 \u2028 \ud7ff\ue000"}, id="beyond ASCII"),
        pytest.param({"a": 'quote " slash \\ \\u00d7 \\x', "b": "\x00\x1f\n\t"}, id="escapes"),
        pytest.param({"amount": 2**63 - 1, "less": -(2**63)}, id="64 bits"),
        pytest.param({"amount": 10**30, "less": -(10**30)}, id="beyond 64 bits"),
        pytest.param({"half": "\ud83d"}, id="half a pair of surrogates"),
        pytest.param({1: "a", None: "b"}, id="keys that are no texts"),
        pytest.param({"share": 0.1, "many": 1234567.25}, id="floats"),
        pytest.param(("a", ("b",)), id="tuples"),
    ],
)
def test_the_bytes_are_those_of_the_standard_library(value: Any) -> None:
    """Texts of any script, escapes, numbers of any size and odd keys are written byte for byte as before."""
    assert encoded(value) == _plain(value)


def test_what_is_no_json_is_refused_and_not_written_as_something_else() -> None:
    """A set has no JSON."""
    with pytest.raises(TypeError):
        encoded({"a": {1}})


def test_an_answer_stays_ascii_and_says_the_name_it_was_given() -> None:
    """A name of several scripts goes through the API as it was sent, in an answer that may be cut at any byte."""
    world = build_world(document())
    lines = {"Authorization": f"Bearer {env_of(world)['STANDARD']}"}
    made = world.handle("POST", "/v1/customers", lines, "name=Łucja 😀".encode())
    assert made.body.isascii()
    assert json.loads(made.body)["name"] == "Łucja 😀"
    cut = made.body[: made.body.index(b"\\ud83d") + 3]
    assert cut.decode().endswith("\\ud")
