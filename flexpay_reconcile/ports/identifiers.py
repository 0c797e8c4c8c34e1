"""Fresh identifiers: lock nonces, run ids. Never used for anything money depends on (those keys are derived)."""

from __future__ import annotations

from typing import Protocol


class Identifiers(Protocol):
    """A source of identifiers nobody used before."""

    def fresh(self) -> str:
        """A new identifier: 32 lower-case hex digits."""
        ...
