"""Values to the JSON text of a `body` column and back, by the plain codec. Knows no table."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from enum import StrEnum
from typing import Any, TypeVar, cast

import orjson

from flexpay_reconcile.adapters.sqlite_store.session import Row
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.values import plain
from flexpay_reconcile.values.instant import Instant

T = TypeVar("T")


def dump(value: Any) -> str:
    """The text of a value."""
    return orjson.dumps(plain.to_plain(value)).decode()


def load(kind: type[T], text: str) -> T:
    """The value of a text."""
    found: Any = kind
    return cast("T", _load(found, text))


@functools.lru_cache(maxsize=8192)
def _load(kind: type[Any], text: str) -> Any:
    """The loops read the same open rows at every turn: what is frozen is decoded once for each text."""
    return plain.from_plain(kind, parse(text))


def load_all(kind: type[T], rows: Iterable[Row]) -> tuple[T, ...]:
    """The values of rows whose first column is a body."""
    return tuple([load(kind, row[0]) for row in rows])


def load_one(kind: type[T], row: Row | None) -> T | None:
    """The value of a row whose first column is a body."""
    return None if row is None else load(kind, row[0])


def parse(text: str) -> Any:
    """The JSON value of a text."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        raise OperatorError(
            "a row of the state is damaged", code="E-state-corrupt", hint="stop the daemon and restore a backup"
        ) from None


def ms(instant: Instant | None) -> int | None:
    """The column of an instant."""
    return None if instant is None else instant.ms


def instant(value: int | None) -> Instant | None:
    """The instant of a column."""
    return None if value is None else Instant(value)


def state_list(states: Iterable[StrEnum]) -> str:
    """Enum members as the JSON list that queries take."""
    return orjson.dumps([each.value for each in states]).decode()
