"""Which copy of a state may charge: a note beside the database, which a backup of the database lacks (A18)."""

from __future__ import annotations

from typing import Protocol


class ArmedCopy(Protocol):
    """The note. A copied or restored database comes without it, or with another's."""

    def read(self) -> str | None:
        """The id of the copy that may charge here; None where there is no note."""
        ...

    def write(self, instance_id: str) -> None:
        """Keep the id, durably; OperatorError when it cannot be written."""
        ...
