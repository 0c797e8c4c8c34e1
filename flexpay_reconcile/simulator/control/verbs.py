"""A control verb: a name of `POST /_simulator/<name>`, its fields, and the function that carries it out.

Each `control_*` module lists its own as `VERBS`. May not contain behaviour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from flexpay_reconcile.simulator.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """`run` gets the world and the given fields and returns what the answer shows; fields not in `numbers` are text.

    `words` say what it does, for people who ask for the list.
    """

    run: Callable[[World, dict[str, Any]], dict[str, Any]]
    required: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    numbers: frozenset[str] = frozenset()
    words: str = ""
