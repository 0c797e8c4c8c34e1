"""Secrets written into a manifest instead of referenced: finds them, and blots them out of every message.
Never shows one.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

# Stripe's secret and restricted keys of both modes, and webhook signing secrets. Publishable keys are public.
_SECRET: Final = re.compile(r"(?:(?:sk|rk)_(?:live|test)|whsec)_[A-Za-z0-9]{8,}")
# Wider than what is reported, so that a piece of one stays hidden too.
_BLOT: Final = re.compile(r"(?:(?:sk|rk)_(?:live|test)|whsec)_[A-Za-z0-9_+/=-]*")


def redact(text: str) -> str:
    """The text with everything that looks like a Stripe secret replaced by `***`."""
    return _BLOT.sub("***", text) if "_" in text else text


def offsets(text: str) -> Iterator[int]:
    """Where a secret begins in `text`, in order."""
    return (found.start() for found in _SECRET.finditer(text))


def holds_secret(text: str) -> bool:
    """Whether there is a secret in `text`."""
    return _SECRET.search(text) is not None
