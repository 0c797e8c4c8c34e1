"""Random identifiers from the machine's secure source. Never used for a key that money depends on."""

from __future__ import annotations

import uuid


class RandomIdentifiers:
    """The identifiers port, answered by chance (UUID version 4: 122 random bits)."""

    def fresh(self) -> str:
        """A new identifier: 32 lower-case hex digits."""
        return uuid.uuid4().hex
