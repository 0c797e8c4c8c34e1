"""A manifest without faults to a `Configuration`. Checks nothing:
it is given only what schema and rules have passed.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.config.company import Company
from flexpay_reconcile.config.configuration import Brakes, Breaker, Configuration, Guards
from flexpay_reconcile.config.integration import (
    Attestation,
    DelayFrom,
    Integration,
    InvoiceAction,
    ListenTo,
    ManagedBy,
    SmartRetries,
    Status,
    StopStripeRetries,
    SubscriptionAction,
    Webhook,
    WhenRecoveryFails,
)
from flexpay_reconcile.config.keys import ApiKeys, Environment, KeyType
from flexpay_reconcile.config.policy import CeilingOverride, QuietHours, RetryPolicy, Timing
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.manifest.durations import span_of
from flexpay_reconcile.values.ids import AccountId, IntegrationId
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import SecretRef, SecretSource

_Map = dict[str, Any]


def decode(manifest: _Map) -> Configuration:
    """The configuration a manifest means. What is not written takes the default of the `config` types."""
    return Configuration(
        currencies=tuple(manifest["currencies"]),
        companies={key: _company(key, each) for key, each in manifest["companies"].items()},
        integrations={key: _integration(key, each) for key, each in manifest["integrations"].items()},
        retry_policies={key: _policy(key, each) for key, each in manifest.get("retry_policies", {}).items()},
        guards=Guards(**manifest.get("guards", {})),
        brakes=_brakes(manifest.get("brakes", {})),
    )


def _company(key: str, written: _Map) -> Company:
    return Company(
        id=key,
        name=written["name"],
        stripe_account=AccountId(written["stripe_account"]),
        **_given(written, time_zone=str),
    )


def _integration(key: str, written: _Map) -> Integration:
    allow_list = written["radar_allow_list"]
    return Integration(
        id=IntegrationId(key),
        name=written["name"],
        company=written["company"],
        environment=Environment(written["environment"]),
        status=Status(written["status"]),
        description=written.get("description", ""),
        api_keys=_api_keys(written["api_keys"]),
        webhook=_webhook(written["webhook"]),
        retry_policy=written["retry_policy"],
        when_recovery_fails=_when_recovery_fails(written["when_recovery_fails"]),
        smart_retries=_smart_retries(written.get("smart_retries", {})),
        radar_allow_list_ip=allow_list["ip"] if isinstance(allow_list, dict) else None,
        **_given(written, take_over=bool, include_first_invoice=bool, drift_policy=str),
    )


def _api_keys(written: _Map) -> ApiKeys:
    return ApiKeys(
        type=KeyType(written["type"]),
        primary=_secret(written["primary"]),
        fallback=_secret(written["fallback"]),
    )


def _secret(written: _Map) -> SecretRef:
    source, name = next(iter(written.items()))
    if isinstance(name, list):
        return SecretRef(source=SecretSource(source), name=name[0], arguments=tuple(name[1:]))
    return SecretRef(source=SecretSource(source), name=name)


def _accounts(written: str | list[str]) -> tuple[AccountId, ...]:
    """A list of accounts; `all` is none in particular."""
    return () if written == "all" else tuple(AccountId(each) for each in sorted(written))


def _webhook(written: _Map) -> Webhook:
    return Webhook(
        managed_by=ManagedBy(written["managed_by"]),
        url=written["url"],
        **_given(written, listen_to=ListenTo, signing_secret=_secret, connected_accounts=_accounts),
    )


def _smart_retries(written: _Map) -> SmartRetries:
    return SmartRetries(
        **_given(written, stop_stripe_retries=StopStripeRetries, attested=lambda each: Attestation(**each))
    )


def _when_recovery_fails(written: _Map) -> WhenRecoveryFails:
    subscription = written["subscription"]
    return WhenRecoveryFails(
        subscription=SubscriptionAction(subscription["action"]),
        invoice=InvoiceAction(written["invoice"]),
        **_given(subscription, delay=_span, delay_from=DelayFrom),
    )


def _policy(key: str, written: _Map) -> RetryPolicy:
    return RetryPolicy(
        id=key,
        **_given(
            written,
            timing=Timing,
            max_attempts=int,
            window=_span,
            minimum_spacing=_span,
            quiet_hours=_quiet_hours,
            fixed_schedule=lambda steps: tuple(_span(each) for each in steps),
            migrate=bool,
            network_ceilings=lambda networks: {name: CeilingOverride(**each) for name, each in networks.items()},
        ),
    )


def _quiet_hours(written: _Map) -> QuietHours:
    return QuietHours(
        from_minute=_minute(written["from"]), to_minute=_minute(written["to"]), time_zone=written["time_zone"]
    )


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)


def _brakes(written: _Map) -> Brakes:
    attempts, final, take_over = (written.get(key, {}) for key in ("attempts", "final_actions", "take_over"))
    named = {
        "attempts_per_minute": attempts.get("per_minute"),
        "attempts_per_day": attempts.get("per_day"),
        "final_actions_per_hour": final.get("per_hour"),
        "final_actions_per_day": final.get("per_day"),
        "take_over_percent_of_book_per_day": take_over.get("percent_of_book_per_day"),
        "breaker": _breaker(written["breaker"]) if "breaker" in written else None,
    }
    return Brakes(**{name: value for name, value in named.items() if value is not None})


def _breaker(written: _Map) -> Breaker:
    return Breaker(
        **_given(written, window=_span, min_attempts=int, open_when_errors_above_percent=int, half_open_after=_span)
    )


def _span(written: _Map) -> Span:
    span = span_of(written)
    if span is None:
        raise BrokenInvariant("a duration that the schema passed has no span")
    return span


def _given(written: _Map, **readers: Any) -> dict[str, Any]:
    """The fields that are written, each read by its reader; the others keep their default."""
    return {name: read(written[name]) for name, read in readers.items() if name in written}
