"""What a planted bug is, how the campaign hunts for it, and in which seeds it was found when that was last measured."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.simulation import campaign

Patch = pytest.MonkeyPatch
MEASURED = Path(__file__).parent / "firsts.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`what` in one line; `plant` patches it in; `breaks` the invariants that may name it."""

    what: str
    plant: Callable[[Patch], None]
    breaks: frozenset[str]


def mutant(what: str, plant: Callable[[Patch], None], breaks: str) -> Mutant:
    """A mutant, shortly."""
    return Mutant(what=what, plant=plant, breaks=frozenset(breaks.split()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """In which seed the bug was found first (None: in none), in how many of those run, and the first one's words."""

    what: str
    found: int | None
    ran: int
    words: str
    times: int = 0

    @property
    def named(self) -> str:
        """The invariant that was reported."""
        return self.words.partition(":")[0]


def hunt(each: Mutant, seeds: Iterable[int], *, at_least: int = 0) -> Hunt:
    """Run seeds with the bug planted until one breaks an invariant, and `at_least` so many."""
    first: int | None = None
    ran, times, words = 0, 0, ""
    with pytest.MonkeyPatch.context() as patch:
        each.plant(patch)
        for seed in seeds:
            ran += 1
            report = campaign.run(seed)
            if report.violation:
                times += 1
                first, words = (seed, report.violation) if first is None else (first, words)
            if first is not None and ran >= at_least:
                break
    return Hunt(what=each.what, found=first, ran=ran, words=words, times=times)


def measured() -> dict[str, dict[str, Any]]:
    """By a bug's words: `first` seed that found it, the invariant it `named`, and `times` found in so many `seeds`."""
    found: dict[str, dict[str, Any]] = json.loads(MEASURED.read_text())
    return found
