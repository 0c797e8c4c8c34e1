"""How faults of a manifest are made: positions, paths and the words that show a value. Never shows a secret."""

from __future__ import annotations

from typing import Any, Final

from flexpay_reconcile.manifest.literal_secrets import redact
from flexpay_reconcile.values.diagnostic import Diagnostic, Place, Severity

Path = tuple[str | int, ...]
"""Where a value is: keys and list positions from the root."""

_SHOWN: Final = 48


class Unread:
    """Stands where a value could not be read and is already reported, so that no later check complains of it again."""

    __slots__ = ()

    def __repr__(self) -> str:
        """For people who debug."""
        return "UNREAD"


UNREAD: Final = Unread()


def error(code: str, message: str, *, place: Place | None, path: Path = (), hint: str | None = None) -> Diagnostic:
    """A fault that makes the manifest unusable. All its text passes through `redact`."""
    return _diagnostic(Severity.ERROR, code, message, place=place, path=path, hint=hint)


def warning(code: str, message: str, *, place: Place | None, path: Path = (), hint: str | None = None) -> Diagnostic:
    """Something a person should look at. All its text passes through `redact`."""
    return _diagnostic(Severity.WARNING, code, message, place=place, path=path, hint=hint)


def _diagnostic(
    severity: Severity, code: str, message: str, *, place: Place | None, path: Path, hint: str | None
) -> Diagnostic:
    return Diagnostic(
        severity=severity,
        code=code,
        message=redact(message),
        place=place,
        path=redact(dotted(path)),
        hint=None if hint is None else redact(hint),
    )


def dotted(path: Path) -> str:
    """`integrations.acme.webhook.url`; list positions count from 0; odd keys are shown escaped."""
    return ".".join(str(part) if isinstance(part, int) or part.isprintable() else repr(part) for part in path)


def show(value: Any) -> str:
    """A value in a message: short, printable, without secrets; maps and lists by their kind only."""
    match value:
        case None:
            return "nothing"
        case bool():
            return "true" if value else "false"
        case dict():
            return "a map"
        case list():
            return "a list"
        case str():
            # Redact before cutting: half a secret would no longer be recognised.
            text = redact(value)
            return repr(text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…")
        case _:
            return str(value)[:_SHOWN]
