"""A connected account that took the platform's access back: since when, why, and when it is asked again. Pure.

One record an account and mode; it is struck out when the account lets us in again.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Instant

CAUSE = "account_lost"
"""Why its cases are parked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LostAccount:
    """The record. `because` is one line for people."""

    account: AccountId
    integration: IntegrationId
    lost_at: Instant
    check_at: Instant
    because: str

    def text(self) -> str:
        """One line for the marks."""
        head = (self.account, self.integration, self.lost_at.text(), self.check_at.text())
        return " ".join((*head, " ".join(self.because.split())))

    @staticmethod
    def from_text(text: str) -> LostAccount:
        """The record back; BrokenInvariant when it is not one."""
        parts = text.split(" ", 4)
        if len(parts) != 5:
            raise BrokenInvariant(f"the record of a lost account cannot be read: {text[:120]!r}")
        account, integration, lost_at, check_at, because = parts
        return LostAccount(
            account=AccountId(account),
            integration=IntegrationId(integration),
            lost_at=Instant.from_text(lost_at),
            check_at=Instant.from_text(check_at),
            because=because,
        )
