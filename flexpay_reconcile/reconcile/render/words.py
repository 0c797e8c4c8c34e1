"""The words of a rendered plan: symbols, reasons, values, colours. Reads no plan."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

SYMBOLS: Final = {
    "create": "+",
    "update": "~",
    "delete": "-",
    "replace": "-/+",
    "forget": "-",
    "moved": ">",
    "import": "i",
    "manual": "!",
}
"""One symbol for each kind of line, as in the product's other outputs."""

REASONS: Final = {
    "as_desired": "",
    "new": "new",
    "pending": "the manifest changed",
    "drift": "changed at Stripe since the last apply",
    "conflict": "changed in the manifest and at Stripe; the manifest wins",
    "deleted_at_stripe": "deleted at Stripe since the last apply",
    "scope": "whose events an endpoint hears (the account's or its connected accounts') cannot be changed",
    "lost_secret": "its signing secret is not in this state, and Stripe tells it only once",
    "unsupported_api_version": "it sends events in an API version this release cannot read",
    "adopt": "made by somebody, or by a state that is lost; it becomes ours as it is, with the secret that is given",
    "resume": "an interrupted apply began this; it is sent again with the same idempotency key",
    "removed_from_manifest": "no longer in the manifest",
    "leftover": "made by this state, replaced, and still there",
    "already_gone": "already gone; only our record of it is removed",
    "managed_by_hand": "now managed by hand; left as it is at Stripe, only our record of it is removed",
    "identity_not_recorded": "the account of these keys is not on record yet",
}

CAUSES: Final = {"drift": "changed at Stripe", "conflict": "changed on both sides", "new": "", "pending": ""}

_CODES: Final = {"green": "32", "yellow": "33", "red": "31", "bold": "1", "dim": "2"}
_COLOURS: Final = {"+": "green", "~": "yellow", "-": "red", "-/+": "red", "!": "yellow", ">": "dim", "i": "dim"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pen:
    """Writes in colour, or not."""

    colour: bool

    def symbol(self, symbol: str) -> str:
        """A symbol, right-aligned to three characters."""
        return self.paint(symbol.rjust(3), _COLOURS.get(symbol, ""))

    def paint(self, text: str, style: str) -> str:
        """The text in a style, where there is colour."""
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if self.colour and style else text


def value(thing: Any) -> str:
    """A value as JSON; text of other people cannot carry control characters into a terminal."""
    return json.dumps(_printable(thing), ensure_ascii=False, sort_keys=True)


def line(text: str) -> str:
    """Other people's words on one printable line."""
    return str(_printable(text))


def _printable(thing: Any) -> Any:
    if isinstance(thing, str):
        return "".join(char if char.isprintable() else "\N{REPLACEMENT CHARACTER}" for char in thing)
    if isinstance(thing, dict):
        return {str(_printable(key)): _printable(item) for key, item in thing.items()}
    return [_printable(item) for item in thing] if isinstance(thing, list) else thing


def count(number: int, noun: str) -> str:
    """`1 manual step`, `2 manual steps`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
