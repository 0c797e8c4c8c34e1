"""An overlay over a manifest: maps merge key by key, scalars and lists replace, `null` removes. Judges nothing else.

Every value remembers the file that set it, so that a fault, and a change of the plan, point at the line to look at.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.manifest.faults import Path, error, show
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic, Place


def lay(base: Tree, over: Tree) -> tuple[Tree, list[Diagnostic]]:
    """The manifest under its overlay, and what makes no sense of it."""
    if not isinstance(over.value, dict) or not isinstance(base.value, dict):
        message = f"an overlay must be a map, not {show(over.value)}"
        return base, [error("E-type", message, place=over.place(()))]
    work = _Laying(values=dict(base.values), keys=dict(base.keys), over=over)
    return Tree(value=work.map(base.value, over.value, ()), values=work.values, keys=work.keys), work.faults


class _Laying:
    """One overlay being laid; `values` and `keys` are the places of the result."""

    def __init__(self, values: dict[Path, Place], keys: dict[Path, Place], over: Tree) -> None:
        self.values = values
        self.keys = keys
        self.faults: list[Diagnostic] = []
        self._over = over

    def map(self, base: dict[str, Any], over: dict[str, Any], here: Path) -> dict[str, Any]:
        """The map at a path."""
        merged = dict(base)
        for key, value in over.items():
            path = (*here, key)
            if value is None:
                self._remove(merged, key, path)
            elif isinstance(value, dict) and isinstance(merged.get(key), dict):
                merged[key] = self.map(merged[key], value, path)
            elif path != ("version",) or merged.get(key) != value:
                self._forget(path)
                merged[key] = self._set(value, path)
        return merged

    def _remove(self, merged: dict[str, Any], key: str, path: Path) -> None:
        if key in merged:
            del merged[key]
            self._forget(path)
            return
        self.faults.append(
            error(
                "E-overlay-nothing",
                f"there is no {show(key)} here that the overlay could remove",
                place=self._over.key_place(path),
                path=path,
                hint="delete the line, or correct the key",
            )
        )

    def _set(self, value: Any, path: Path) -> Any:
        """The overlay's value with its places; `null` inside a new map leaves its key out."""
        for at, place in self._over.values.items():
            if at[: len(path)] == path:
                self.values[at] = place
        for at, place in self._over.keys.items():
            if at[: len(path)] == path:
                self.keys[at] = place
        return self._without_nulls(value, path)

    def _without_nulls(self, value: Any, path: Path) -> Any:
        if not isinstance(value, dict):
            return value
        kept = {}
        for key, each in value.items():
            if each is None:
                self._forget((*path, key))
            else:
                kept[key] = self._without_nulls(each, (*path, key))
        return kept

    def _forget(self, path: Path) -> None:
        for places in (self.values, self.keys):
            for at in [each for each in places if each[: len(path)] == path]:
                del places[at]
