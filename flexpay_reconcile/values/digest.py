"""Canonical JSON and digests of it. Same value, same bytes, in every process; never given a secret."""

from __future__ import annotations

import hashlib
import json
from typing import Any

_ENCODE = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode
"""Made once: `json.dumps` would make an encoder for each value."""


def canonical_json(value: Any) -> str:
    """JSON with sorted keys and no spaces, so that equal values have equal text."""
    return _ENCODE(value)


def sha256_text(text: str) -> str:
    """The hex SHA-256 of a text; a lone surrogate, which a YAML escape can write, is hashed like any character."""
    return hashlib.sha256(_bytes(text)).hexdigest()


def digest_of(value: Any) -> str:
    """The hex SHA-256 of the canonical JSON of a value."""
    return sha256_text(canonical_json(value))


def fraction_of(text: str, parts: int) -> int:
    """A number from 0 to parts-1 that depends on the text alone; stands in for chance where replay matters."""
    return int.from_bytes(hashlib.sha256(_bytes(text)).digest()[:8], "big") % parts


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")
