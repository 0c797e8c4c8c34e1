"""Rules of references to secrets that need no secret value.
Values are checked in `key_checks`, where they are resolved.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from flexpay_reconcile.manifest.faults import Path, error, warning
from flexpay_reconcile.manifest.tree import Tree
from flexpay_reconcile.values.diagnostic import Diagnostic


def key_rules(tree: Tree, *, allow_secret_commands: bool) -> Iterator[Diagnostic]:
    """All rules of each integration's references, and of references shared between accounts."""
    owners: dict[str, tuple[str, str]] = {}
    for integration, _ in tree.maps("integrations"):
        here: Path = ("integrations", integration)
        keys = (*here, "api_keys")
        references = [
            (*keys, "primary"),
            (*keys, "fallback"),
            (*here, "webhook", "signing_secret"),
            (*here, "notify", "signing_secret"),
        ]
        if not allow_secret_commands:
            for path in references:
                yield from _command(tree, path)
        first, second = _identity(tree, references[0]), _identity(tree, references[1])
        if first is not None and first == second:
            message = "primary and fallback are the same reference; a fallback must be a key of its own"
            yield error("E-key-reference-same", message, place=tree.place(references[1]), path=references[1])
        if tree.get(*keys, "type") == "standard":
            yield warning(
                "W-key-standard",
                "a standard key may do everything on the account",
                place=tree.place((*keys, "type")),
                path=(*keys, "type"),
                hint="create restricted keys with the six permissions of the guide",
            )
        yield from _shared(tree, integration, references[:2], owners)


def _command(tree: Tree, path: Path) -> Iterator[Diagnostic]:
    if tree.has(*path, "command"):
        yield error(
            "E-secret-command",
            "a secret from a command is refused: whoever may change the manifest could run a program here",
            place=tree.key_place((*path, "command")),
            path=(*path, "command"),
            hint="give --allow-secret-commands where the manifest is trusted, or use env, file or credential",
        )


def _shared(
    tree: Tree, integration: str, references: list[Path], owners: dict[str, tuple[str, str]]
) -> Iterator[Diagnostic]:
    """A key belongs to one account and one mode, so one reference cannot serve two of either."""
    here = (tree.text("integrations", integration, "company"), tree.text("integrations", integration, "environment"))
    if here[0] is None or here[1] is None:
        return
    for path in references:
        identity = _identity(tree, path)
        if identity is None:
            continue
        owner = owners.setdefault(identity, (here[0], here[1]))
        if owner != here:
            message = (
                f"this key is also that of {owner[0]}, {owner[1]}; a key belongs to one account and one environment"
            )
            yield error("E-key-reference-shared", message, place=tree.place(path), path=path)


def _identity(tree: Tree, path: Path) -> str | None:
    """What makes two references the same; None where there is no well-formed one."""
    reference = tree.get(*path)
    if not isinstance(reference, dict) or len(reference) != 1:
        return None
    source, name = next(iter(reference.items()))
    if isinstance(name, str):
        return f"{source}:{name}"
    if isinstance(name, list) and all(isinstance(part, str) for part in name):
        return f"{source}:{json.dumps(name)}"
    return None
