"""Where secret values come from. Implementations never log what they return."""

from __future__ import annotations

from typing import Protocol

from flexpay_reconcile.values.secret import Secret, SecretRef


class SecretReader(Protocol):
    """Resolves references."""

    def resolve(self, reference: SecretRef) -> Secret:
        """The value; OperatorError (kind KEY_REFUSED) naming the reference, never the value, when it is not there."""
        ...
