"""At most one daemon of this machine on one state file: a lock the operating system drops when its holder dies.

The lease in the state says who may charge, and outlives a killed process; this lock tells that the process is dead.
"""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from flexpay_reconcile.errors import ErrorKind, OperatorError, TryLater

_MAX_PID = 32


class ProcessLock:
    """The lock on `<state>.daemon`, which holds the process id of whoever has it."""

    def __init__(self, state: Path) -> None:
        """Not yet taken."""
        self._path = state.with_name(state.name + ".daemon")
        self._handle: int | None = None

    def acquire(self) -> None:
        """Take it; TryLater (LOCK_HELD) naming the holder when another process has it."""
        try:
            handle = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as problem:
            raise OperatorError(
                f"{self._path} cannot be written: {problem.strerror}", code="E-state-open", hint="check the directory"
            ) from None
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.read(handle, _MAX_PID).decode("ascii", "replace").strip()
            os.close(handle)
            raise TryLater(
                f"another daemon works on this state (process {holder or 'unknown'})",
                code="E-daemon-running",
                hint="stop it first; two would only be in each other's way",
                kind=ErrorKind.LOCK_HELD,
            ) from None
        os.ftruncate(handle, 0)
        os.write(handle, str(os.getpid()).encode())
        self._handle = handle

    def release(self) -> None:
        """Give it back. The file stays: to remove it would let two processes lock two files of one name."""
        if self._handle is not None:
            os.close(self._handle)
            self._handle = None
