"""A manifest as plain values that remember where they stood. Reads nothing and judges nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from flexpay_reconcile.manifest.faults import Path
from flexpay_reconcile.values.diagnostic import Place


@dataclass(frozen=True, slots=True, kw_only=True)
class Tree:
    """`value` holds dict, list, str, int, bool, None and UNREAD.

    `values` and `keys` give the place of each value and of its key.
    """

    value: Any
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)

    def get(self, *path: str | int) -> Any:
        """The value at a path; None where anything on the way is missing or of another shape."""
        here = self.value
        for part in path:
            if isinstance(here, dict) and isinstance(part, str):
                here = here.get(part)
            elif isinstance(here, list) and isinstance(part, int) and part < len(here):
                here = here[part]
            else:
                return None
        return here

    def has(self, *path: str | int) -> bool:
        """Whether something was written at a path, whatever it is."""
        return path in self.values

    def text(self, *path: str | int) -> str | None:
        """The text at a path, or None."""
        found = self.get(*path)
        return found if isinstance(found, str) else None

    def whole(self, *path: str | int) -> int | None:
        """The whole number at a path, or None."""
        found = self.get(*path)
        return found if type(found) is int else None

    def maps(self, *path: str | int) -> Iterator[tuple[str, dict[str, Any]]]:
        """The entries of the map at a path that are maps themselves, as written."""
        found = self.get(*path)
        if isinstance(found, dict):
            for key, value in found.items():
                if isinstance(value, dict):
                    yield key, value

    def items(self, *path: str | int) -> list[Any]:
        """The list at a path, or an empty one."""
        found = self.get(*path)
        return found if isinstance(found, list) else []

    def place(self, path: Path) -> Place | None:
        """Where the value at a path stands; of a map or list with a key, where its key stands;
        else its nearest parent.
        """
        while path not in self.values and path:
            path = path[:-1]
        value = self.get(*path)
        if isinstance(value, dict | list) and path in self.keys:
            return self.keys[path]
        return self.values.get(path)

    def key_place(self, path: Path) -> Place | None:
        """Where the key at a path stands; of a list's item, the item."""
        return self.keys.get(path) or self.place(path)
