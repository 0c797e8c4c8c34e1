"""What a misspelt word was probably meant to be. Guesses for people only; nothing is ever corrected."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Final

_LONGEST: Final = 64


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """A hint naming the nearest known word, or None where nothing is near."""
    if len(word) > _LONGEST:
        return None
    choices = sorted(known)
    folded = word.lower().replace("-", "_")
    for choice in choices:
        if choice.lower().replace("-", "_") == folded:
            return f"did you mean {choice}?"
    near = difflib.get_close_matches(word, choices, n=1, cutoff=0.6)
    return f"did you mean {near[0]}?" if near else None
