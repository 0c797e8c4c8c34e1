"""What a planted bug is, and how the campaign hunts for it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

import pytest

from tests.simulation import campaign

Patch = pytest.MonkeyPatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """`what` in one line; `plant` patches it in; `breaks` the invariants that may name it; `first` seeds that do."""

    what: str
    plant: Callable[[Patch], None]
    breaks: frozenset[str]
    first: tuple[int, ...] = ()


def mutant(what: str, plant: Callable[[Patch], None], breaks: str, *first: int) -> Mutant:
    """A mutant, shortly."""
    return Mutant(what=what, plant=plant, breaks=frozenset(breaks.split()), first=first)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hunt:
    """In which of the seeds the bug was found first (None: in none), how many were run, and the words."""

    what: str
    found: int | None
    ran: int
    words: str


def hunt(each: Mutant, seeds: Iterable[int]) -> Hunt:
    """Run seeds with the bug planted until one breaks an invariant."""
    ran = 0
    with pytest.MonkeyPatch.context() as patch:
        each.plant(patch)
        for seed in seeds:
            ran += 1
            report = campaign.run(seed)
            if report.violation:
                return Hunt(what=each.what, found=seed, ran=ran, words=report.violation)
    return Hunt(what=each.what, found=None, ran=ran, words="")
