"""May this invoice become a recovery case? Yes, or the reason why not, for the journal. Reads nothing itself."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.billing.invoice import BillingReason, Invoice, InvoiceStatus, Subscription, SubscriptionStatus
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration, Status


class NotEligible(StrEnum):
    """Why an invoice is only recorded, never retried."""

    NOT_OPEN = "not_open"
    """It is not an open invoice."""
    NOT_ATTEMPTED = "not_attempted"
    """Stripe has not tried to collect it yet."""
    NOTHING_REMAINING = "nothing_remaining"
    """Nothing is left to pay."""
    NOT_AUTOMATIC = "not_automatic"
    """It is paid by sending it, not by charging automatically."""
    NO_SUBSCRIPTION = "no_subscription"
    """It belongs to no subscription: a gateway-only payment (guide: Stripe Subscription Billing only)."""
    NO_CUSTOMER = "no_customer"
    """It names no customer."""
    FIRST_INVOICE = "first_invoice"
    """It is the first invoice of a subscription, and the integration does not include those."""
    CURRENCY_NOT_DECLARED = "currency_not_declared"
    """Its currency is not one of the manifest's."""
    INTEGRATION_NOT_ENABLED = "integration_not_enabled"
    """The integration takes in no new failures."""
    WRONG_MODE = "wrong_mode"
    """A test object in a live integration, or the other way round."""
    SUBSCRIPTION_OVER = "subscription_over"
    """The subscription is canceled, expired, paused, or gone."""
    SUBSCRIPTION_UNKNOWN = "subscription_unknown"
    """It reads a status this version does not know: not judged, and looked at again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """Eligible when `reason` is None."""

    reason: NotEligible | None

    @property
    def eligible(self) -> bool:
        """Whether a case may be opened."""
        return self.reason is None


_LIVING = frozenset(
    {SubscriptionStatus.ACTIVE, SubscriptionStatus.PAST_DUE, SubscriptionStatus.UNPAID, SubscriptionStatus.TRIALING}
)


def judge_invoice(invoice: Invoice, integration: Integration, configuration: Configuration) -> Verdict:
    """What the invoice alone says; the subscription is judged apart, so that it need not be read for a clear no."""
    checks: tuple[tuple[bool, NotEligible], ...] = (
        (invoice.livemode != integration.environment.livemode, NotEligible.WRONG_MODE),
        (integration.status is not Status.ENABLED, NotEligible.INTEGRATION_NOT_ENABLED),
        (invoice.status is not InvoiceStatus.OPEN, NotEligible.NOT_OPEN),
        (invoice.collection_method != "charge_automatically", NotEligible.NOT_AUTOMATIC),
        (not invoice.attempted, NotEligible.NOT_ATTEMPTED),
        (not invoice.amount_remaining.is_positive(), NotEligible.NOTHING_REMAINING),
        (invoice.subscription is None, NotEligible.NO_SUBSCRIPTION),
        (invoice.customer is None, NotEligible.NO_CUSTOMER),
        (
            invoice.billing_reason is BillingReason.SUBSCRIPTION_CREATE and not integration.include_first_invoice,
            NotEligible.FIRST_INVOICE,
        ),
        (invoice.amount_remaining.currency.code not in configuration.currencies, NotEligible.CURRENCY_NOT_DECLARED),
    )
    return Verdict(reason=next((reason for bad, reason in checks if bad), None))


def judge_subscription(subscription: Subscription | None, integration: Integration) -> Verdict:
    """What the subscription says."""
    if subscription is None:
        return Verdict(reason=NotEligible.SUBSCRIPTION_OVER)
    if subscription.status is SubscriptionStatus.UNKNOWN:
        return Verdict(reason=NotEligible.SUBSCRIPTION_UNKNOWN)
    living = _LIVING | ({SubscriptionStatus.INCOMPLETE} if integration.include_first_invoice else frozenset())
    return Verdict(reason=None if subscription.status in living else NotEligible.SUBSCRIPTION_OVER)
