"""Reading billing objects from Stripe. GETs only; may be held by any data-plane operation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.billing.invoice import Customer, Invoice, InvoicePayment, Subscription
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.values.ids import AccountId, CustomerId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenPage:
    """Attempted invoices of one page, and how to go on: `last` is the page's last id, attempted or not."""

    invoices: tuple[Invoice, ...]
    last: InvoiceId | None
    more: bool


class BillingReader(Protocol):
    """One integration's view of its account.

    Every method raises TryLater when Stripe cannot be reached or limits us, and OperatorError (KEY_REFUSED) on
    401 and 403. A 404 is the value None: the object is gone, or never was there for this key.
    """

    def invoice(self, invoice: InvoiceId) -> Invoice | None:
        """The invoice now."""
        ...

    def payments_of(self, invoice: InvoiceId) -> tuple[InvoicePayment, ...]:
        """Its payments with their last charge, newest first."""
        ...

    def subscription(self, subscription: SubscriptionId) -> Subscription | None:
        """The subscription now."""
        ...

    def customer(self, customer: CustomerId) -> Customer | None:
        """The customer now; `deleted` is set where Stripe says so."""
        ...

    def charges_of(self, customer: CustomerId, since: Instant) -> tuple[Charge, ...]:
        """All charges of the customer created at or after `since`, newest first."""
        ...

    def paid_after(self, subscription: SubscriptionId, created_after: Instant) -> tuple[InvoiceId, ...]:
        """Paid invoices of the subscription created after an instant."""
        ...

    def open_invoices(self, created_after: Instant) -> tuple[Invoice, ...]:
        """All open, attempted, automatically charged invoices created after an instant: the sweep."""
        ...

    def open_page(self, created_before: Instant, after: InvoiceId | None) -> OpenPage:
        """One page of all open, automatically charged invoices created before an instant, newest first: a take-over.

        `after` is the `last` of the page before.
        """
        ...


BillingReaderFor = Callable[[Integration, AccountId], BillingReader]
"""The reader of an integration for one account it acts for: its own, or a connected one."""
"""Gives the reader of an integration; OperatorError when its keys cannot be resolved."""
