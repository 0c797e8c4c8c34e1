"""`flexpay fmt` changes how a manifest is written and never what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.manifest import layout
from flexpay_reconcile.manifest.compose import compose
from flexpay_reconcile.manifest.document import read
from flexpay_reconcile.manifest.layout import formatted
from flexpay_reconcile.manifest.load import load
from flexpay_reconcile.manifest.starter import starter_manifest
from tests.unit.manifest.book import TWO

EXAMPLES = sorted((Path(__file__).resolve().parents[3] / "examples").glob("*/flexpay*.yaml"))
SNIPPETS = [
    *re.findall(r"[\w-]+|\n +|[^\w\s]", TWO),
    *"- | > [ ] { } , : # \r\n \n ~ 'a' \"b\" ' #x' '\n# y'".split(" "),
]

WORDS = st.sampled_from(["a", "b c", "12", "no", "true", "~", "x#y", "http://a/b", "2026-11-20"])
QUOTED = st.sampled_from(["'it''s'", '"a # b"', '"\\u00e9\\n"', "'12'", '""', "'a\n\n      b'"])
NAMES = st.sampled_from(["a", "b", "name", "'q'", '"r s"'])


def text_of(draw: Any, depth: int, indent: int) -> str:
    """A random map in block form: odd indentation, brackets over several lines, comments in every place."""
    lines = []
    pad = " " * indent
    for name in draw(st.lists(NAMES, min_size=1, max_size=3, unique=True)):
        lines += draw(st.lists(st.sampled_from(["", f"{pad}# above", "#out", f"{pad}    # deep"]), max_size=2))
        beside = draw(st.sampled_from(["", " # beside", "     #tight"]))
        form = draw(st.integers(0, 7 if depth else 5))
        word = draw(WORDS)
        match form:
            case 0 | 1:
                lines.append(f"{pad}{name}:   {draw(WORDS if form else QUOTED)}{beside}")
            case 2:
                lines.append(f"{pad}{name}: [{word},  {{k: v}}  ,[]]{beside}")
            case 3:
                lines += [
                    f"{pad}{name}: {{k: {word},{beside}",
                    f"{pad}   # within",
                    f"{pad}  l: []",
                    f"{pad} }}{beside}",
                ]
            case 4:
                lines += [
                    f"{pad}{name}: |{beside}",
                    f"{pad}   one # no comment",
                    f"{pad}   two",
                    f"{pad}k{len(lines)}: 1",
                ]
            case 5:
                lines += [
                    f"{pad}{name}:{beside}",
                    f"{pad}- {word}{beside}",
                    f"{pad}# between",
                    f"{pad}-   k: 1",
                    f"{pad}    l: 2",
                ]
            case _:
                deeper = indent + draw(st.integers(1, 5))
                lines += [f"{pad}{name}:{beside}", text_of(draw, depth - 1, deeper)]
    return "\n".join(lines)


@st.composite
def written(draw: st.DrawFn) -> str:
    """A file that somebody wrote by hand."""
    return text_of(draw, 2, 0) + draw(st.sampled_from(["", "\n", "\n\n# end\n", "\n # end"]))


def said(text: str) -> tuple[str, list[str]]:
    """What a file says: its value with types and order, and the words of its comments in order."""
    tree, faults = read("f", text.encode())
    assert not faults
    return repr(tree and tree.value), re.findall(
        r"(?:^|[ \t])(# (?!no comment|b\")\w+|#out|#tight)", text, re.MULTILINE
    )


@given(text=written())
@settings(max_examples=150, deadline=None)
def test_what_people_write_keeps_its_meaning_and_comments(text):
    """Value, types, order and every comment are the same after formatting, and formatting twice is formatting once."""
    assume(not read("f", text.encode())[1])
    once = formatted("f", text.encode())
    before, after = said(text), said(once.decode())
    assert after[0] == before[0]
    assert after[1] == before[1]
    assert formatted("f", once) == once
    assert not re.search(r"[ \t]$|\n\n\n|\r|\t", once.decode(), re.MULTILINE)


@given(parts=st.lists(st.sampled_from(SNIPPETS), max_size=40), between=st.sampled_from(["", " "]))
@settings(max_examples=300, deadline=None)
def test_whatever_can_be_read_can_be_formatted(parts, between):
    """Pieces of manifests in any order: if they can be read, they keep their value, and twice is once."""
    data = between.join(parts).encode()
    tree, faults = read("f", data)
    assume(tree is not None and not faults)
    once = formatted("f", data)
    again, faults = read("f", once)
    assert not faults
    assert again is not None
    assert tree is not None
    assert repr(again.value) == repr(tree.value)
    assert formatted("f", once) == once


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_the_examples_stand_in_the_one_form(path):
    """Nobody learns from an example that the formatter would change."""
    assert formatted("f", path.read_bytes()) == path.read_bytes()


def test_what_we_write_ourselves_stands_in_the_one_form():
    """Neither `flexpay init` nor `flexpay import` writes a file that `flexpay fmt` would change."""
    starter = starter_manifest().encode()
    assert formatted("f", starter) == starter
    configuration = load([("f", TWO.encode())]).configuration
    assert configuration is not None
    composed = compose(configuration, head="read\nthis", comments={"integrations": "all of them"}).encode()
    assert formatted("f", composed) == composed


UGLY = """\
# head
version:   1   # one
currencies: [USD,EUR]
companies: {b: {name: 'B',  # in
    time_zone: UTC
    # last
    } }   # out
retry_policies:
- x
# of the list's end? no: of guards
guards:


    a: ~


    # tail
"""
FAIR = """\
# head
version: 1     # one
currencies: [USD, EUR]

companies:
  b:
    name: "B"               # in
    time_zone: UTC
    # last
    # out

retry_policies:
  - x

# of the list's end? no: of guards
guards:

  a: ~

  # tail
"""


def test_the_form():
    """Two spaces a level, double quotes, brackets over several lines become blocks, a blank line before each section."""
    assert formatted("f", UGLY.encode()).decode() == FAIR


def test_windows_line_ends_and_a_byte_order_mark_go():
    """The one form has line feeds alone and no mark before its first letter."""
    assert formatted("f", b"\xef\xbb\xbfa: 1 # x\r\nb:\r\n- c\r\n") == b"a: 1 # x\n\nb:\n  - c\n"


@pytest.mark.parametrize("data", [b"", b"# only words\n", b"\n\n"])
def test_nothing_to_format(data):
    """A file without a value stays byte for byte."""
    assert formatted("f", data) == data


def test_a_file_with_faults_is_not_formatted():
    """What cannot be read for sure is not written anew."""
    with pytest.raises(BrokenInvariant):
        formatted("f", b"a: 1\na: 2\n")


@pytest.mark.parametrize(("broken", "with_"), [("_scalar", lambda mark: "x"), ("_words", iter([["# a"], []]).__next__)])
def test_a_mistake_of_the_formatter_writes_nothing(monkeypatch, broken, with_):
    """Should it ever change a value or lose a comment, it raises instead of answering."""
    monkeypatch.setattr(layout, broken, with_ if broken == "_scalar" else lambda text: with_())
    with pytest.raises(BrokenInvariant):
        formatted("f", b"a: 1 # a\n")
