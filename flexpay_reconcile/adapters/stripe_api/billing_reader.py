"""The BillingReader port over Stripe: GETs only, which its transport enforces. Decides nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from typing import Any

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.adapters.stripe_api.caller import StripeCaller
from flexpay_reconcile.adapters.stripe_api.charges import charge_of, payment_of
from flexpay_reconcile.adapters.stripe_api.invoices import customer_of, invoice_of, subscription_of
from flexpay_reconcile.adapters.stripe_api.reading import PAGE, check_mode, data_of, read_all, read_one, understood
from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.billing.invoice import Customer, Invoice, InvoicePayment, Subscription
from flexpay_reconcile.ports.billing_reader import OpenPage
from flexpay_reconcile.values.ids import CustomerId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant

_log = logging.getLogger(__name__)
_CHARGE_OF_PAYMENT = "data.payment.payment_intent.latest_charge"


class StripeBillingReader:
    """One integration's view of its account. `read_at` is taken before the request, so that it is never too young."""

    def __init__(self, caller: StripeCaller) -> None:
        """`caller` has the power READ."""
        self._caller = caller
        self._account = caller.account

    def invoice(self, invoice: InvoiceId) -> Invoice | None:
        """`GET /v1/invoices/{id}`."""
        read_at = self._caller.clock.now()
        data = read_one(self._caller, "/v1/invoices/{id}", invoice)
        return None if data is None else understood(lambda: invoice_of(data, self._account, read_at))

    def payments_of(self, invoice: InvoiceId) -> tuple[InvoicePayment, ...]:
        """`GET /v1/invoice_payments` with each payment's last charge, four levels deep: the limit of an expansion."""
        params = {"invoice": invoice, "expand": [_CHARGE_OF_PAYMENT]}
        rows = list(read_all(self._caller, "/v1/invoice_payments", params))
        rows.sort(key=lambda row: row["created"] if type(row.get("created")) is int else 0, reverse=True)
        return understood(lambda: tuple(payment_of(row, self._account) for row in rows))

    def subscription(self, subscription: SubscriptionId) -> Subscription | None:
        """`GET /v1/subscriptions/{id}`."""
        read_at = self._caller.clock.now()
        data = read_one(self._caller, "/v1/subscriptions/{id}", subscription)
        return None if data is None else understood(lambda: subscription_of(data, self._account, read_at))

    def customer(self, customer: CustomerId) -> Customer | None:
        """`GET /v1/customers/{id}`."""
        read_at = self._caller.clock.now()
        data = read_one(self._caller, "/v1/customers/{id}", customer)
        mode = self._caller.livemode
        return None if data is None else understood(lambda: customer_of(data, self._account, read_at, livemode=mode))

    def charges_of(self, customer: CustomerId, since: Instant) -> tuple[Charge, ...]:
        """`GET /v1/charges`; one charge that cannot be read fails all, for ceilings count every one of them."""
        params = {"customer": customer, "created": {"gte": since.seconds}}
        rows = list(read_all(self._caller, "/v1/charges", params))
        return understood(lambda: tuple(charge_of(row, self._account) for row in rows))

    def paid_after(self, subscription: SubscriptionId, created_after: Instant) -> tuple[InvoiceId, ...]:
        """`GET /v1/invoices` of the subscription with status paid."""
        params = {"subscription": subscription, "status": "paid", "created": {"gt": created_after.seconds}}
        rows = list(read_all(self._caller, "/v1/invoices", params))
        return understood(lambda: tuple(InvoiceId(fields.text(row, "id")) for row in rows))

    def open_invoices(self, created_after: Instant) -> tuple[Invoice, ...]:
        """`GET /v1/invoices`, open and charged automatically; whether one was attempted only its fields tell.

        An invoice that cannot be read is logged and left out, so that one odd object does not blind the sweep.
        """
        read_at = self._caller.clock.now()
        params = {
            "status": "open",
            "collection_method": "charge_automatically",
            "created": {"gt": created_after.seconds},
        }
        return self._attempted(read_all(self._caller, "/v1/invoices", params), read_at)

    def open_page(self, created_before: Instant, after: InvoiceId | None) -> OpenPage:
        """`GET /v1/invoices`, one page of a hundred; invoices that cannot be read are logged and left out."""
        read_at = self._caller.clock.now()
        params = {
            "status": "open",
            "collection_method": "charge_automatically",
            "created": {"lt": created_before.seconds},
            "limit": PAGE,
        }
        if after is not None:
            params["starting_after"] = after
        data = data_of(self._caller.call("GET", "/v1/invoices", params=params), "GET /v1/invoices")
        rows = understood(lambda: fields.rows(data))
        for row in rows:
            check_mode(self._caller, row)
        last = understood(lambda: InvoiceId(fields.text(rows[-1], "id"))) if rows else None
        return OpenPage(invoices=self._attempted(rows, read_at), last=last, more=data.get("has_more") is True)

    def _attempted(self, rows: Iterable[dict[str, Any]], read_at: Instant) -> tuple[Invoice, ...]:
        found: list[Invoice] = []
        for row in rows:
            try:
                invoice = invoice_of(row, self._account, read_at)
            except fields.BadAnswer as bad:
                _log.warning("an open invoice was left out: %s", bad)
                continue
            if invoice.attempted:
                found.append(invoice)
        return tuple(found)
