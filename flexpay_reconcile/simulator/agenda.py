"""The world's agenda: what happens by itself, and when.

Entries at one instant run in the order they were written. May not know what an entry means.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple


class Entry(NamedTuple):
    """One thing due: at (epoch seconds), order of writing, what to do, to which account and object."""

    at: int
    order: int
    action: str
    account: tuple[str, bool]
    subject: str


class Agenda:
    """A queue of entries by instant."""

    def __init__(self) -> None:
        self._heap: list[Entry] = []
        self._count = 0

    def add(self, at: int, action: str, account: tuple[str, bool], subject: str) -> None:
        """Write an entry."""
        self._count += 1
        heapq.heappush(self._heap, Entry(at, self._count, action, account, subject))

    def next_at(self) -> int | None:
        """The instant of the earliest entry."""
        return self._heap[0].at if self._heap else None

    def take(self, until: int) -> Entry | None:
        """The earliest entry due at or before `until`, removed."""
        if self._heap and self._heap[0].at <= until:
            return heapq.heappop(self._heap)
        return None

    def extract(self, wanted: Callable[[Entry], bool]) -> list[Entry]:
        """Remove and return the entries that are wanted, earliest first (reads the whole agenda)."""
        found = sorted(entry for entry in self._heap if wanted(entry))
        if found:
            self._heap = [entry for entry in self._heap if not wanted(entry)]
            heapq.heapify(self._heap)
        return found


@dataclass(slots=True)
class OwnTime:
    """What lives under a test clock: its agenda, and the ids of its customers in the order of their coming."""

    agenda: Agenda = field(default_factory=Agenda)
    customers: list[str] = field(default_factory=list)
