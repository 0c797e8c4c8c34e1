"""Diagnostics: faults as values that come all at once, each with its place. Not exceptions; they print nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How bad a diagnostic is."""

    ERROR = "error"
    """The manifest cannot be used."""
    WARNING = "warning"
    """It can be used; a person should look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A position in a file; line and column count from 1."""

    file: str
    line: int
    column: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One fault. `code` is stable (`E-…` or `W-…`) and has a line in `docs/errors.md`; `path` is `a.b.c`."""

    severity: Severity
    code: str
    message: str
    place: Place | None = None
    path: str = ""
    hint: str | None = None

    def text(self) -> str:
        """`file:line:col: error[E-code]: message (hint)`."""
        where = f"{self.place.file}:{self.place.line}:{self.place.column}: " if self.place else ""
        hint = f"\n    hint: {self.hint}" if self.hint else ""
        return f"{where}{self.severity.value}[{self.code}]: {self.message}{hint}"

    def sort_key(self) -> tuple[str, int, int, str]:
        """File, line, column, code: the order in which people read."""
        place = self.place or Place(file="", line=0, column=0)
        return (place.file, place.line, place.column, self.code)
