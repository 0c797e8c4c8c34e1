"""One event of the YAML parser with where it stands. Holds no logic."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """One event of the parser with where it stands: lines and columns from 0, `start` and `end` in characters."""

    kind: str
    """`scalar`, `map`, `list` or `end` (of the last one opened)."""
    text: str
    plain: bool
    flow: bool
    """A map or list in brackets."""
    start: int
    end: int
    line: int
    column: int
    last_line: int
    """Of a scalar, the line of its last character."""
