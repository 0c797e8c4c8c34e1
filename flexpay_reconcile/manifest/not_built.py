"""Fields of the manifest whose engine is not built yet: refused in words, never accepted and ignored.
Knows no other rule.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from flexpay_reconcile.manifest.faults import Path, error
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic, Place

CODE: Final = "E-not-built"
LATER_SECTIONS: Final = frozenset({"overlays", "moved", "removed"})


def later_section(key: str, place: Place | None) -> Diagnostic:
    """The fault of a whole section that is yet to come."""
    return error(CODE, _words(key), place=place, path=(key,), hint="delete it until a release note names it")


def not_built(tree: Tree) -> Iterator[Diagnostic]:
    """Every use of a field, or of a value, whose engine is not there."""
    for integration, _ in tree.maps("integrations"):
        yield from _in_integration(tree, ("integrations", integration))
    for policy, _ in tree.maps("retry_policies"):
        yield from _in_policy(tree, ("retry_policies", policy))


def _in_integration(tree: Tree, here: Path) -> Iterator[Diagnostic]:
    values: tuple[tuple[Path, Any, str, str], ...] = (
        (("status",), "released", "releasing an integration", "use disabled: open cases run on to their end"),
    )
    for tail, value, what, hint in values:
        path = (*here, *tail)
        found = tree.get(*path)
        if type(found) is type(value) and found == value:
            yield _fault(tree, path, what, hint)
    fields = (
        (("release",), "releasing an integration", "delete it"),
        (("notify",), "notices to customers", "delete it; until then customers hear nothing from us"),
    )
    for tail, what, hint in fields:
        if tree.has(*here, *tail):
            path = (*here, *tail)
            yield error(CODE, _words(what), place=tree.key_place(path), path=path, hint=hint)


def _in_policy(tree: Tree, here: Path) -> Iterator[Diagnostic]:
    if tree.get(*here, "timing") == "learned":
        yield _fault(tree, (*here, "timing"), "learned timing", "use even")
    if tree.has(*here, "holdout"):
        yield _fault(tree, (*here, "holdout"), "a control arm", "delete it")
    if tree.get(*here, "quiet_hours", "time_zone") == "customer":
        yield _fault(
            tree,
            (*here, "quiet_hours", "time_zone"),
            "the customer's own time zone",
            "use an IANA name such as Europe/Berlin",
        )


def _fault(tree: Tree, path: Path, what: str, hint: str) -> Diagnostic:
    return error(CODE, _words(what), place=tree.place(path), path=path, hint=hint)


def _words(what: str) -> str:
    return f"{what} is not built yet"
