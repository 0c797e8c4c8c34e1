"""Encryption of what the state must keep and nobody may read: signing secrets."""

from __future__ import annotations

from typing import Protocol

from flexpay_reconcile.values.secret import Secret


class Cipher(Protocol):
    """Authenticated encryption with a key that is not in the database."""

    def seal(self, secret: Secret, context: str) -> str:
        """Text safe to store; bound to `context`, so that it cannot be moved to another row."""
        ...

    def open(self, sealed: str, context: str) -> Secret:
        """The secret back; OperatorError when the key or the context is another."""
        ...


class SealedPost(Protocol):
    """Receives secrets that somebody sealed for this process alone; the key lives as long as the process."""

    def address(self) -> str:
        """What others seal for: public, and another after a restart."""
        ...

    def open(self, sealed: str, context: str) -> Secret:
        """The secret; OperatorError where it was sealed for another process or another context."""
        ...


class Sealer(Protocol):
    """Seals a secret for one receiver, who alone can open it."""

    def __call__(self, secret: Secret, address: str, context: str) -> str:
        """Text that may cross a wire; OperatorError where the address is none."""
        ...
