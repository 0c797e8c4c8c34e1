"""The errors of the house, sorted by whose move is next.

The lowest floor: it imports nothing of ours. A decline is an answer and a manifest fault is a value;
neither is an error and neither belongs here. `cli/exit_codes.py` alone maps these to exit codes.
"""

from __future__ import annotations

from enum import StrEnum


class ErrorKind(StrEnum):
    """What the exit code of an error depends on."""

    FAILED = "failed"
    """It did not work and no narrower kind fits."""
    MANIFEST_INVALID = "manifest_invalid"
    """The manifest must be changed before anything can be done."""
    KEY_REFUSED = "key_refused"
    """A key is wrong, refused, or lacks a permission."""
    GUARD_REFUSED = "guard_refused"
    """A guard or a safety rule said no."""
    LOCK_HELD = "lock_held"
    """Somebody else holds the lock or the lease."""
    PLAN_STALE = "plan_stale"
    """What the saved plan rests on has moved."""
    PARTLY_APPLIED = "partly_applied"
    """Some steps are done and the next apply resumes."""
    TIMED_OUT = "timed_out"
    """Time or a rate-limit budget was spent."""
    USAGE = "usage"
    """The command was called in a way it does not have."""


class FlexpayError(Exception):
    """Base of every error of ours. `code` is stable and documented in `docs/errors.md`."""

    kind: ErrorKind = ErrorKind.FAILED

    def __init__(self, message: str, *, code: str, hint: str | None = None, kind: ErrorKind | None = None) -> None:
        """Say what is wrong in `message`, and what to do in `hint`; neither may hold a secret."""
        super().__init__(message)
        self.message = message
        self.code = code
        self.hint = hint
        if kind is not None:
            self.kind = kind


class OperatorError(FlexpayError):
    """A person has to change something: a manifest, a key, a permission, a flag."""


class TryLater(FlexpayError):
    """Time may heal it: rate limits, a lock that is held, a network that is down."""

    kind = ErrorKind.TIMED_OUT


class BrokenInvariant(FlexpayError):
    """We have a bug: something that must never happen was about to. Charging stops."""

    def __init__(self, message: str, *, code: str = "B-invariant", hint: str | None = None) -> None:
        """Name the invariant in `message`."""
        super().__init__(message, code=code, hint=hint or "please report this with the message above")
