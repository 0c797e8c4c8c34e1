"""The only disk touch of the planning commands: manifests in, plans out. Judges no content."""

from __future__ import annotations

import contextlib
import os
import stat
import sys
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
_PLAN_AT_MOST: Final = 64 * 1024 * 1024
_SUFFIXES: Final = {".yaml", ".yml"}


def read_manifests(paths: Sequence[str]) -> list[tuple[str, bytes]]:
    """Names and contents, folders unfolded in the order of their names; OperatorError for what cannot be read."""
    found: list[tuple[str, bytes]] = []
    for path in paths or [options.DEFAULT_MANIFEST]:
        if not path:  # an unset variable in a script; not meant as "everything in this folder"
            raise _unreadable("the name of a manifest is empty")
        if os.path.isdir(path):  # noqa: PTH112 - Path.is_dir raises for names too long for a file system
            found += [(str(each), _read(each)) for each in _inside(path)]
        else:
            found.append((path, _read(Path(path))))
    return found


def _inside(folder: str) -> list[Path]:
    """The manifest files of a folder, by name."""
    try:
        inside = sorted(each for each in Path(folder).iterdir() if each.suffix in _SUFFIXES and each.is_file())
    except OSError as error:
        raise _unreadable(f"{folder} cannot be read: {error.strerror}") from None
    if not inside:
        raise _unreadable(f"{folder} holds no *.yaml file")
    return inside


def read_and_load(paths: Sequence[str], *, allow_secret_commands: bool) -> Loaded:
    """The manifest and its overlay, read and loaded; whatever is wrong with them is a diagnostic."""
    return load(read_manifests(paths), overlay=_overlay(paths), allow_secret_commands=allow_secret_commands)


def _overlay(paths: Sequence[str]) -> tuple[str, bytes] | None:
    """`overlays/NAME.yaml` beside the first manifest file, or in the first manifest folder."""
    name: str | None = getattr(paths, "overlay", None)
    if name is None:
        return None
    first = Path(next(iter(paths), options.DEFAULT_MANIFEST))
    beside = first if first.is_dir() else first.parent
    path = beside / "overlays" / f"{name}.yaml"
    return str(path), _read(path)


def load_manifest(paths: Sequence[str], *, allow_secret_commands: bool) -> Loaded:
    """The loaded manifest with a configuration; otherwise every fault is printed and OperatorError raised (exit 3)."""
    loaded = read_and_load(paths, allow_secret_commands=allow_secret_commands)
    if loaded.configuration is None:
        for each in loaded.diagnostics:
            output.note(output.printable(each.text()))
        raise invalid(loaded)
    return loaded


def invalid(loaded: Loaded) -> OperatorError:
    """The error that stands for all the faults that were listed."""
    errors = sum(1 for each in loaded.diagnostics if each.severity is Severity.ERROR)
    return invalid_by(errors)


def invalid_by(errors: int) -> OperatorError:
    """The same, by their number."""
    return OperatorError(
        f"the manifest has {errors} error{'' if errors == 1 else 's'}",
        code="E-manifest-invalid",
        hint="docs/errors.md says what to do about each code",
        kind=ErrorKind.MANIFEST_INVALID,
    )


def write_private(path: str, text: str) -> None:
    """Write a file that only its owner may read (0600), whole or not at all; OperatorError when it cannot be.

    What is there and no plain file (a pipe, `/dev/stdout`) is written to and never replaced; a link stays one.
    """
    if not path:
        raise OperatorError("the name of a file to write is empty", code="E-file-write", kind=ErrorKind.USAGE)
    try:
        if _is_special(path):
            with open(os.open(path, os.O_WRONLY | os.O_APPEND), "w", encoding="utf-8") as stream:  # noqa: PTH123
                stream.write(text)
            return
        target = Path(os.path.realpath(path))
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


def rewrite(path: str, before: bytes, after: bytes) -> None:
    """Put a file's new content in its place, whole or not at all, in its mode; OperatorError when it cannot be.

    A link stays one. A file that no longer holds what was read (`before`) is left alone.
    """
    try:
        if _is_special(path):
            raise OperatorError(f"{path} is no plain file", code="E-file-write", hint="use - to read and print it")
        target = Path(os.path.realpath(path))
        handle, draft = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(after)
            Path(draft).chmod(stat.S_IMODE(target.stat().st_mode))
            if target.read_bytes() != before:
                raise OperatorError(f"{path} was changed meanwhile and left as it is", code="E-file-write")
            Path(draft).replace(target)
        except BaseException:
            Path(draft).unlink(missing_ok=True)
            raise
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}", code="E-file-write") from None


def refuse_existing(path: str) -> None:
    """OperatorError where something is there already, a link that leads nowhere included."""
    if os.path.lexists(path):
        raise _exists(path)


def write_manifest(path: str, text: str, *, overwrite: bool) -> None:
    """Write a manifest whole or not at all, over a plain file only where told; OperatorError when it cannot be."""
    if not path:
        raise OperatorError("the name of a file to write is empty", code="E-file-write", kind=ErrorKind.USAGE)
    try:
        if overwrite and _is_special(path):
            raise OperatorError(f"{path} is no plain file", code="E-file-write", hint="--out - prints it")
        target = Path(os.path.realpath(path)) if overwrite else Path(path)
        draft = target.with_name(f".{target.name}.{os.getpid()}.draft")
        try:
            with draft.open("x", encoding="utf-8") as file:
                file.write(text)
            if overwrite:
                draft.replace(target)
            else:
                target.hardlink_to(draft)  # unlike a move, refused where something is there
        finally:
            draft.unlink(missing_ok=True)
    except FileExistsError:
        raise _exists(path) from None
    except OSError as error:
        raise OperatorError(f"{path} cannot be written: {error.strerror}", code="E-file-write") from None


def _exists(path: str) -> OperatorError:
    return OperatorError(
        f"{path} is there already and was left as it is",
        code="E-init-exists",
        hint="name another file with --out, or say --overwrite",
    )


def _is_special(path: str) -> bool:
    """Whether it is there and no plain file. What /dev and /proc lead to is somebody's open stream, whatever it is."""
    with contextlib.suppress(FileNotFoundError):
        return not stat.S_ISREG(os.stat(path).st_mode) or path.startswith(("/dev/", "/proc/"))  # noqa: PTH116
    return False


def read_text(path: str) -> str:
    """A saved plan's text; OperatorError (USAGE) where there is none."""
    if not path:  # an unset variable in a script; not meant as "without a plan"
        raise OperatorError("the name of the plan file is empty", code="E-file-read", kind=ErrorKind.USAGE)
    try:
        with Path(path).open("rb") as file:
            data = file.read(_PLAN_AT_MOST + 1)
        if len(data) > _PLAN_AT_MOST:
            raise OperatorError(f"{path} is too long for a plan", code="E-file-read", kind=ErrorKind.USAGE)
        return data.decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no text"
        raise OperatorError(f"{path} cannot be read: {why}", code="E-file-read", kind=ErrorKind.USAGE) from None


def read_standard_input() -> bytes:
    """What comes on standard input, at most as much as is read of a file."""
    if sys.stdin is None:
        raise _unreadable("standard input is closed")
    return sys.stdin.buffer.read(_READ_AT_MOST)


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
