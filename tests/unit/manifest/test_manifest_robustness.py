"""Random input: whatever the bytes, loading answers with diagnostics and never with an exception."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from flexpay_reconcile.manifest.document import load_plain
from flexpay_reconcile.manifest.load import Loaded, load
from flexpay_reconcile.values.diagnostic import Severity
from tests.unit.manifest.book import FILE, SOUND, TWO

EXAMPLE = Path(__file__).resolve().parents[3] / "examples" / "01-one-account" / "flexpay.yaml"
_SNIPPETS = [
    *re.findall(r"[\w-]+|\n +|[^\w\s]", TWO),
    *"&a *a !t <<: --- ... %YAML | > ? - [ ] { } , : # \t \r \n 0o7 012 1.5 ~ null true \x00 \u2028 \ufeff ' \"".split(
        " "
    ),
]


def check(files: list[tuple[str, bytes]]) -> Loaded:
    """Load, and hold what always holds: a configuration exactly where there is no error, places inside the text."""
    result = load(files)
    errors = [d for d in result.diagnostics if d.severity is Severity.ERROR]
    assert (result.configuration is None) == bool(errors)
    lines = {name: data.count(b"\n") + data.count(b"\r") + 2 for name, data in files}
    for diagnostic in result.diagnostics:
        assert diagnostic.text().count("\n") <= 1
        assert diagnostic.text().replace("\n", "").isprintable()
        if diagnostic.place is not None:
            assert 1 <= diagnostic.place.line <= lines[diagnostic.place.file]
            assert diagnostic.place.column >= 1
    return result


ODD: list[Any] = [None, 0, -1, True, 1.5, 10**30, "", "x", "x" * 300, "\u202e", [], {}, [1], {"a": 1}, [[]], [{}]]


def _places(value: Any, here: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    yield here
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, each in inner:
        yield from _places(each, (*here, name))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    """A copy with another value in one place."""
    if not path:
        return value
    copied = dict(document) if isinstance(document, dict) else list(document)
    copied[path[0]] = _with(document[path[0]], path[1:], value)
    return copied


def test_no_value_of_another_kind_raises():
    """Every single value of a sound manifest, each in turn of every other kind: diagnostics, never an exception."""
    for text in (TWO, EXAMPLE.read_text(encoding="utf-8")):
        sound, faults = load_plain(FILE, text.encode())
        assert not faults
        assert check([(FILE, json.dumps(sound).encode())]).configuration is not None
        for path in _places(sound):
            for odd in ODD:
                check([(FILE, json.dumps(_with(sound, path, odd)).encode())])


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_random_bytes_never_raise(data):
    """Any bytes at all end in diagnostics."""
    check([(FILE, data)])
    load_plain(FILE, data)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.sampled_from(_SNIPPETS), max_size=60))
def test_random_yaml_never_raises(words):
    """Any heap of YAML's own signs and our own words ends in diagnostics."""
    check([(FILE, " ".join(words).encode())])
    check([(FILE, "".join(words).encode())])


@settings(max_examples=400, deadline=None)
@given(
    changes=st.lists(
        st.tuples(st.integers(0, len(TWO)), st.integers(0, 12), st.lists(st.sampled_from(_SNIPPETS), max_size=2)),
        min_size=1,
        max_size=4,
    )
)
def test_a_mutilated_manifest_never_raises(changes):
    """A sound manifest with pieces cut out and put in ends in diagnostics, or loads."""
    text = TWO
    for position, length, words in changes:
        text = text[:position] + "".join(words) + text[position + length :]
    check([(FILE, text.encode())])


@settings(max_examples=100, deadline=None)
@given(cut=st.integers(0, len(SOUND)), other=st.integers(0, len(SOUND)))
def test_two_mutilated_files_never_raise(cut, other):
    """Any two pieces of a manifest as two files end in diagnostics."""
    check([("a.yaml", SOUND[:cut].encode()), ("b.yaml", SOUND[other:].encode())])
