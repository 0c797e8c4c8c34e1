"""The BookReader port over Stripe: lists with their objects expanded, so that a hundred invoices cost one call."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from typing import Any

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.adapters.stripe_api.billing_reader import StripeBillingReader
from flexpay_reconcile.adapters.stripe_api.caller import StripeCaller
from flexpay_reconcile.adapters.stripe_api.charges import charge_of, payment_of
from flexpay_reconcile.adapters.stripe_api.invoices import customer_of, invoice_of, subscription_of
from flexpay_reconcile.adapters.stripe_api.reading import PAGE, read_all
from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.billing.invoice import Customer, InvoicePayment, Subscription
from flexpay_reconcile.ports.book_reader import BookEntry
from flexpay_reconcile.values.ids import InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant

_log = logging.getLogger(__name__)
_OF_INVOICE = ["data.customer", "data.parent.subscription_details.subscription"]
_OF_PAYMENT = ["data.payment.payment_intent.latest_charge"]


class StripeBookReader:
    """One integration's view of one account."""

    def __init__(self, caller: StripeCaller) -> None:
        """`caller` has the power READ."""
        self._caller = caller
        self._account = caller.account
        self._billing = StripeBillingReader(caller)

    def pages(self, created_before: Instant) -> Iterator[tuple[BookEntry, ...]]:
        """`GET /v1/invoices` with customer and subscription expanded; what cannot be read is logged and left out."""
        params = {
            "status": "open",
            "collection_method": "charge_automatically",
            "created": {"lt": created_before.seconds},
            "expand": _OF_INVOICE,
        }
        for rows in self._pages("/v1/invoices", params):
            found = [self._entry(row) for row in rows]
            yield tuple(each for each in found if each is not None and each.invoice.attempted)

    def payments(self) -> Iterator[tuple[tuple[InvoiceId, InvoicePayment], ...]]:
        """`GET /v1/invoice_payments` with status open and each payment's last charge, four levels deep."""
        for rows in self._pages("/v1/invoice_payments", {"status": "open", "expand": _OF_PAYMENT}):
            found = [self._payment(row) for row in rows]
            yield tuple(each for each in found if each is not None)

    def charges(self, since: Instant) -> Iterator[tuple[Charge, ...]]:
        """`GET /v1/charges`; one that cannot be read is logged and left out."""
        for rows in self._pages("/v1/charges", {"created": {"gte": since.seconds}}):
            found = [self._charge(row) for row in rows]
            yield tuple(each for each in found if each is not None)

    def paid_after(self, subscription: SubscriptionId, created_after: Instant) -> tuple[InvoiceId, ...]:
        """`GET /v1/invoices` of the subscription with status paid."""
        return self._billing.paid_after(subscription, created_after)

    def _pages(self, path: str, params: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
        page: list[dict[str, Any]] = []
        for row in read_all(self._caller, path, params):
            page.append(row)
            if len(page) == PAGE:
                yield page
                page = []
        if page:
            yield page

    def _entry(self, row: dict[str, Any]) -> BookEntry | None:
        read_at = self._caller.clock.now()
        try:
            return BookEntry(
                invoice=invoice_of(row, self._account, read_at),
                subscription=self._subscription(row, read_at),
                customer=self._customer(row, read_at),
            )
        except fields.BadAnswer as bad:
            _log.warning("an open invoice was left out: %s", bad)
            return None

    def _subscription(self, row: dict[str, Any], read_at: Instant) -> Subscription | None:
        details = fields.part(fields.part(row, "parent"), "subscription_details")
        found = details.get("subscription")
        return subscription_of(found, self._account, read_at) if isinstance(found, dict) else None

    def _customer(self, row: dict[str, Any], read_at: Instant) -> Customer | None:
        found = row.get("customer")
        if not isinstance(found, dict):
            return None
        return customer_of(found, self._account, read_at, livemode=self._caller.livemode)

    def _payment(self, row: dict[str, Any]) -> tuple[InvoiceId, InvoicePayment] | None:
        try:
            invoice = fields.reference(row, "invoice")
            return (InvoiceId(invoice), payment_of(row, self._account)) if invoice else None
        except fields.BadAnswer as bad:
            _log.warning("a payment was left out: %s", bad)
            return None

    def _charge(self, row: dict[str, Any]) -> Charge | None:
        try:
            return charge_of(row, self._account)
        except fields.BadAnswer as bad:
            _log.warning("a charge was left out: %s", bad)
            return None
