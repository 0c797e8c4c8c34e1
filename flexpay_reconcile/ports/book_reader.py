"""Reading a whole book of failing invoices in few calls, for the forecast. GETs only; nothing is changed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.billing.invoice import Customer, Invoice, InvoicePayment, Subscription
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.values.ids import AccountId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEntry:
    """One open, attempted invoice with its subscription and customer as of the same answer."""

    invoice: Invoice
    subscription: Subscription | None
    customer: Customer | None


class BookReader(Protocol):
    """One integration's view of one account. Raises TryLater and OperatorError as the other readers do."""

    def pages(self, created_before: Instant) -> Iterator[tuple[BookEntry, ...]]:
        """All open, attempted, automatically charged invoices, newest first, a hundred listed invoices a page."""
        ...

    def payments(self) -> Iterator[tuple[tuple[InvoiceId, InvoicePayment], ...]]:
        """Open payments of all invoices with their last charge, page by page."""
        ...

    def charges(self, since: Instant) -> Iterator[tuple[Charge, ...]]:
        """Charges created at or after an instant, newest first, page by page."""
        ...

    def paid_after(self, subscription: SubscriptionId, created_after: Instant) -> tuple[InvoiceId, ...]:
        """Paid invoices of the subscription created after an instant."""
        ...


BookReaderFor = Callable[[Integration, AccountId], BookReader]
"""The reader of an integration for one account it acts for."""
