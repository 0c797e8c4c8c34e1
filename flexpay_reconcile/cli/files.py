"""The only disk touch of the planning commands: manifests in, plans out. Judges no content."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from flexpay_reconcile.cli import options, output
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.manifest.load import Loaded, load
from flexpay_reconcile.values.diagnostic import Severity

_READ_AT_MOST: Final = 4 * 1024 * 1024
"""A manifest file may be 1 MiB; the loader says so of anything longer, and nothing reads a disk full of it."""
_SUFFIXES: Final = {".yaml", ".yml"}


def read_manifests(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """Names and contents, folders unfolded in the order of their names; OperatorError for what cannot be read."""
    found: list[tuple[str, bytes]] = []
    for path in paths or [options.DEFAULT_MANIFEST]:
        place = Path(path)
        if place.is_dir():
            inside = sorted(each for each in place.iterdir() if each.suffix in _SUFFIXES and each.is_file())
            if not inside:
                raise _unreadable(f"{path} holds no *.yaml file")
            found += [(str(each), _read(each)) for each in inside]
        else:
            found.append((path, _read(place)))
    return found


def load_manifest(paths: Sequence[str], *, allow_secret_commands: bool) -> Loaded:
    """The loaded manifest with a configuration; otherwise every fault is printed and OperatorError raised (exit 3)."""
    loaded = load(read_manifests(paths), allow_secret_commands=allow_secret_commands)
    if loaded.configuration is None:
        for each in loaded.diagnostics:
            output.note(output.printable(each.text()))
        raise invalid(loaded)
    return loaded


def invalid(loaded: Loaded) -> OperatorError:
    """The error that stands for all the faults that were listed."""
    errors = sum(1 for each in loaded.diagnostics if each.severity is Severity.ERROR)
    return OperatorError(
        f"the manifest has {errors} error{'' if errors == 1 else 's'}",
        code="E-manifest-invalid",
        hint="docs/errors.md says what to do about each code",
        kind=ErrorKind.MANIFEST_INVALID,
    )


def write_private(path: str, text: str) -> None:
    """Write a file that only its owner may read (0600), whole or not at all."""
    target = Path(path)
    try:
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            Path(draft).replace(target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}", code="E-file-write") from None


def read_text(path: str) -> str:
    """A saved plan's text."""
    try:
        return Path(path).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise OperatorError(f"{path} cannot be read: {why}", code="E-file-read", kind=ErrorKind.USAGE) from None


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_READ_AT_MOST)
    except OSError as error:
        raise _unreadable(f"{path} cannot be read: {error.strerror}") from None


def _unreadable(message: str) -> OperatorError:
    return OperatorError(
        message,
        code="E-manifest-missing",
        hint="name the manifest with -f, or write a first one with: flexpay init",
        kind=ErrorKind.MANIFEST_INVALID,
    )
