"""From bytes to a text that is safe to parse and to show: size, encoding, characters.
Knows nothing of YAML's grammar.
"""

from __future__ import annotations

import bisect
import functools
import re
from typing import Final

from flexpay_reconcile.manifest.faults import error
from flexpay_reconcile.values.diagnostic import Diagnostic, Place

MAX_BYTES: Final = 1024 * 1024
_BREAK: Final = re.compile(r"\r\n|\n|\r")
# C0 and C1 controls, NEL and the separators YAML 1.1 takes for line ends (they would shift every line number),
# marks that turn the direction of text (a reviewer would see another manifest than we read), and non-characters.
_FORBIDDEN: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]"
)
_MOST: Final = 20


def decode(file: str, data: bytes) -> tuple[str | None, list[Diagnostic]]:
    """The text of a file, or None; and what is wrong with its bytes and characters.

    A byte order mark at the start is taken off.
    """
    if len(data) > MAX_BYTES:
        return None, [
            error(
                "E-file-too-large",
                f"the file has {len(data):,} bytes; at most {MAX_BYTES:,} are read",
                place=Place(file=file, line=1, column=1),
                hint="split it: several files are merged",
            )
        ]
    try:
        text = data.decode("utf-8").removeprefix("\ufeff")
    except UnicodeDecodeError as problem:
        before = Lines(file, data[: problem.start].decode("utf-8"))
        return None, [
            error(
                "E-file-encoding",
                f"byte 0x{data[problem.start]:02x} is no valid UTF-8",
                place=before.place(len(before.text)),
                hint="save the file as UTF-8",
            )
        ]
    found = list(_FORBIDDEN.finditer(text))
    if not found:
        return text, []
    lines = Lines(file, text)
    return None, [
        error(
            "E-file-character",
            f"the character U+{ord(each.group()):04X} may not stand in a manifest",
            place=lines.place(each.start()),
            hint="it is invisible; delete it, or type the line anew",
        )
        for each in found[:_MOST]
    ]


def first_forbidden(text: str) -> str | None:
    """The first character of an (escaped) scalar that may not be in one; line ends and tabs may."""
    found = _FORBIDDEN.search(text)
    return found.group() if found else None


class Lines:
    """A text with its line starts, so that offsets become lines and columns (from 1)."""

    def __init__(self, file: str, text: str) -> None:
        """Keep the text of `file`."""
        self.file = file
        self.text = text

    @functools.cached_property
    def starts(self) -> list[int]:
        """The offset at which each line begins."""
        return [0, *(found.end() for found in _BREAK.finditer(self.text))]

    def place(self, offset: int) -> Place:
        """The place of an offset."""
        line = bisect.bisect_right(self.starts, offset)
        return Place(file=self.file, line=line, column=offset - self.starts[line - 1] + 1)

    def line(self, number: int) -> str:
        """The text of a line, counted from 1; empty beyond the end."""
        if not 1 <= number <= len(self.starts):
            return ""
        end = self.starts[number] if number < len(self.starts) else len(self.text)
        return self.text[self.starts[number - 1] : end].rstrip("\r\n")
