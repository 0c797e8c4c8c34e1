"""The AccountAccess port over Stripe: one GET says whether a connected account lets us in. Changes nothing at Stripe.

A refused account answers 403 `account_invalid`, whatever is asked.
"""

from __future__ import annotations

from collections.abc import Callable

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.adapters.stripe_api.caller import StripeCaller
from flexpay_reconcile.adapters.stripe_api.faults import FaultKind, raised
from flexpay_reconcile.adapters.stripe_api.reading import read_all, understood
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.values.ids import AccountId, IntegrationId

_ANYTHING = "/v1/invoices"
_ACCOUNTS = "/v1/accounts"


class StripeAccountAccess:
    """The shut accounts of this process. `closed` is what the callers look into and write to."""

    def __init__(self, asking: Callable[[Integration, AccountId | None], StripeCaller]) -> None:
        """`asking` makes a caller that reads and does not look into `closed`."""
        self.closed: dict[tuple[IntegrationId, AccountId], str] = {}
        self._asking = asking

    def shut(self) -> dict[tuple[IntegrationId, AccountId], str]:
        """The accounts that refused, with Stripe's words."""
        return dict(self.closed)

    def close(self, integration: IntegrationId, account: AccountId, because: str) -> None:
        """Send nothing more about it."""
        self.closed.setdefault((integration, account), because)

    def open(self, integration: IntegrationId, account: AccountId) -> None:
        """Send again."""
        self.closed.pop((integration, account), None)

    def ask(self, integration: Integration, account: AccountId) -> bool:
        """`GET /v1/invoices?limit=1` for the account."""
        answer = self._asking(integration, account).call("GET", _ANYTHING, params={"limit": 1})
        if answer.fault is None:
            return True
        if answer.fault.kind is FaultKind.ACCOUNT_LOST:
            return False
        raise raised(answer.fault, answer.key_alias, f"asking for {account}")

    def listed(self, integration: Integration) -> tuple[AccountId, ...]:
        """`GET /v1/accounts`, every page."""
        rows = list(read_all(self._asking(integration, None), _ACCOUNTS, {}))
        return understood(lambda: tuple(AccountId(fields.text(row, "id")) for row in rows))
