"""The known differences between the simulator and the document: `differences.toml`, a list that can only shrink.

Each entry names the place (`where`) and the kind a finding has, what differs, why it is meant, and the source that says
so. A run that does not meet an entry is red, so that what was repaired is struck off; `MOST` holds the length.
"""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.conformance.watch import Met

FILE: Final = Path(__file__).parent / "differences.toml"


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One declared difference. `source` is where its reason can be read: `sdk:Invoice.status_details`, `doc:…`."""

    where: str
    kind: str
    what: str
    why: str
    source: str


def declared() -> tuple[Difference, ...]:
    """The list, in its order."""
    rows = tomllib.loads(FILE.read_text(encoding="utf-8")).get("difference", [])
    return tuple(Difference(**row) for row in rows)


def undeclared(found: dict[tuple[str, str], Met]) -> list[str]:
    """A line for each finding that nobody declared."""
    known = {(each.where, each.kind) for each in declared()}
    return [
        f"{where}: {kind}: {met.example} ({met.count} times)"
        for (where, kind), met in sorted(found.items())
        if (where, kind) not in known
    ]


def unmet(found: dict[tuple[str, str], Met]) -> list[str]:
    """A line for each declared difference that no longer occurs."""
    return [
        f"{each.where}: {each.kind}: declared and not met: strike it off"
        for each in declared()
        if (each.where, each.kind) not in found
    ]
