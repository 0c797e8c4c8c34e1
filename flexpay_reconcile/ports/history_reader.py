"""Reading what happened at an account since an instant: its events, or where the key may not, charges and refunds.

GETs only. Every list is newest first, page by page, so that each page can be committed before the next is read.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.values.ids import AccountId, ChargeId, CustomerId
from flexpay_reconcile.values.instant import Instant
from flexpay_reconcile.values.money import Money


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """A refund as a list shows it. `status` is Stripe's own word."""

    id: str
    account: AccountId
    charge: ChargeId
    amount: Money
    at: Instant
    status: str
    customer: CustomerId | None
    payment_intent: str | None


class HistoryReader(Protocol):
    """One integration's view of one account. Raises TryLater and OperatorError as the other readers do.

    `E-stripe-403` from `events` is usual: the guide's six permissions do not hold that row.
    """

    def events(self, types: tuple[str, ...], since: Instant) -> Iterator[tuple[bytes, ...]]:
        """Bodies of events created at or after `since`; Stripe keeps them for thirty days."""
        ...

    def charges(self, since: Instant) -> Iterator[tuple[Charge, ...]]:
        """Charges created at or after `since`."""
        ...

    def refunds(self, since: Instant) -> Iterator[tuple[Refund, ...]]:
        """Refunds of charges, created at or after `since`."""
        ...


HistoryReaderFor = Callable[[Integration, AccountId], HistoryReader]
"""The reader of an integration for one account it acts for."""
