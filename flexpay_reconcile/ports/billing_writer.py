"""Writing billing objects at Stripe: cancel, mark, tag, auto_advance. Cannot charge.

Only `finish_case`, `take_back_cancel` and `stop_stripe_retries` (later `release_cases`) may import this (import law 9).
"""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import Protocol

from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.values.ids import AccountId, InvoiceId, SubscriptionId


class WriteResult(StrEnum):
    """What a write came to. Unknown is not failed: read before going on."""

    DONE = "done"
    """Stripe confirmed it."""
    ALREADY = "already"
    """Stripe says the object is already in that state, or past it."""
    MISSING = "missing"
    """404: no such object."""
    NOT_DONE = "not_done"
    """Surely not executed: limiter, lock, no connection. Try later."""
    UNKNOWN = "unknown"
    """Maybe executed: read the object."""


class BillingWriter(Protocol):
    """One integration's hands, without the one that charges. OperatorError (KEY_REFUSED) on 401 and 403."""

    def cancel_now(self, subscription: SubscriptionId, *, prorate: bool, comment: str) -> WriteResult:
        """`DELETE /v1/subscriptions/{id}` with explicit `prorate` and `invoice_now=false`; takes no idempotency key."""
        ...

    def schedule_cancel(
        self, subscription: SubscriptionId, metadata: dict[str, str], *, idempotency_key: str
    ) -> WriteResult:
        """`cancel_at_period_end=true` and metadata keys, in one request. ALREADY where the subscription is over."""
        ...

    def unschedule_cancel(
        self, subscription: SubscriptionId, metadata: dict[str, str], *, idempotency_key: str
    ) -> WriteResult:
        """`cancel_at_period_end=false` and metadata keys (an empty value removes one), in one request."""
        ...

    def mark_uncollectible(self, invoice: InvoiceId, *, idempotency_key: str) -> WriteResult:
        """`POST /v1/invoices/{id}/mark_uncollectible`."""
        ...

    def tag_invoice(self, invoice: InvoiceId, metadata: dict[str, str], *, idempotency_key: str) -> WriteResult:
        """Set metadata keys on an invoice; others stay."""
        ...

    def tag_subscription(
        self, subscription: SubscriptionId, metadata: dict[str, str], *, idempotency_key: str
    ) -> WriteResult:
        """Set metadata keys on a subscription; others stay."""
        ...

    def stop_auto_advance(self, invoice: InvoiceId, *, idempotency_key: str) -> WriteResult:
        """`auto_advance=false`: Stripe retries this invoice no more."""
        ...


BillingWriterFor = Callable[[Integration, AccountId], BillingWriter]
"""The writer of an integration for one account it acts for: its own, or a connected one."""
"""Gives the writer of an integration; OperatorError when its keys cannot be resolved."""
