"""The note beside a state file that says which copy of the state may charge: `state.db.armed` (invariant A18).

Leave it out of backups: a restored database must not charge before somebody said that the other copy is gone.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from flexpay_reconcile.errors import OperatorError

_MOST = 200


class ArmedFile:
    """The port over one small file."""

    def __init__(self, state: Path) -> None:
        """`state` is the database's path."""
        self._path = Path(f"{state}.armed")

    def read(self) -> str | None:
        """What the note says; an unreadable or odd note says nothing."""
        try:
            with self._path.open("rb") as note:
                text = note.read(_MOST).decode("ascii", "replace").strip()
        except OSError:
            return None
        return text or None

    def remove(self) -> None:
        """This copy may not charge until somebody arms it."""
        try:
            self._path.unlink(missing_ok=True)
        except OSError as problem:
            raise OperatorError(
                f"{self._path} cannot be removed: {problem.strerror}", code="E-armed-note", hint="remove it by hand"
            ) from None

    def write(self, instance_id: str) -> None:
        """Put the note in place whole, or not at all."""
        try:
            handle, name = tempfile.mkstemp(prefix=f".{self._path.name}.", dir=self._path.parent)
            try:
                with os.fdopen(handle, "w") as note:
                    note.write(instance_id + "\n")
                    note.flush()
                    os.fsync(note.fileno())
                Path(name).replace(self._path)
            except BaseException:
                with contextlib.suppress(OSError):
                    Path(name).unlink()
                raise
        except OSError as problem:
            raise OperatorError(
                f"{self._path} cannot be written: {problem.strerror}",
                code="E-armed-note",
                hint="the daemon charges only beside this note; make the folder writable",
            ) from None


class ArmedMemory:
    """The port for a state in memory, of which there is no second copy."""

    def __init__(self) -> None:
        """Nothing is noted yet."""
        self._noted: str | None = None

    def read(self) -> str | None:
        """What was written."""
        return self._noted

    def write(self, instance_id: str) -> None:
        """Keep it."""
        self._noted = instance_id
