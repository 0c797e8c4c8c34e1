"""Which connected accounts let a platform act for them: asked, listed, and kept shut once they refused. Reads only."""

from __future__ import annotations

from typing import Protocol

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.values.ids import AccountId, IntegrationId

ACCOUNT_LOST = "E-connect-account-lost"
"""The code of the OperatorError of every call for an account that took the platform's access back."""


class AccountAccess(Protocol):
    """What is known of it in this process. Every gateway asks here first: about a shut account nothing is sent."""

    def shut(self) -> dict[tuple[IntegrationId, AccountId], str]:
        """The accounts that refused, with Stripe's words; a copy."""
        ...

    def close(self, integration: IntegrationId, account: AccountId, because: str) -> None:
        """From now on nothing is sent about this account."""
        ...

    def open(self, integration: IntegrationId, account: AccountId) -> None:
        """It may be asked about again."""
        ...

    def ask(self, integration: Integration, account: AccountId) -> bool:
        """One GET, shut or not: whether the account lets us in. TryLater and OperatorError where that stays unknown."""
        ...

    def listed(self, integration: Integration) -> tuple[AccountId, ...]:
        """`GET /v1/accounts`: what is connected to the platform; OperatorError where the key may not read it."""
        ...
