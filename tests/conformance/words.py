"""The words of fields that Stripe's document leaves open, or does not have yet: `words.toml`, held against every answer.

An object is recognised by its own `object` wherever it stands; a refusal is the object `error`. Null is no word. The
codes of failures and errors are those the SDK lists. Decides nothing the file does not say.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

import stripe

from tests.conformance.shapes import Finding
from tests.simulation.deeds import INVENTED

FILE: Final = Path(__file__).parent / "words.toml"
ERROR_CODES: Final = frozenset(
    stripe.Invoice.LastFinalizationError.__annotations__["code"].__args__[0].__args__  # Optional[Literal[...]]
)
"""The error codes the SDK of the pinned version knows; the document leaves `code` open."""
BY_CODE: Final = ("charge.failure_code", "payment_intent.last_payment_error.code", "setup_intent.last_setup_error.code")
"""Places whose words are the error codes (docs: error codes)."""


class Entry(NamedTuple):
    """One entry of the file, its shared lists spelled out in `words`; `own` are the words its source is asked for."""

    places: tuple[str, ...]
    own: frozenset[str]
    words: frozenset[str]
    source: str


@cache
def entries() -> tuple[Entry, ...]:
    """The file, in its order."""
    raw = tomllib.loads(FILE.read_text(encoding="utf-8"))
    return tuple(
        Entry(
            tuple(row["places"]),
            frozenset(row["words"]),
            frozenset(row["words"]).union(*(raw["lists"][name] for name in row.get("lists", ()))),
            row["source"],
        )
        for row in raw["words"]
    )


@cache
def _table() -> dict[str, dict[tuple[str, ...], frozenset[str]]]:
    """Per object the paths of its fields that have words."""
    found: dict[str, dict[tuple[str, ...], frozenset[str]]] = {}
    rows = [(place, entry.words) for entry in entries() for place in entry.places]
    for place, words in [*rows, *((place, ERROR_CODES) for place in BY_CODE)]:
        object_, path = _parted(place)
        known = found.setdefault(object_, {})
        known[path] = known.get(path, frozenset()) | words
    return found


def _parted(place: str) -> tuple[str, tuple[str, ...]]:
    """Object and path; an object's own name may hold a dot."""
    parts = place.split(".")
    size = 2 if parts[0] == "radar" else 1
    return ".".join(parts[:size]), tuple(parts[size:])


def judged(document: Any) -> list[Finding]:
    """What is no word of its field, anywhere in an answer or an event; but for the word that campaigns invent."""
    out: list[Finding] = []
    for object_, row in _objects(document):
        for path, words in _table().get(object_, {}).items():
            value = _at(row, path)
            if value is not None and value not in words and value != INVENTED:
                where = ".".join((object_, *path))
                out.append(Finding(where, "word", f"{value!r:.80} is none of the words of its source"))
    return out


def _objects(node: Any) -> Iterator[tuple[str, dict[str, Any]]]:
    if isinstance(node, list):
        for each in node:
            yield from _objects(each)
    elif isinstance(node, dict):
        name = node.get("object")
        if isinstance(name, str):
            yield name, node
            before = node["data"].get("previous_attributes") if name == "event" else None
            if isinstance(before, dict):
                yield str(node["data"]["object"].get("object")), before
        if isinstance(node.get("error"), dict):
            yield "error", node["error"]
        for each in node.values():
            if isinstance(each, dict | list):
                yield from _objects(each)


def _at(row: dict[str, Any], path: tuple[str, ...]) -> Any:
    value: Any = row
    for part in path:
        if not isinstance(value, dict):
            return None
        value = value.get(part)
    return value
