"""What a world tells: its events since it was last asked."""

from __future__ import annotations

from typing import Any

from tests.unit.simulator.helpers import client


class Told:
    """The events of a world since it was last asked, oldest first."""

    def __init__(self, world: Any) -> None:
        self.world = world
        self.api = client(world)
        self.seen: set[str] = set()
        self.since()

    def since(self) -> list[Any]:
        """What happened since the last call."""
        rows = list(self.api.v1.events.list({"limit": 100}).auto_paging_iter())[::-1]
        new = [row for row in rows if row.id not in self.seen]
        self.seen.update(row.id for row in rows)
        return new

    def types(self) -> list[str]:
        """The types of what happened since the last call."""
        return [row.type for row in self.since()]
