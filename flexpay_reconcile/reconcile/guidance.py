"""What only a person can do, in the Dashboard, as exact steps. Does none of it and never claims that it was done."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.config.events import API_VERSION, CONNECT_EVENTS, ENABLED_EVENTS
from flexpay_reconcile.config.integration import Attestation, Integration, ManagedBy, StopStripeRetries
from flexpay_reconcile.reconcile.kinds import webhook_endpoint
from flexpay_reconcile.reconcile.observed import StripeRetry
from flexpay_reconcile.values.instant import Instant

RETRY_SETTINGS_PAGE = "https://dashboard.stripe.com/{mode}revenue_recovery/retries"
"""Stripe's page of the retry settings; it has no API."""
_SHOWN = 5


class StepStatus(StrEnum):
    """Where a manual step stands."""

    OUTSTANDING = "outstanding"
    """Nobody has said that it was done."""
    EXPIRED = "expired"
    """Somebody said so, and that has run out."""
    ATTESTED = "attested"
    """Somebody said so; we cannot see it."""
    CONTRADICTED = "contradicted"
    """Somebody said so, and live invoices say otherwise."""
    UNVERIFIABLE = "unverifiable"
    """To be done once; we can neither see it nor is there a field to attest it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ManualStep:
    """One thing to do, for one integration."""

    id: str
    integration: str
    status: StepStatus
    title: str
    steps: tuple[str, ...]
    url: str = ""
    path: str = ""
    evidence: tuple[str, ...] = ()
    """What live objects show against it, each with the id that proves it."""


def steps_for(integration: Integration, as_of: Instant, retries: Sequence[StripeRetry] = ()) -> Iterator[ManualStep]:
    """The manual steps of one integration. `retries` are invoices that Stripe itself is going to charge again."""
    mode = "" if integration.environment.livemode else "test/"
    yield _retry_settings(integration, as_of, mode, retries)
    if integration.radar_allow_list_ip:
        yield ManualStep(
            id="radar_allow_list",
            integration=str(integration.id),
            status=StepStatus.UNVERIFIABLE,
            title=f"allow the daemon's address {integration.radar_allow_list_ip} in Radar",
            steps=(
                'open Radar, Lists, "Client IP address allow list"',
                f"add {integration.radar_allow_list_ip}, if it is not there",
            ),
            url=f"https://dashboard.stripe.com/{mode}radar/lists",
            path=f"integrations.{integration.id}.radar_allow_list",
        )
    if integration.webhook.managed_by is ManagedBy.MANUAL:
        connect = webhook_endpoint.hears_connected(integration)
        whose = "connected accounts" if connect else "your account"
        yield ManualStep(
            id="manual_webhook_endpoint",
            integration=str(integration.id),
            status=StepStatus.UNVERIFIABLE,
            title="make the webhook endpoint by hand (managed_by: manual)",
            steps=(
                f"open Developers, Webhooks, Add destination; listen to events on {whose}",
                f"API version {API_VERSION}; URL {integration.webhook.url}",
                "events: " + ", ".join(CONNECT_EVENTS if connect else ENABLED_EVENTS),
                f"put its signing secret where {_reference(integration)} is read from",
            ),
            url=f"https://dashboard.stripe.com/{mode}webhooks",
            path=f"integrations.{integration.id}.webhook",
        )


def _reference(integration: Integration) -> str:
    reference = integration.webhook.signing_secret
    return reference.text() if reference else "webhook.signing_secret"


def _retry_settings(integration: Integration, as_of: Instant, mode: str, retries: Sequence[StripeRetry]) -> ManualStep:
    """Stripe's own retries: five settings that only a person can see."""
    attested = integration.smart_retries.attested
    status = _status(attested, as_of)
    if attested and status is StepStatus.ATTESTED and any(_since(attested, each) for each in retries):
        status = StepStatus.CONTRADICTED
    who = f" (attested by {attested.by} on {attested.on}, until {attested.expires})" if attested else ""
    stop = integration.smart_retries.stop_stripe_retries is StopStripeRetries.PER_INVOICE
    return ManualStep(
        id="stripe_retry_settings",
        integration=str(integration.id),
        status=status,
        title="switch off Stripe's own retries, e-mails and final actions" + who,
        steps=(
            "open Billing, Revenue recovery, Retries; note the rules that are there (previous_rules)",
            "choose a custom retry schedule and remove every rule from it (custom_schedule_empty)",
            "under e-mails, switch off those for failed card payments (emails_off)",
            'subscription status: "leave the subscription past-due"; invoice status: "leave the invoice past-due"',
            "switch off automations and other tools that retry or remind (other_dunning_off)",
            "write who looked and when under smart_retries.attested",
            "until then every invoice in recovery gets auto_advance=false, so that Stripe does not retry it as well"
            if stop
            else "until then invoices that Stripe still retries are parked, not recovered",
        ),
        url=RETRY_SETTINGS_PAGE.format(mode=mode),
        path=f"integrations.{integration.id}.smart_retries",
        evidence=tuple(_evidence(attested, retries)),
    )


def _status(attested: Attestation | None, as_of: Instant) -> StepStatus:
    if attested is None:
        return StepStatus.OUTSTANDING
    if attested.expires <= as_of.text()[:10]:
        return StepStatus.EXPIRED
    whole = attested.custom_schedule_empty and attested.emails_off and attested.other_dunning_off
    left = {attested.subscription, attested.invoice} == {"leave_past_due"}
    return StepStatus.ATTESTED if whole and left else StepStatus.OUTSTANDING


def _since(attested: Attestation, retry: StripeRetry) -> bool:
    """Whether it came after the day of the attestation: an older invoice keeps the schedule it was given then."""
    return retry.created.text()[:10] > attested.on


def _evidence(attested: Attestation | None, retries: Sequence[StripeRetry]) -> Iterator[str]:
    """The invoices, those that contradict the attestation first. Of e-mails there is no evidence, for or against."""
    ordered = sorted(retries, key=lambda each: (attested is None or not _since(attested, each), each.invoice))
    for each in ordered[:_SHOWN]:
        old = attested is not None and not _since(attested, each)
        yield (
            f"{each.invoice}: attempted {each.attempts} time{'' if each.attempts == 1 else 's'}, and Stripe charges it "
            f"again at {each.next_attempt.text()}" + (" (from before the attestation)" if old else "")
        )
    if len(ordered) > _SHOWN:
        yield f"and {len(ordered) - _SHOWN} more invoices"
