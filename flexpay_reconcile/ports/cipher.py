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
