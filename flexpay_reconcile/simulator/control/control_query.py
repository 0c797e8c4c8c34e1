"""What a GET of the control interface may ask for: fields of a query string, a document's filters, pages of rows.

May not know any document.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.local_time import parse_instant
from flexpay_reconcile.simulator.world import World

PAGE = 1000
LARGEST_PAGE = 10_000
PAGING = ("limit", "after")


@dataclass(frozen=True, slots=True)
class Query:
    """The fields of a query string."""

    fields: dict[str, str]

    @classmethod
    def of(cls, text: str) -> Query:
        """Parse; ControlError when a field stands twice."""
        pairs = parse_qsl(text, keep_blank_values=True)
        if len(dict(pairs)) != len(pairs):
            raise ControlError("a field stands twice in the query")
        return cls(dict(pairs))

    def text(self, name: str) -> str | None:
        """A field, None when it is not given."""
        return self.fields.get(name)

    def number(self, name: str, default: int, *, most: int = 2**53) -> int:
        """A whole number."""
        text = self.fields.get(name)
        if text is None:
            return default
        if not (text.isascii() and text.isdecimal()) or len(text) > 16 or int(text) > most:
            raise ControlError(f"{name} must be a whole number of at most {most}", field=name)
        return int(text)

    def instant(self, name: str, default: int) -> int:
        """Epoch seconds, or an instant such as 2026-02-01T00:00:00Z."""
        text = self.fields.get(name)
        if text is None or text.isdecimal():
            return self.number(name, default)
        try:
            return parse_instant(text)
        except (ValueError, OverflowError) as error:
            raise ControlError(f"{name} must be epoch seconds or an instant with a zone", field=name) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """`make` returns the document beside `now`; `filters` are the fields its query may have."""

    make: Callable[[World, Query], dict[str, Any]]
    words: str
    filters: tuple[str, ...] = ()

    def read(self, world: World, query: Query) -> dict[str, Any]:
        """The document; ControlError for a field it does not have."""
        for name in query.fields:
            if name not in self.filters:
                takes = ", ".join(self.filters) or "no fields"
                raise ControlError(f"unknown field {name[:60]!r}; this document takes {takes}", field=name[:60])
        return {"now": world.now, **self.make(world, query)}


def page(name: str, rows: Iterable[Any], query: Query, keep: Callable[[Any], bool]) -> dict[str, Any]:
    """A page of the rows that are to be kept; `after` and `next` count all rows."""
    limit, after = query.number("limit", PAGE, most=LARGEST_PAGE), query.number("after", 0)
    if limit < 1:
        raise ControlError("limit must be at least 1", field="limit")
    kept: list[Any] = []
    last = 0
    for place, row in enumerate(rows):
        if place < after or not keep(row):
            continue
        if len(kept) == limit:
            return {name: kept, "next": last + 1}
        kept.append(row)
        last = place
    return {name: kept, "next": None}
