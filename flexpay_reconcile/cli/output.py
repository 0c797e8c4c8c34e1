"""Where words go: results to standard output, all else to standard error. Chooses colour; decides nothing else."""

from __future__ import annotations

import os
import sys
from typing import Any, Final, TextIO

from flexpay_reconcile.errors import FlexpayError

_CODES: Final = {"red": "31", "yellow": "33", "bold": "1", "dim": "2", "green": "32"}


def result(text: str) -> None:
    """The requested result, on standard output."""
    sys.stdout.write(text if text.endswith("\n") else text + "\n")
    sys.stdout.flush()


def result_json(document: Any) -> None:
    """A result as JSON: sorted keys, one document."""
    import json

    result(json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False))


def note(text: str) -> None:
    """Progress, prompts and hints, on standard error."""
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


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
    return (stream or sys.stdout).isatty() and os.environ.get("TERM") != "dumb"


def paint(text: str, style: str, on: bool) -> str:
    """The text in a style, if colour is on."""
    return f"\x1b[{_CODES[style]}m{text}\x1b[0m" if on else text


def printable(text: str) -> str:
    """Without control characters, which other people's words could carry into a terminal."""
    return "".join(char if char.isprintable() or char == "\n" else "\N{REPLACEMENT CHARACTER}" for char in text)


def encodable(text: str) -> str:
    """With a mark in place of bytes of a command line that were no text in this locale (lone surrogates)."""
    return text.encode("utf-8", "replace").decode("utf-8")
