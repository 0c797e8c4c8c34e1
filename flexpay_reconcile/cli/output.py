"""Where words go: results to standard output, all else to standard error. Chooses colour; decides nothing else."""

from __future__ import annotations

import contextlib
import os
import re
import sys
from collections.abc import Callable
from typing import Any, Final, TextIO

from flexpay_reconcile.errors import FlexpayError, OperatorError

_KEYS: Final = re.compile(r"((?:sk|rk)_(?:live|test|org)_|whsec_)[A-Za-z0-9_+/=-]+")
"""Stripe's keys and signing secrets, as somebody may paste them where they do not belong."""
_CODES: Final = {"red": "31", "yellow": "33", "bold": "1", "dim": "2", "green": "32"}


def result(text: str) -> None:
    """The requested result, on standard output; OperatorError where that is closed or full, so that no loss is silent.

    BrokenPipeError is left to the caller: who read our output has enough of it.
    """
    if sys.stdout is None:
        raise not_written("it is closed")
    try:
        sys.stdout.write(text if text.endswith("\n") else text + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        raise
    except OSError as problem:
        raise not_written(problem.strerror) from None


def not_written(why: str | None) -> OperatorError:
    """What is told when the result found no place; the command itself may have done its work."""
    return OperatorError(
        f"the result could not be written to standard output: {why}",
        code="E-output",
        hint="what was asked may be done all the same: flexpay status",
    )


def result_json(document: Any) -> None:
    """A result as JSON: sorted keys, one document."""
    import json

    result(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False))


def note(text: str) -> None:
    """Progress, prompts and hints, on standard error, without keys."""
    if sys.stderr is None:
        return
    try:
        sys.stderr.write(masked(text) + "\n")
        sys.stderr.flush()
    except OSError:  # words on the way may be lost; what they tell of must not stop half way for it
        discard(sys.stderr)


def progress(what: str) -> Callable[[int, int], None]:
    """A counter on one line of standard error, on a terminal alone; the last count wipes the line."""

    def show(done: int, of: int) -> None:
        if sys.stderr is None or not sys.stderr.isatty():
            return
        with contextlib.suppress(OSError):
            words = f"{what}: {done} of {of}"
            sys.stderr.write(f"\r{words}" if done < of else "\r" + " " * len(words) + "\r")
            sys.stderr.flush()

    return show


def discard(stream: TextIO | None) -> None:
    """Let what is still to come, and what Python flushes at exit, go nowhere."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        place = os.open(os.devnull, os.O_WRONLY)
        os.dup2(place, stream.fileno())  # type: ignore[union-attr]  # None has no fileno, as said above
        os.close(place)


def speak_any_locale() -> None:
    """Write what a locale has no letter for as an escape, instead of failing half way through a result."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # not every stream can


def error(problem: FlexpayError, *, choice: str = "auto") -> None:
    """An error of ours with its code and what to do."""
    note(f"{paint('error', 'red', colour(choice, sys.stderr))}[{problem.code}]: {printable(problem.message)}")
    if problem.hint:
        note(f"  hint: {printable(problem.hint)}")


def colour(choice: str, stream: TextIO | None = None) -> bool:
    """Whether to write colour: what the option says, else what environment and terminal say."""
    if choice != "auto":
        return choice == "always"
    if os.environ.get("NO_COLOR"):
        return False
    if os.environ.get("FORCE_COLOR", "0") not in {"", "0"} or os.environ.get("CLICOLOR_FORCE", "0") not in {"", "0"}:
        return True
    shown = stream or sys.stdout
    return shown is not None and shown.isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, on: bool) -> str:
    """The text in a style, if colour is on."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if on else text


def printable(text: str) -> str:
    """Without control characters, which other people's words could carry into a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def encodable(text: str) -> str:
    """With a mark in place of bytes of a command line that were no text in this locale (lone surrogates)."""
    return text.encode("utf-8", "replace").decode("utf-8")


def masked(text: str) -> str:
    """With what is shaped like a key or a signing secret cut: a pipeline's log is no place for one."""
    return _KEYS.sub(r"\1***", text)
