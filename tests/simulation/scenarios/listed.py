"""The table of docs/SCENARIOS_ENGINE.md as values. Runs nothing."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

BELOW = Path(__file__).parents[1]
PAGE = BELOW.parents[1] / "docs" / "SCENARIOS_ENGINE.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """One row: `nodes` are pytest's names of its tests, below tests/simulation/."""

    name: str
    happens: str
    nodes: tuple[str, ...]
    seen_red: str


def scenarios() -> tuple[Scenario, ...]:
    """The rows in their order."""
    rows = [line.strip("| \n").split(" | ") for line in PAGE.read_text("utf-8").splitlines() if line.startswith("| ")]
    return tuple(
        Scenario(
            name=name.replace("`", ""), happens=happens, nodes=tuple(re.findall(r"`([^`]+)`", where)), seen_red=red
        )
        for name, happens, where, red in rows[1:]
    )
