"""What an unquoted word in a manifest means: the core schema of YAML 1.2, made stricter. Guesses nothing.

YAML 1.1, which most loaders still read, turns `NO` into false, `0012` into 10 and `12:30` into 750. Here they are text,
a fault and text. Source: YAML 1.2.2, section 10.3.2.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final

from flexpay_reconcile.manifest.faults import UNREAD, show

_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}
_WHOLE: Final = re.compile(r"[-+]?[0-9]+")
_OTHER_BASE: Final = re.compile(r"0o[0-7]+|0x[0-9a-fA-F]+")
_FRACTION: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_NO_NUMBER: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")
_JSON_NUMBER: Final = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][-+]?[0-9]+)?")
_LONGEST_NUMBER: Final = 15


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What a plain scalar means, or why it is refused (`fault`, with a `hint`)."""

    value: Any
    fault: str | None = None
    hint: str | None = None


def read_plain(text: str, *, fractions: bool) -> Reading:
    """The meaning of an unquoted scalar. Fractions are refused unless asked for: a manifest counts in whole numbers."""
    if text in _WORDS:
        return Reading(value=_WORDS[text])
    first = text[0]
    if not (first.isdigit() or first in "+-."):
        return Reading(value=text)
    if _WHOLE.fullmatch(text):
        return _whole(text)
    quote = f'write "{_quotable(text)}" if text is meant'
    if _OTHER_BASE.fullmatch(text):
        return _refused(f"{show(text)} is an octal or hexadecimal number; only decimal ones are read", quote)
    if _NO_NUMBER.fullmatch(text):
        return _refused(f"{show(text)} is no number anything can count with", quote)
    if _FRACTION.fullmatch(text):
        if not fractions:
            return _refused(f"{show(text)} is a fraction; only whole numbers are read", quote)
        if not _JSON_NUMBER.fullmatch(text) or len(text) > 2 * _LONGEST_NUMBER:
            return _refused(f"{show(text)} is an unusual way to write a number", "write it like 0.25")
        return Reading(value=json.loads(text))
    return Reading(value=text)


def _whole(text: str) -> Reading:
    digits = text.lstrip("+-")
    if len(digits) > 1 and digits[0] == "0":
        return _refused(
            f"{show(text)} has a leading zero: one YAML reader sees {show(int(digits[:_LONGEST_NUMBER]))}, "
            "another an octal number, a third a text",
            f'write "{_quotable(text)}" if text is meant, or leave out the zeros',
        )
    if len(digits) > _LONGEST_NUMBER:
        return _refused(
            f"{show(text)} has more than {_LONGEST_NUMBER} digits", f'write "{_quotable(text)}" if text is meant'
        )
    return Reading(value=int(text))


def _refused(fault: str, hint: str) -> Reading:
    return Reading(value=UNREAD, fault=fault, hint=hint)


def _quotable(text: str) -> str:
    return text if len(text) <= 2 * _LONGEST_NUMBER else text[: 2 * _LONGEST_NUMBER] + "…"
