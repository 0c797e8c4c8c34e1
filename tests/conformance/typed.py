"""What the SDK of the pinned API version says about its objects, held against what the simulator answered.

The document is of an earlier version than the one spoken; the SDK's classes are of the spoken one. Each field an answer
carries is read through the SDK, and must be one the class declares, of a type the class declares.
"""

from __future__ import annotations

import inspect
import types
import typing
from decimal import Decimal
from functools import cache
from typing import Any, ForwardRef

import stripe
import typing_extensions
from stripe import StripeObject

from tests.conformance.shapes import Finding

_PLAIN = (str, int, float, bool, Decimal)
_LITERALS = (typing.Literal, typing_extensions.Literal)


@cache
def fields_of(class_: type[StripeObject]) -> dict[str, Any]:
    """The fields a class of the SDK declares, its ancestors' included, under the names the API gives them."""
    found: dict[str, Any] = {}
    for each in reversed(class_.__mro__):
        if issubclass(each, StripeObject) and each is not StripeObject:
            renamed = {python: api for api, python in getattr(each, "_field_remappings", {}).items()}
            for name, hint in inspect.get_annotations(each).items():
                found[renamed.get(name, name)] = hint
    return {name: hint for name, hint in found.items() if not str(hint).startswith("typing.ClassVar")}


def read(obj: Any) -> list[Finding]:
    """Read every field of an answer, nested ones too; what the SDK's classes do not declare are findings."""
    out: list[Finding] = []
    _object(obj, out)
    return out


def _object(obj: StripeObject, out: list[Finding]) -> None:
    class_ = type(obj)
    name = class_.__qualname__
    if class_ is StripeObject or "Untyped" in name:  # a free map, as metadata
        return
    hints = fields_of(class_)  # type: ignore[arg-type]
    for field in obj.to_dict():
        value = obj[field]
        if field == "object" and class_ is stripe.ListObject:
            continue
        if field not in hints:
            out.append(Finding(f"{name}.{field}", "undeclared", f"no field of the SDK: {value!r:.80}"))
        elif not _fits(value, hints[field], out):
            out.append(Finding(f"{name}.{field}", "sdk type", f"{value!r:.80} is no {hints[field]!r:.160}"))


def _fits(value: Any, hint: Any, out: list[Finding]) -> bool:
    """Whether a value is what a hint says; objects met on the way are read too."""
    origin, given = typing.get_origin(hint), typing.get_args(hint)
    if origin is typing.Union or isinstance(hint, types.UnionType):
        return _fits_one_of(value, given, out)
    if origin in _LITERALS:
        return value in given
    if origin in (list, dict):
        rows = value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else [value]
        return isinstance(value, list | dict | StripeObject) and all(_fits(row, given[-1], out) for row in rows)
    if origin is stripe.ListObject:
        if not isinstance(value, stripe.ListObject):
            return False
        return all(_fits(row, given[0], out) for row in value.data)
    if isinstance(hint, ForwardRef | str) or (isinstance(hint, type) and issubclass(hint, StripeObject)):
        if isinstance(value, StripeObject):
            _object(value, out)
        return isinstance(value, StripeObject)
    if hint is type(None):
        return value is None
    if hint is float:
        return isinstance(value, int | float) and not isinstance(value, bool)
    if hint in _PLAIN:
        return type(value) is hint
    return True


def _fits_one_of(value: Any, hints: tuple[Any, ...], out: list[Finding]) -> bool:
    for hint in hints:
        found: list[Finding] = []
        if _fits(value, hint, found):
            out.extend(found)
            return True
    return False
