"""What differs between two sets of attributes. The only home of DeepDiff, which sees nothing but pairs that differ.

Comparing is a plain `==`; DeepDiff costs about 300 times as much and only words how two lists, sets or maps differ.
Decides nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any


class Op(StrEnum):
    """What happens to one field, in the words of JSON Patch."""

    ADD = "add"
    """It was not there."""
    REMOVE = "remove"
    """It is there and will not be."""
    REPLACE = "replace"
    """It changes its value."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldDiff:
    """One difference. `path` is `a.b.c`; for a member of a set `before` or `after` is the member."""

    op: Op
    path: str
    before: Any
    after: Any


def fields(
    before: dict[str, Any], after: dict[str, Any], *, sets: frozenset[str] = frozenset()
) -> tuple[FieldDiff, ...]:
    """Every difference, sorted by path. `sets` names top-level lists whose order means nothing."""
    if before == after:
        return ()
    found = _differences(_with_sets(before, sets), _with_sets(after, sets))
    return tuple(sorted(found, key=lambda each: (each.path, each.op, repr(each.before), repr(each.after))))


def _with_sets(attributes: dict[str, Any], sets: frozenset[str]) -> dict[str, Any]:
    return {name: frozenset(value) if name in sets else value for name, value in attributes.items()}


_NOT_THERE = object()


def _differences(before: dict[str, Any], after: dict[str, Any]) -> Iterator[FieldDiff]:
    for name in before.keys() | after.keys():
        old, new = before.get(name, _NOT_THERE), after.get(name, _NOT_THERE)
        if old is _NOT_THERE:
            yield FieldDiff(op=Op.ADD, path=name, before=None, after=new)
        elif new is _NOT_THERE:
            yield FieldDiff(op=Op.REMOVE, path=name, before=old, after=None)
        elif old != new and isinstance(old, _CONTAINERS) and isinstance(new, _CONTAINERS):
            yield from _inside({name: old}, {name: new})
        elif old != new:
            yield FieldDiff(op=Op.REPLACE, path=name, before=old, after=new)


_CONTAINERS = (dict, list, tuple, frozenset)


def _inside(before: dict[str, Any], after: dict[str, Any]) -> Iterator[FieldDiff]:
    from deepdiff import DeepDiff  # noqa: PLC0415 - 0.13 s to import, and an empty plan never needs it

    tree = DeepDiff(before, after, view="tree", ignore_order=False)
    for category, levels in tree.items():
        for level in levels:
            path = ".".join(str(part) for part in level.path(output_format="list") if part is not None)
            if category.endswith("_added"):
                yield FieldDiff(op=Op.ADD, path=path, before=None, after=level.t2)
            elif category.endswith("_removed"):
                yield FieldDiff(op=Op.REMOVE, path=path, before=level.t1, after=None)
            else:
                yield FieldDiff(op=Op.REPLACE, path=path, before=level.t1, after=level.t2)
