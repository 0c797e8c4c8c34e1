"""Where a secret is, and what it is. Only the first may ever be stored, planned or printed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import NoReturn

from flexpay_reconcile.errors import BrokenInvariant


class SecretSource(StrEnum):
    """The kinds of places a secret can be in."""

    ENV = "env"
    """An environment variable."""
    FILE = "file"
    """A file; one trailing newline is not part of the secret."""
    CREDENTIAL = "credential"
    """A systemd credential, by name."""
    COMMAND = "command"
    """The output of a program; refused unless the operator allows it."""
    STATE = "state"
    """Kept encrypted in our own state (a signing secret Stripe gave us)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SecretRef:
    """A reference to a secret: `source` and the name, path or argument list in it."""

    source: SecretSource
    name: str
    arguments: tuple[str, ...] = ()

    def text(self) -> str:
        """For people and plans: `env:ACME_KEY`; holds no secret."""
        return f"{self.source.value}:{self.name}"


class Secret:
    """A secret value. `repr`, `str`, `format`, pickle and JSON never show it; `reveal()` is the only way out."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        """Wrap a value; an empty one is a bug of the caller."""
        if not value:
            raise BrokenInvariant("a secret may not be empty")
        self._value = value

    def reveal(self) -> str:
        """The value itself, for the one call that needs it."""
        return self._value

    def __eq__(self, other: object) -> bool:
        """Equal when the values are equal."""
        return isinstance(other, Secret) and other._value == self._value

    def __hash__(self) -> int:
        """Constant, so that not even a hash of the value is exposed."""
        return 0

    def __repr__(self) -> str:
        """Never the value."""
        return "Secret(***)"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        """Never the value."""
        return repr(self)

    def __reduce__(self) -> NoReturn:
        """A secret cannot be pickled or copied into a file."""
        raise BrokenInvariant("a secret cannot be serialised")
