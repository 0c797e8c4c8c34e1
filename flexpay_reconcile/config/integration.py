"""An integration: one scope of one Stripe account that recovery works on. Decides nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.config.keys import ApiKeys, Environment
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import SecretRef


class Status(StrEnum):
    """Whether an integration takes in failures."""

    ENABLED = "enabled"
    """Webhook and listener on; new failures open cases."""
    DISABLED = "disabled"
    """Webhook and listener off; no new case; open cases run on to their end."""
    RELEASED = "released"
    """Planned attempts and actions dropped (refused by the manifest until it is built)."""


class ListenTo(StrEnum):
    """Whose events the webhook endpoint hears."""

    ACCOUNT = "account"
    """The account's own."""
    CONNECTED_ACCOUNTS = "connected_accounts"
    """Those of its connected accounts, and never the account's own."""


class ManagedBy(StrEnum):
    """Who makes the webhook endpoint."""

    FLEXPAY = "flexpay"
    """We do, through the API (recommended)."""
    MANUAL = "manual"
    """The operator did, in the Dashboard, and gives us its signing secret."""


class StopStripeRetries(StrEnum):
    """What we do against Stripe's own retries of an invoice in recovery."""

    PER_INVOICE = "per_invoice"
    """Set `auto_advance=false` on each invoice when its case opens."""
    NO = "no"
    """Nothing; an invoice with a scheduled Stripe retry is parked."""


class SubscriptionAction(StrEnum):
    """What happens to the subscription when recovery fails: the guide's Subscription Status."""

    CANCEL_AT_PERIOD_END = "cancel_at_period_end"
    """Cancel at the end of the paid period."""
    CANCEL_WITH_DELAY = "cancel_with_delay"
    """Cancel after the delay, with proration."""
    CANCEL_WITH_DELAY_NO_PRORATION = "cancel_with_delay_no_proration"
    """Cancel after the delay, without proration."""
    LEAVE_AS_IS = "leave_as_is"
    """Leave the subscription."""


class InvoiceAction(StrEnum):
    """What happens to the invoice when recovery fails: the guide's Invoice setting."""

    MARK_UNCOLLECTIBLE_WHEN_SUBSCRIPTION_CANCELS = "mark_uncollectible_when_subscription_cancels"
    """Uncollectible once the subscription is canceled, with `fp-uncollectible: true` on both."""
    LEAVE_AS_IS = "leave_as_is"
    """Leave the invoice open."""


class DelayFrom(StrEnum):
    """Where the delay of a cancellation starts."""

    HARD_DECLINE = "hard_decline"
    """The instant of the decline that ended recovery."""
    INVOICE_CREATION = "invoice_creation"
    """The creation of the invoice."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """The endpoint Stripe posts events to. `connected_accounts` empty: all that are connected."""

    managed_by: ManagedBy
    url: str
    listen_to: ListenTo = ListenTo.ACCOUNT
    signing_secret: SecretRef | None = None
    connected_accounts: tuple[AccountId, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Attestation:
    """Who saw Stripe's retry settings switched off, and when (dates as `YYYY-MM-DD`)."""

    by: str
    on: str
    expires: str
    previous_rules: str
    custom_schedule_empty: bool
    emails_off: bool
    subscription: str
    invoice: str
    other_dunning_off: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class SmartRetries:
    """What is declared about Stripe's own retries, for which it has no API."""

    stop_stripe_retries: StopStripeRetries = StopStripeRetries.PER_INVOICE
    attested: Attestation | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class WhenRecoveryFails:
    """The final actions."""

    subscription: SubscriptionAction
    invoice: InvoiceAction
    delay: Span = Span(0)
    delay_from: DelayFrom = DelayFrom.HARD_DECLINE


@dataclass(frozen=True, slots=True, kw_only=True)
class Integration:
    """One integration. `company` and `retry_policy` are ids of the configuration."""

    id: IntegrationId
    name: str
    company: str
    environment: Environment
    status: Status
    description: str
    api_keys: ApiKeys
    webhook: Webhook
    retry_policy: str
    when_recovery_fails: WhenRecoveryFails
    smart_retries: SmartRetries = SmartRetries()
    radar_allow_list_ip: str | None = None
    take_over: bool = False
    include_first_invoice: bool = False
    drift_policy: str = "warn"
