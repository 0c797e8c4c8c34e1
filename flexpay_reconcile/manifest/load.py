"""The way in: texts of manifest files to a configuration, or to every fault at once.
Opens no file and resolves no secret.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.manifest import secret_rules
from flexpay_reconcile.manifest.decode import decode
from flexpay_reconcile.manifest.document import read
from flexpay_reconcile.manifest.faults import Path, dotted, error
from flexpay_reconcile.manifest.merge import merge
from flexpay_reconcile.manifest.overlay import lay
from flexpay_reconcile.manifest.rules import broken_rules
from flexpay_reconcile.manifest.schema import findings
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.manifest.words import worded
from flexpay_reconcile.values.diagnostic import Diagnostic, Place, Severity

MOST_OF_A_KIND = 25
"""Of one code in one file so many are listed; the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """What came of loading: a configuration where no diagnostic is an error, and all diagnostics in reading order.

    `places` maps a dotted path (`integrations.acme-us-live.api_keys.primary`) to where it is written: of a scalar the
    value, of a map or list its key. `digest` is that of the configuration; empty where there is none.
    """

    configuration: Configuration | None
    diagnostics: tuple[Diagnostic, ...]
    places: Mapping[str, Place] = field(default_factory=dict)
    digest: str = ""
    overlay: str | None = None
    """The name of the overlay's file, where there is one."""


def load(
    files: Sequence[tuple[str, bytes]],
    *,
    overlay: tuple[str, bytes] | None = None,
    allow_secret_commands: bool = False,
) -> Loaded:
    """Load the files `(name, content)` of one manifest, and an overlay over them.

    Bad input is never an exception, only diagnostics.
    """
    faults: list[Diagnostic] = []
    trees: list[Tree] = []
    whole = True
    for name, data in files:
        tree, found, broken = _tree(name, data)
        faults += found
        whole = whole and not broken
        if tree is not None:
            trees.append(tree)
    if not trees:
        if whole:
            faults.append(_nothing(files))
        return Loaded(configuration=None, diagnostics=_in_order(faults))
    merged, found = merge(trees)
    faults += found
    if merged is None:
        return Loaded(configuration=None, diagnostics=_in_order(faults))
    if overlay is not None:
        over, found, broken = _tree(*overlay)
        faults += found
        whole = whole and not broken
        if over is not None:
            merged, found = lay(merged, over)
            faults += found
    faults += worded(merged, findings(merged.value), whole=whole)
    faults += broken_rules(merged, allow_secret_commands=allow_secret_commands, whole=whole)
    places = _places(merged)
    if any(fault.severity is Severity.ERROR for fault in faults):
        return Loaded(configuration=None, diagnostics=_in_order(faults), places=places)
    configuration = decode(merged.value)
    return Loaded(
        configuration=configuration,
        diagnostics=_in_order(faults),
        places=places,
        digest=configuration.digest(),
        overlay=overlay[0] if overlay else None,
    )


def faults_of_file(name: str, data: bytes) -> tuple[Diagnostic, ...]:
    """What is wrong with one file as YAML, and secrets in it; what its keys mean is not asked."""
    return _in_order(_tree(name, data)[1])


def _tree(name: str, data: bytes) -> tuple[Tree | None, list[Diagnostic], bool]:
    """One file's tree, its faults, and whether it could not be read to its end."""
    in_text = secret_rules.in_text(name, data)
    tree, found = read(name, data)
    if tree is None:
        return None, [*in_text, *found], bool(found)
    return tree, [*in_text, *found, *secret_rules.in_values(tree, in_text)], False


def _nothing(files: Sequence[tuple[str, bytes]]) -> Diagnostic:
    place = Place(file=files[0][0], line=1, column=1) if files else None
    return error(
        "E-manifest-empty",
        "there is nothing in the manifest",
        place=place,
        hint="flexpay init writes one to start from",
    )


def _places(tree: Tree) -> dict[str, Place]:
    paths: set[Path] = set(tree.values) - {()}
    return {dotted(path): place for path in sorted(paths, key=dotted) if (place := tree.place(path)) is not None}


def _in_order(faults: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Each once, in the order people read; of one kind in one file no more than a screenful."""
    counted: Counter[tuple[str, str]] = Counter()
    kept: list[Diagnostic] = []
    last: dict[tuple[str, str], Diagnostic] = {}
    for fault in sorted(dict.fromkeys(faults), key=lambda each: (*each.sort_key(), each.message)):
        kind = (fault.place.file if fault.place else "", fault.code)
        counted[kind] += 1
        if counted[kind] <= MOST_OF_A_KIND:
            kept.append(fault)
            last[kind] = fault
    for kind, count in counted.items():
        if count > MOST_OF_A_KIND:
            message = f"and {count - MOST_OF_A_KIND} more of this kind in this file"
            kept.append(
                Diagnostic(
                    severity=last[kind].severity,
                    code=kind[1],
                    message=message,
                    place=last[kind].place,
                    path=last[kind].path,
                )
            )
    return tuple(sorted(kept, key=Diagnostic.sort_key))
