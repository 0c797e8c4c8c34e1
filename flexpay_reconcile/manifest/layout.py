"""One way to write a manifest file, for `flexpay fmt`: values, order and comments stay as they are.

Two spaces a level. A map or list in brackets stays on its line if it stood on one and fits; others become blocks.
Quotes are double. One blank line at most, and one before each section. A comment beside a value keeps its column where
it can. Knows nothing of what keys mean; reads and writes no file.
"""

from __future__ import annotations

import json
from typing import Final

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.manifest.comments import Comment, comments
from flexpay_reconcile.manifest.document import marks, read
from flexpay_reconcile.manifest.mark import Mark
from flexpay_reconcile.manifest.text import decode

WIDTH: Final = 120
"""What stands in brackets and would make its line longer than this becomes a block."""


def formatted(name: str, data: bytes) -> bytes:
    """The file in its one form; it must have been read without a fault. One that holds comments alone stays as it is.

    Raises BrokenInvariant where the outcome would not mean the same, or would lose a comment.
    """
    text, _ = decode(name, data)
    before, faults = read(name, data)
    if text is None or faults:
        raise BrokenInvariant("a file with faults is not formatted")
    if before is None:
        return data
    made = _Writer(text).whole()
    after, faults = read(name, made.encode())
    if faults or after is None or not _same(before.value, after.value) or _words(made) != _words(text):
        raise BrokenInvariant(f"{name} would not say the same after formatting; it was left as it is")
    return made.encode()


def _same(one: object, other: object) -> bool:
    """Equal in value, order and type; to Python alone `1` and `true` are equal."""
    return repr(one) == repr(other)


def _words(text: str) -> list[str]:
    return [each.text for each in comments(text, list(marks(text)))]


class _Node:
    """A scalar, or a map or list with its items; in a map each item has a key."""

    __slots__ = ("end", "items", "mark")

    def __init__(self, mark: Mark) -> None:
        self.mark = mark
        self.end = mark
        self.items: list[tuple[_Node | None, _Node]] = []

    @property
    def lines(self) -> int:
        """How many lines of the source it stands on."""
        return self.end.last_line - self.mark.line + 1


def _grown(found: list[Mark]) -> _Node:
    """The tree of the marks."""
    root: _Node | None = None
    opened: list[_Node] = []
    keys: list[_Node | None] = []
    for mark in found:
        if mark.kind == "end":
            opened.pop().end = mark
            keys.pop()
            continue
        node = _Node(mark)
        if not opened:
            root = node
        elif opened[-1].mark.kind == "map" and keys[-1] is None:
            keys[-1] = node
        else:
            opened[-1].items.append((keys[-1], node))
            keys[-1] = None
        if mark.kind != "scalar":
            opened.append(node)
            keys.append(None)
    if root is None:
        raise BrokenInvariant("a file that was read has no value")
    return root


class _Writer:
    """Writes the tree line by line, and each comment where the source reaches it."""

    def __init__(self, text: str) -> None:
        found = list(marks(text))
        self._text = text
        self._source = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
        self._root = _grown(found)
        self._comments = list(comments(text, found))
        self._lines: list[str] = []
        self._first_line = self._line = -1
        """The source's lines of what was written last."""
        self._may_follow = False
        """Whether a comment may stand at the end of the line written last."""

    def whole(self) -> str:
        """The text, with a line end after its last line."""
        root = self._root
        if root.mark.kind == "scalar" or not root.items:
            self._before(root.mark.start, "")
            self._write("", self._flat(root), root.mark.line, root.end.last_line)
        else:
            self._items(root, "", "", 0)
        self._before(None, "")
        return "\n".join(self._lines) + "\n"

    def _items(self, node: _Node, indent: str, lead: str, column: int) -> None:
        """A map or list as a block; `lead` stands before its first item, in place of the indentation.

        Comments after its last item belong to it from this `column` of the source on.
        """
        for number, (key, value) in enumerate(node.items):
            start = indent if number or not lead else lead
            first = key or value
            written = len(self._lines)
            self._before(_first(first).mark.start, start[: len(start) - len(start.lstrip(" "))])
            self._blank(first.mark.line)
            if node is self._root and key is not None and self._is_block(value, indent, key):
                self._apart(written)
            if key is None:
                self._value(value, indent, f"{start}-", first.mark.line)
            else:
                self._value(value, indent, f"{start}{_scalar(key.mark)}:", key.mark.line, key=key)
        self._tail(node, indent, column)

    def _value(self, value: _Node, indent: str, before: str, line: int, key: _Node | None = None) -> None:
        if not self._is_block(value, indent, key):
            words = self._flat(value)
            self._write(f"{before} " if words else before, words, line, value.end.last_line)
        elif key is None:
            self._items(value, f"{indent}  ", f"{before} ", value.mark.column)
        else:
            flow_line = value.mark.line if value.mark.flow else line
            self._write(before, "", line, max(line, flow_line))
            self._items(value, f"{indent}  ", "", max(value.mark.column, key.mark.column + 1))

    def _is_block(self, value: _Node, indent: str, key: _Node | None) -> bool:
        """Whether it is written over several lines."""
        if value.mark.kind == "scalar" or not value.items:
            return False
        if not value.mark.flow or value.lines > 1:
            return True
        before = f"{indent}- " if key is None else f"{indent}{_scalar(key.mark)}: "
        return len(before) + len(self._flat(value)) > WIDTH

    def _flat(self, node: _Node) -> str:
        """On one line."""
        if node.mark.kind == "scalar":
            return _scalar(node.mark)
        parts = [(f"{_scalar(key.mark)}: " if key else "") + (self._flat(value) or "null") for key, value in node.items]
        return ("{%s}" if node.mark.kind == "map" else "[%s]") % ", ".join(parts)

    def _tail(self, node: _Node, indent: str, column: int) -> None:
        """Comments at a block's end that are indented as it is, or stand before the bracket that closes it."""
        while self._comments and (self._comments[0].start < node.end.start or self._closes(node)):
            comment = self._comments[0]
            if not node.mark.flow and comment.column < column and not self._follows(comment):
                return
            self._comment(self._comments.pop(0), indent)
        if node.mark.flow:
            self._line = node.end.last_line

    def _closes(self, node: _Node) -> bool:
        """Whether the next comment stands on the line of the closing bracket, with nothing but brackets between."""
        comment = self._comments[0]
        between = self._text[node.end.end : comment.start]
        return node.mark.flow and comment.line == node.end.line and not between.strip(" \t,]}")

    def _before(self, start: int | None, indent: str) -> None:
        """The comments that stand before a place of the source; None is its end."""
        while self._comments and (start is None or self._comments[0].start < start):
            self._comment(self._comments.pop(0), indent)

    def _follows(self, comment: Comment) -> bool:
        return self._may_follow and self._first_line <= comment.line <= self._line

    def _comment(self, comment: Comment, indent: str) -> None:
        if self._follows(comment):
            gap = max(1, comment.column - len(self._lines[-1]))  # people align such comments in columns
            self._lines[-1] += " " * gap + comment.text
        else:
            self._blank(comment.line)
            self._lines.append(f"{indent}{comment.text}")
        self._line, self._may_follow = max(self._line, comment.line), False

    def _blank(self, line: int) -> None:
        """One blank line where the source has any between what was written last and this line."""
        if self._lines and self._lines[-1] and any(not each.strip() for each in self._source[self._line + 1 : line]):
            self._lines.append("")

    def _apart(self, written: int) -> None:
        """A blank line before a section, or before the comments on top of it, unless it begins the file."""
        fresh = self._lines[written:]
        if written and "" not in fresh and self._lines[-1]:
            self._lines.insert(written, "")

    def _write(self, before: str, words: str, line: int, last_line: int) -> None:
        self._lines.append(f"{before}{words}")
        self._first_line, self._line, self._may_follow = line, max(line, last_line), True


def _first(node: _Node) -> _Node:
    """The scalar a node begins with in a block, so that comments inside its opening are written above it."""
    while node.items and not node.mark.flow:
        key, value = node.items[0]
        node = key or value
    return node


def _scalar(mark: Mark) -> str:
    """A plain word as it is, on one line; other text in double quotes."""
    if mark.plain and mark.last_line == mark.line:
        return mark.text
    return json.dumps(mark.text, ensure_ascii=False)
