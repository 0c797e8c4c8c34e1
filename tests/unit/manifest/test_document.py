"""The strict YAML reader: what is read, what is refused, and where."""

from __future__ import annotations

import pytest
import yaml

from flexpay_reconcile.manifest import document
from flexpay_reconcile.manifest.faults import UNREAD
from flexpay_reconcile.manifest.tree import Tree
from tests.unit.manifest.book import at


def value_of(text: str):
    """The plain value of a text that reads without a fault."""
    tree, faults = document.read("f", text.encode())
    assert faults == []
    return tree.value if tree else None


def tree_of(data: str | bytes) -> Tree:
    """The tree of what can be read to its end."""
    tree, _ = document.read("f", data.encode() if isinstance(data, str) else data)
    assert tree is not None
    return tree


def faults_of(data: str | bytes) -> list[str]:
    """`line:column code` of each fault."""
    _, faults = document.read("f", data.encode() if isinstance(data, str) else data)
    return [f"{at(fault)} {fault.code}" for fault in faults]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("NO", "NO"),
        ("no", "no"),
        ("yes", "yes"),
        ("on", "on"),
        ("12:30", "12:30"),
        ("1_000", "1_000"),
        ("2026-11-20", "2026-11-20"),
        ('"0012"', "0012"),
        ("'true'", "true"),
        ("true", True),
        ("False", False),
        ("~", None),
        ("null", None),
        ("", None),
        ("12", 12),
        ("-7", -7),
        ("+5", 5),
        ("0", 0),
        ("1.2.3", "1.2.3"),
        ("-", ["x"]),
    ],
)
def test_scalars_mean_what_yaml_1_2_says(text, value):
    """Country codes, times and dates stay text; only true, false, null and decimal whole numbers are more."""
    if value == ["x"]:
        assert value_of("a:\n- x") == {"a": ["x"]}
    else:
        assert value_of(f"a: {text}") == {"a": value}


@pytest.mark.parametrize("text", ["0012", "-01", "0o17", "0x1F", "1.5", ".5", "1e3", ".inf", ".NaN", "9" * 16])
def test_numbers_that_readers_differ_on_are_refused(text):
    """A number with a leading zero, another base, a fraction or too many digits is a fault at its place."""
    assert faults_of(f"a: {text}") == ["1:4 E-yaml-number"]
    assert tree_of(f"a: {text}").value == {"a": UNREAD}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a: &x 1\nb: 2", ["1:4 E-yaml-anchor"]),
        ("b: *x", ["1:4 E-yaml-alias"]),
        ("*x : 1", ["1:1 E-yaml-alias"]),
        ("&k a: 1", ["1:1 E-yaml-anchor"]),
        ("a: !!str 1", ["1:4 E-yaml-tag"]),
        ("a: !secret x", ["1:4 E-yaml-tag"]),
        ("a: ! x", ["1:4 E-yaml-tag"]),
        ("a: !!python/object/apply:os.system ['true']", ["1:4 E-yaml-tag"]),
        ("a: 1\n<<: {b: 2}", ["2:1 E-yaml-merge"]),
        ("a: 1\nb: 2\na: 3", ["3:1 E-yaml-duplicate-key"]),
        ("x: {a: 1, a: 2}", ["1:11 E-yaml-duplicate-key"]),
        ("'a': 1\na: 2", ["2:1 E-yaml-duplicate-key"]),
        ("a: 1\n---\nb: 2", ["2:1 E-yaml-documents"]),
        ("%YAML 1.1\n---\na: 1", ["1:1 E-yaml-directive"]),
        ("1: x", ["1:1 E-yaml-key"]),
        ("true: x", ["1:1 E-yaml-key"]),
        ("? [a, b]\n: 4\nc: 5", ["1:3 E-yaml-key"]),
        ("{{a: 1}: 2}", ["1:2 E-yaml-key"]),
        ('"a\\n": 1', ["1:1 E-yaml-key"]),
        ("a:\n\tb: 1", ["2:1 E-yaml-tab"]),
        ("a: b: c", ["1:5 E-yaml-syntax"]),
        ("\na: 'open", ["2:4 E-yaml-syntax"]),
        ("a: @x", ["1:4 E-yaml-syntax"]),
        ("a: x\u202ey", ["1:5 E-file-character"]),
        ("a: x\x07", ["1:5 E-file-character"]),
        ("a: x\u2028b: 2", ["1:5 E-file-character"]),
        ('a: "\\u202e"', ["1:4 E-file-character"]),
        (b"a: 1\nb: \xff", ["2:4 E-file-encoding"]),
        (b"\xe4: 1", ["1:1 E-file-encoding"]),
        ("[" * 40, ["1:33 E-yaml-depth"]),
        ("{a: " * 40, ["1:129 E-yaml-depth"]),
    ],
)
def test_each_refusal_has_its_code_and_place(text, found):
    """What YAML readers differ on, hide or multiply is a fault at the exact line and column."""
    assert faults_of(text) == found


def test_reading_goes_on_after_a_fault():
    """Aliases, tags, doubles and odd numbers in one file are all told at once, and the rest is read."""
    text = "a: *x\nb: !t 1\nc: 012\nb: 2\nd: fine\n"
    assert faults_of(text) == ["1:4 E-yaml-alias", "2:4 E-yaml-tag", "3:4 E-yaml-number", "4:1 E-yaml-duplicate-key"]
    assert tree_of(text).value == {"a": UNREAD, "b": "1", "c": UNREAD, "d": "fine"}


def test_every_value_and_key_knows_its_place():
    """Positions count from one and are kept for keys and values, in block and in flow style."""
    tree = tree_of(b"a:\n  b: [x, {c: yy}]\n")
    place = {path: (each.line, each.column) for path, each in tree.values.items()}
    assert place[("a", "b")] == (2, 6)
    assert place[("a", "b", 0)] == (2, 7)
    assert place[("a", "b", 1, "c")] == (2, 14)
    assert (tree.keys[("a", "b", 1, "c")].line, tree.keys[("a", "b", 1, "c")].column) == (2, 11)
    assert tree.place(("a", "b")) == tree.keys[("a", "b")]
    assert tree.place(("a", "missing", "deep")) == tree.keys[("a",)]


def test_a_byte_order_mark_and_windows_line_ends_are_read():
    """A file saved by a Windows editor reads like any other."""
    data = b"\xef\xbb\xbfa: 1\r\nb: 2\r\n"
    assert faults_of(data) == []
    tree = tree_of(data)
    assert tree.value == {"a": 1, "b": 2}
    assert (tree.keys[("b",)].line, tree.keys[("b",)].column) == (2, 1)


def test_an_empty_file_is_nothing_and_no_fault():
    """A file of comments only adds nothing and breaks nothing."""
    assert document.read("f", b"# only a comment\n") == (None, [])


def test_size_is_checked_before_parsing():
    """More than one MiB is refused by its size alone, whatever is in it."""
    assert faults_of(b"\xff" * (2 << 20)) == ["1:1 E-file-too-large"]
    assert faults_of(b"a: '" + b"x" * (1 << 20) + b"'") == ["1:1 E-file-too-large"]
    assert faults_of(b"a: '" + b"x" * ((1 << 20) - 5) + b"'") == []


def test_an_alias_bomb_multiplies_nothing():
    """The bomb of ten levels yields one fault per anchor and alias, and no memory."""
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{new}: &{new} [{', '.join([f'*{old}'] * 9)}]" for old, new in zip("abcdefgh", "bcdefghi", strict=True)]
    found = faults_of("\n".join(lines))
    assert len(found) == 9 + 8 * 9
    assert {each.split()[1] for each in found} == {"E-yaml-anchor", "E-yaml-alias"}


def test_plain_files_are_read_with_fractions():
    """Other files of the product are read as strictly, fractions included, to plain values."""
    assert document.load_plain("s", b"share: 0.25\nrate: -1.5e3\nday: 2026-01-01\n") == (
        {"share": 0.25, "rate": -1500.0, "day": "2026-01-01"},
        [],
    )
    value, faults = document.load_plain("s", b"share: .5\nb: 1\n")
    assert value is None
    assert [fault.code for fault in faults] == ["E-yaml-number"]


def test_the_slow_parser_reads_alike(monkeypatch):
    """Without libyaml the pure parser gives the same values, places and codes."""
    text = b"a: [x, {b: 012}]\nc: *x\nd: |\n  long\n  text\n'e': {f: ~}\n"
    quick = document.read("f", text)
    monkeypatch.setattr(document, "_LOADER", yaml.SafeLoader)
    assert document.read("f", text) == quick
