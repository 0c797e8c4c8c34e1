"""The comments of a manifest file, in order, each with where it stands. Knows no layout and changes nothing."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from flexpay_reconcile.manifest.mark import Mark
from flexpay_reconcile.manifest.text import Lines

_COMMENT = re.compile(r"#[^\r\n]*")
_BLOCK_HEADER = re.compile(r"[|>][-+0-9]*[ \t]+(#[^\r\n]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Comment:
    """A comment with its `#`, without blanks at its end; `start` in characters, line and column from 0."""

    text: str
    start: int
    line: int
    column: int


def comments(text: str, found: Sequence[Mark]) -> tuple[Comment, ...]:
    """Whatever follows a `#` between two scalars; and what stands beside the mark that opens a block of text."""
    lines = Lines("", text)
    made = []
    for offset, words in _places(text, found):
        place = lines.place(offset)
        made.append(Comment(text=words.rstrip(), start=offset, line=place.line - 1, column=place.column - 1))
    return tuple(made)


def _places(text: str, found: Sequence[Mark]) -> Iterator[tuple[int, str]]:
    since = 0
    for scalar in (each for each in found if each.kind == "scalar"):
        yield from ((each.start(), each.group()) for each in _COMMENT.finditer(text, since, scalar.start))
        header = None if scalar.plain else _BLOCK_HEADER.match(text, scalar.start)
        if header is not None:
            yield header.start(1), header.group(1)
        since = scalar.end
    yield from ((each.start(), each.group()) for each in _COMMENT.finditer(text, since))
