"""Payment card numbers in free text: found by issuer range, length and Luhn digit, and masked. Stores nothing.

Stripe keeps card numbers from us, but people type them into descriptions, messages and keys. Facts: ISO/IEC 7812
(Luhn), and the issuer ranges the networks publish.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

MASK = "[card number]"
_RUN = re.compile(r"(?<![0-9])[0-9](?:[ .\-_]{0,2}[0-9]){12,40}(?![0-9])", re.ASCII)
_SEPARATORS = re.compile(r"[^0-9]", re.ASCII)
_LENGTHS = (19, 18, 17, 16, 15, 14, 13)
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def masked(text: str) -> str:
    """The text with every card number replaced, whatever stands between its digits."""
    return _RUN.sub(_mask, text) if sum(map(str.isdigit, text)) > 12 else text


def found(text: str) -> Iterator[str]:
    """The card numbers of a text, as digits."""
    for run in _RUN.finditer(text):
        yield from (number for _, number in _in_run(_SEPARATORS.sub("", run.group())))


def is_number(digits: str) -> bool:
    """Whether these digits can be a card's: a range some network issues, its length, and a right last digit."""
    return _issued(digits) and _luhn(digits)


def _mask(run: re.Match[str]) -> str:
    """Masked whole where a number is in the run: what stands beside it may be its expiry and code."""
    return MASK if any(_in_run(_SEPARATORS.sub("", run.group()))) else run.group()


def _in_run(digits: str) -> Iterator[tuple[int, str]]:
    """Numbers within a run that may go on, or begin, with digits of something else (an expiry, a code)."""
    start = 0
    while start + 13 <= len(digits):
        number = next(
            (part for size in _LENGTHS if len(part := digits[start : start + size]) == size and is_number(part)), None
        )
        if number is None:
            start += 1
            continue
        yield start, number
        start += len(number)


def _luhn(digits: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        digit = ord(char) - 48
        total += _DOUBLED[digit] if place % 2 else digit
    return total % 10 == 0


def _issued(digits: str) -> bool:
    """The networks' ranges: Visa, Mastercard, American Express, Discover, Diners, JCB, UnionPay, Maestro."""
    size, two, three, four = len(digits), int(digits[:2]), int(digits[:3]), int(digits[:4])
    return (
        (digits[0] == "4" and size in (13, 16, 19))
        or (size == 16 and (51 <= two <= 55 or 2221 <= four <= 2720))
        or (size == 15 and two in (34, 37))
        or (16 <= size <= 19 and (four == 6011 or 644 <= three <= 649 or two in (65, 62, 81)))
        or (14 <= size <= 19 and (300 <= three <= 305 or two in (36, 38, 39)))
        or (16 <= size <= 19 and 3528 <= four <= 3589)
        or (16 <= size <= 19 and four in (5018, 5020, 5038, 5893, 6304, 6759, 6761, 6762, 6763))
    )
