"""The rows of a table, of which old ones that are settled lie packed: a tenth of the memory, unpacked when asked for.

A world of ten thousand subscriptions makes half a million objects in a year, few of which are ever looked at again,
and keeps a hundred thousand events. Objects are compressed; events, which are soon forgotten, only lose their keys. A
row is packed only while nothing happens (`World.step_to`), so nobody holds it then; once unpacked it is an ordinary
dict again. Small worlds never pack. May not know what an object means beyond the words by which it is settled.
"""

from __future__ import annotations

import marshal
import zlib
from collections.abc import Iterator, Mapping
from itertools import islice
from typing import Any

Obj = dict[str, Any]
KEEP = 5_000
"""How many rows of a kind stay as they are."""
SLACK = 1_000
"""How many rows more there must be before any is packed."""
EVENT = "event"
SETTLED: Mapping[str, tuple[str, frozenset[Any]]] = {
    "invoice": ("status", frozenset({"paid", "void"})),
    "payment_intent": ("status", frozenset({"succeeded", "canceled"})),
    "invoice_payment": ("status", frozenset({"paid", "canceled"})),
    "charge": ("status", frozenset({"succeeded", "failed"})),
    EVENT: ("pending_webhooks", frozenset({0})),
}
"""Of each kind the field, and its values, by which a row is hardly ever changed again."""
_LEVEL, _WINDOW, _MEMORY = 1, -12, 5
_MISSING: Any = object()
_get = dict.get  # much asked, so without the way over `super`


class Rows(dict[str, Obj]):
    """Objects by id. Whatever reads them does not notice which are packed; `order` is that of their creation."""

    __slots__ = ("_kind", "_order", "_packed", "_sample", "_shapes", "_shuffled")

    def __init__(self, kind: str, order: list[str]) -> None:
        """No rows yet."""
        super().__init__()
        self._kind = kind
        self._order = order
        self._packed: dict[str, Any] = {}
        self._sample = b""
        self._shapes: dict[tuple[str, ...], tuple[str, ...]] = {}
        self._shuffled = False

    def __missing__(self, id_: str) -> Obj:
        """A packed row, unpacked for good."""
        found = self._unpacked(self._packed[id_])
        del self._packed[id_]
        self[id_] = found
        return found

    def get(self, id_: str, default: Any = None) -> Any:
        """A row, or the default."""
        found = _get(self, id_)
        if found is not None:
            return found
        return self[id_] if id_ in self._packed else default

    def __contains__(self, id_: object) -> bool:
        """Whether there is such a row."""
        return super().__contains__(id_) or id_ in self._packed

    def __len__(self) -> int:
        """How many rows there are."""
        return super().__len__() + len(self._packed)

    def __bool__(self) -> bool:
        """Whether there are any."""
        return len(self) > 0

    def __iter__(self) -> Iterator[str]:
        """The ids, in the order of creation."""
        if not self._shuffled:
            return super().__iter__()
        return (id_ for id_ in self._order if id_ in self)

    def keys(self) -> Any:
        """The ids, in the order of creation."""
        return list(self)

    def values(self) -> Any:
        """The rows, in the order of creation; packed ones as copies that are not kept."""
        return super().values() if not self._shuffled else [self._peek(id_) for id_ in self]

    def items(self) -> Any:
        """Ids and rows, in the order of creation; packed ones as copies that are not kept."""
        return super().items() if not self._shuffled else [(id_, self._peek(id_)) for id_ in self]

    def pop(self, id_: str, default: Any = _MISSING) -> Any:
        """Take a row out."""
        packed = self._packed.pop(id_, None)
        if packed is not None:
            return self._unpacked(packed)
        return super().pop(id_) if default is _MISSING else super().pop(id_, default)

    def _peek(self, id_: str) -> Obj:
        packed = self._packed.get(id_)
        return self[id_] if packed is None else self._unpacked(packed)

    def pack(self) -> None:
        """Pack settled rows of the oldest beyond those that stay; the others go to the end of the queue."""
        over = super().__len__() - KEEP
        if over < SLACK or self._kind not in SETTLED:
            return
        field, settled = SETTLED[self._kind]
        self._shuffled = True
        kept = 0
        for id_ in list(islice(super().__iter__(), over)):
            row = super().pop(id_)
            if row[field] in settled:
                self._packed[id_] = self._pressed(row)
                continue
            self[id_] = row
            kept += 1
            if kept == SLACK:
                return

    def _pressed(self, row: Obj) -> Any:
        if self._kind == EVENT:
            return {**row, "data": {**row["data"], "object": self._keyless(row["data"]["object"])}}
        raw = marshal.dumps(row)
        if not self._sample:
            self._sample = raw[:4096]
        press = zlib.compressobj(_LEVEL, zlib.DEFLATED, _WINDOW, _MEMORY, zlib.Z_DEFAULT_STRATEGY, self._sample)
        return press.compress(raw) + press.flush()

    def _keyless(self, row: Obj) -> tuple[Any, ...]:
        """The values of a row after its keys, which all rows of one shape share."""
        keys = tuple(row)
        return (self._shapes.setdefault(keys, keys), *row.values())

    def _unpacked(self, packed: Any) -> Obj:
        if self._kind == EVENT:
            shown = packed["data"]["object"]
            return {**packed, "data": {**packed["data"], "object": dict(zip(shown[0], shown[1:], strict=True))}}
        raw = zlib.decompressobj(_WINDOW, self._sample).decompress(packed)
        found: Obj = marshal.loads(raw)  # noqa: S302 - what was packed above
        return found
