"""Chance by hash: every random-looking value is a pure function of the words it is asked with.

May not use the `random` module, a clock, or any state. Same words, same value, in every process.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Sequence

_ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
_PAIRS = tuple(low + high for high in _ALPHABET for low in _ALPHABET)
_SCALE = 1.0 / 2**64


def _digest(words: tuple[object, ...], size: int) -> bytes:
    return hashlib.blake2b("\x1f".join(map(str, words)).encode(), digest_size=size).digest()


def uniform(*words: object) -> float:
    """A number in [0, 1)."""
    return int.from_bytes(_digest(words, 8), "big") * _SCALE


def integer(below: int, *words: object) -> int:
    """An integer in [0, below)."""
    return int(uniform(*words) * below)


def exponential(mean: float, *words: object) -> float:
    """A waiting time with the given mean (same unit as the mean)."""
    return -mean * math.log(1.0 - uniform(*words))


def pick(weights: Sequence[tuple[str, float]], *words: object) -> str:
    """One of the named choices, by weight (the weights need not add up to one)."""
    point = uniform(*words) * sum(weight for _, weight in weights)
    for name, weight in weights:
        point -= weight
        if point < 0:
            return name
    return weights[-1][0]


def token(length: int, *words: object) -> str:
    """A base-62 text of the given length (at most 42 characters carry entropy)."""
    number = int.from_bytes(_digest(words, 32), "big")
    pieces = []
    for _ in range(0, length, 4):  # four letters at a time, the lowest first
        number, four = divmod(number, 14_776_336)
        high, low = divmod(four, 3844)
        pieces.append(_PAIRS[low] + _PAIRS[high])
    return "".join(pieces)[:length]
