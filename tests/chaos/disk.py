"""Where a round's state lies, and how it is taken room or the right to write. Knows nothing of what is stored.

`tmpfs`: a small file system of its own, filled to the last byte, mounted read-only; needs root. `limit`: the process may
write no further into any file (RLIMIT_FSIZE, which SQLite meets as an I/O error), and the state's modes; needs no right.
"""

from __future__ import annotations

import contextlib
import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

from tests.chaos.ground import Process

SIZE_MB = 64
_BLOCK = 4096
_NO_ROOM = 4096


class Limit:
    """Any folder; what is taken is the process's right to make a file longer."""

    name = "RLIMIT_FSIZE"

    def __init__(self, folder: Path) -> None:
        """Use a folder."""
        self.folder = folder

    @contextlib.contextmanager
    def full(self, process: Process) -> Iterator[None]:
        """No file of the process's may grow beyond its first page."""
        before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (_NO_ROOM, before[1]))
        try:
            yield
        finally:
            with contextlib.suppress(ProcessLookupError):
                resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)

    @contextlib.contextmanager
    def read_only(self) -> Iterator[bool]:
        """Nothing in the folder may be written; False where that means nothing, as for root."""
        files = [each for each in self.folder.iterdir() if each.is_file()]
        modes = {each: each.stat().st_mode for each in (self.folder, *files)}
        for each in files:
            each.chmod(0o400)
        self.folder.chmod(0o500)
        try:
            yield not os.access(self.folder, os.W_OK)
        finally:
            for each in (self.folder, *files):
                each.chmod(modes[each])

    def close(self) -> None:
        """Nothing to give back."""


class Tmpfs:
    """A file system of its own."""

    name = f"a tmpfs of {SIZE_MB} MiB"

    def __init__(self, folder: Path) -> None:
        """Mount it; CalledProcessError where that is not allowed."""
        self.folder = folder
        subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={SIZE_MB}m,mode=700", "tmpfs", str(folder)],
            check=True,
            capture_output=True,
        )

    @contextlib.contextmanager
    def full(self, _: Process) -> Iterator[None]:
        """Filled to the last byte."""
        ballast = self.folder / "ballast"
        handle = os.open(ballast, os.O_CREAT | os.O_WRONLY)
        try:
            with contextlib.suppress(OSError):
                while True:
                    os.write(handle, b"\0" * _BLOCK)
            yield
        finally:
            os.close(handle)
            ballast.unlink()

    @contextlib.contextmanager
    def read_only(self) -> Iterator[bool]:
        """Mounted read-only; nobody may have a file open for writing."""
        subprocess.run(["mount", "-o", "remount,ro", str(self.folder)], check=True, capture_output=True)
        try:
            yield True
        finally:
            subprocess.run(["mount", "-o", "remount,rw", str(self.folder)], check=True, capture_output=True)

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", str(self.folder)], check=False, capture_output=True)


Disk = Limit | Tmpfs


def open_disk(folder: Path, wish: str) -> Disk:
    """A folder to put the state into: `tmpfs`, `limit`, or `any` for the first that this user may have."""
    folder.mkdir()
    if wish == "limit":
        return Limit(folder)
    try:
        return Tmpfs(folder)
    except (OSError, subprocess.CalledProcessError):
        if wish == "tmpfs":
            raise
        return Limit(folder)
