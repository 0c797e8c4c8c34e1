"""Several manifest files as one: sections come together, and nothing may be said twice. Overrides nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from flexpay_reconcile.manifest.faults import Path, error, show
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic, Place


def merge(trees: Sequence[Tree]) -> tuple[Tree | None, list[Diagnostic]]:
    """One tree of all, and the keys that stand in two files. `version` may stand in each;
    None where there is no map at all.
    """
    if len(trees) == 1:
        return trees[0], []
    merged: dict[str, Any] = {}
    values: dict[Path, Place] = {}
    keys: dict[Path, Place] = {}
    faults: list[Diagnostic] = []
    for tree in trees:
        if not isinstance(tree.value, dict):
            message = f"a manifest must be a map, not {show(tree.value)}"
            faults.append(error("E-type", message, place=tree.place(())))
            continue
        values.setdefault((), tree.values[()])
        dropped: set[tuple[str, ...]] = set()
        for path, entry in _entries(tree.value):
            section = path[0]
            if len(path) == 1:
                if section not in merged:
                    merged[section] = {} if isinstance(entry, dict) else entry
                elif not (isinstance(entry, dict) and isinstance(merged[section], dict)):
                    dropped.add(path)
                    if section != "version" or merged[section] != entry:
                        faults.append(_twice(path, tree, keys))
            elif isinstance(merged[section], dict):
                if path[1] in merged[section]:
                    dropped.add(path)
                    faults.append(_twice(path, tree, keys))
                else:
                    merged[section][path[1]] = entry
        _copy(tree.values, values, dropped)
        _copy(tree.keys, keys, dropped)
    return (Tree(value=merged, values=values, keys=keys) if values else None), faults


def _entries(value: dict[str, Any]) -> list[tuple[tuple[str, ...], Any]]:
    """The sections and, of sections that are maps, their entries."""
    out: list[tuple[tuple[str, ...], Any]] = []
    for section, content in value.items():
        out.append(((section,), content))
        if isinstance(content, dict):
            out.extend(((section, key), entry) for key, entry in content.items())
    return out


def _twice(path: tuple[str, ...], tree: Tree, seen: dict[Path, Place]) -> Diagnostic:
    first = seen.get(path)
    where = f", and in {first.file}:{first.line}:{first.column}" if first else ""
    message = f"{show(path[-1])} stands in two files: here{where}"
    return error("E-file-duplicate", message, place=tree.key_place(path), path=path, hint="keep one")


def _copy(source: dict[Path, Place], target: dict[Path, Place], dropped: set[tuple[str, ...]]) -> None:
    """Take over the places of what was kept; the first file that has a section gives the section's place."""
    for path, place in source.items():
        if path[:1] in dropped or path[:2] in dropped:
            continue
        target.setdefault(path, place)
