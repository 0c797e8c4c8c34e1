"""Dataclasses to plain JSON values and back, exactly. Strict: a value of the wrong shape is a BrokenInvariant.

Plain means dict, list, str, int, bool and None: what a database row or a file may hold. Secrets are refused.
"""

from __future__ import annotations

import functools
import operator
import types
import typing
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from enum import StrEnum
from typing import Any, TypeVar, Union, cast

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.values import currency as currencies
from flexpay_reconcile.values.currency import Currency
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.secret import Secret

T = TypeVar("T")
_Reader = Callable[[Any], Any]
_Writer = Callable[[Any], Any]


def to_plain(value: Any) -> Any:
    """A plain value; instants as text, spans as milliseconds, enums as their value, currencies as code."""
    kind: Any = type(value)
    return _writer(kind)(value)


def from_plain(kind: type[T], data: Any) -> T:
    """The dataclass `kind` from what `to_plain` made of one; a missing field takes its default."""
    wanted: Any = kind
    return cast("T", _reader(wanted)(data))


@functools.cache
def _writer(kind: type) -> _Writer:
    """The function that makes values of one type plain; found once for each type, for the store writes many."""
    if kind is type(None) or issubclass(kind, int):
        return _same
    if issubclass(kind, StrEnum):
        return operator.attrgetter("value")
    if issubclass(kind, str):
        return _same
    if kind is Instant:
        return Instant.text
    if kind is Span:
        return operator.attrgetter("ms")
    if kind is Currency:
        return operator.attrgetter("code")
    if kind is Secret:
        raise BrokenInvariant("a secret may not become a plain value")
    if issubclass(kind, tuple | list):
        return lambda value: [to_plain(item) for item in value]
    if issubclass(kind, Mapping):
        return lambda value: {str(key): to_plain(item) for key, item in value.items()}
    if is_dataclass(kind):
        names = _names(kind)
        return lambda value: {name: to_plain(getattr(value, name)) for name in names}
    raise BrokenInvariant(f"{kind.__name__} has no plain form")


def _same(value: Any) -> Any:
    return value


@functools.cache
def _names(kind: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(kind))


@functools.cache
def _reader(kind: Any) -> _Reader:
    """The function that reads one annotated type."""
    origin = typing.get_origin(kind)
    if origin in (Union, types.UnionType):
        return _optional_reader(kind)
    if origin is tuple:
        item = _reader(typing.get_args(kind)[0])
        return lambda data: tuple(item(each) for each in _expect(list, data))
    if origin in (dict, Mapping) or getattr(origin, "__name__", "") == "Mapping":
        item = _reader(typing.get_args(kind)[1])
        return lambda data: {key: item(each) for key, each in _expect(dict, data).items()}
    if isinstance(kind, typing.NewType):
        return _reader(kind.__supertype__)
    if kind is Instant:
        return lambda data: Instant.from_text(_expect(str, data))
    if kind is Span:
        return lambda data: Span(_expect(int, data))
    if kind is Currency:
        return lambda data: currencies.of(_expect(str, data))
    if isinstance(kind, type) and issubclass(kind, StrEnum):
        return _enum_reader(kind)
    if isinstance(kind, type) and is_dataclass(kind):
        return _dataclass_reader(kind)
    if kind in (str, int, bool):
        return _scalar_reader(kind)
    if kind is Any:
        return lambda data: data
    raise BrokenInvariant(f"{kind!r} has no plain form")


def _scalar_reader(kind: type) -> _Reader:
    def read(data: Any) -> Any:
        if type(data) is not kind:
            _expect(kind, data)  # raises
        return data

    return read


def _enum_reader(kind: type[StrEnum]) -> _Reader:
    def read(data: Any) -> StrEnum:
        try:
            return kind(data)
        except ValueError:
            raise BrokenInvariant(f"{data!r} is no {kind.__name__}") from None

    return read


def _optional_reader(kind: Any) -> _Reader:
    inner = [each for each in typing.get_args(kind) if each is not type(None)]
    if len(inner) != 1:
        raise BrokenInvariant(f"{kind!r} has no plain form: only `X | None` is read back")
    item = _reader(inner[0])
    return lambda data: None if data is None else item(data)


def _dataclass_reader(kind: type) -> _Reader:
    hints = typing.get_type_hints(kind)
    required = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}
    readers: dict[str, _Reader] = {}

    def read(data: Any) -> Any:
        if not readers:  # late, so that a type may hold itself
            readers.update({name: _reader(hints[name]) for name in _names(kind)})
        values = _expect(dict, data)
        if missing := required - values.keys():
            raise BrokenInvariant(f"{kind.__name__} lacks {', '.join(sorted(missing))}")
        return kind(**{name: readers[name](each) for name, each in values.items() if name in readers})

    return read


def _expect(kind: type[T], data: Any) -> T:
    if type(data) is not kind:
        raise BrokenInvariant(f"expected {kind.__name__}, got {type(data).__name__}")
    return data
