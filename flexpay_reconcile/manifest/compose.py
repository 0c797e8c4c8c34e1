"""A configuration as the text of a manifest: `decode` the other way round. Reads and writes no file.

What is as its default says is left out where the manifest may leave it out. Comments stand above the key they are for.
"""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from flexpay_reconcile.config.company import Company
from flexpay_reconcile.config.configuration import Brakes, Breaker, Configuration, Guards
from flexpay_reconcile.config.integration import Integration, SmartRetries, Webhook, WhenRecoveryFails
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.values.instant import Span
from flexpay_reconcile.values.secret import SecretRef

_Map = dict[str, Any]
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./()-]+)*")
"""Text that YAML reads as text without quotes, wherever it stands."""
_URL = re.compile(r"https?://[A-Za-z0-9._~:/@%+-]+")
_READ_OTHERWISE = frozenset({"true", "false", "null", "True", "False", "Null", "TRUE", "FALSE", "NULL"})
_UNITS = (("days", 86_400_000), ("hours", 3_600_000), ("minutes", 60_000))
_ONE_LINE = 90


def compose(configuration: Configuration, *, head: str = "", comments: Mapping[str, str] | None = None) -> str:
    """The manifest. `head` is put on top as comments; `comments` are for paths such as `integrations.acme.webhook`."""
    lines = [f"# {each}".rstrip() for each in head.splitlines()]
    lines.append("version: 1")
    for name, value in _manifest(configuration).items():
        if isinstance(value, dict) and name != "currencies":
            lines.append("")
        lines += _lines(name, value, 0, name, comments or {})
    return "\n".join(lines) + "\n"


def _manifest(configuration: Configuration) -> _Map:
    found: _Map = {
        "currencies": list(configuration.currencies),
        "companies": {each.id: _company(each) for each in configuration.companies.values()},
        "integrations": {str(each.id): _integration(each) for each in configuration.integrations.values()},
        "retry_policies": {each.id: _policy(each) for each in configuration.retry_policies.values()},
    }
    if configuration.guards != Guards():
        found["guards"] = dataclasses.asdict(configuration.guards)
    if configuration.brakes != Brakes():
        found["brakes"] = _brakes(configuration.brakes)
    return found


def _company(company: Company) -> _Map:
    return {"name": company.name, "stripe_account": str(company.stripe_account), "time_zone": company.time_zone}


def _integration(integration: Integration) -> _Map:
    keys, allowed = integration.api_keys, integration.radar_allow_list_ip
    return {
        "name": integration.name,
        "company": integration.company,
        "environment": integration.environment.value,
        "status": integration.status.value,
        **({"description": integration.description} if integration.description else {}),
        "api_keys": {"type": keys.type.value, "primary": _secret(keys.primary), "fallback": _secret(keys.fallback)},
        "webhook": _webhook(integration.webhook),
        "smart_retries": _smart_retries(integration.smart_retries),
        "radar_allow_list": {"ip": allowed} if allowed else "no",
        "take_over": integration.take_over,
        "include_first_invoice": integration.include_first_invoice,
        "drift_policy": integration.drift_policy,
        "retry_policy": integration.retry_policy,
        "when_recovery_fails": _when_recovery_fails(integration.when_recovery_fails),
    }


def _webhook(webhook: Webhook) -> _Map:
    found: _Map = {
        "managed_by": webhook.managed_by.value,
        "url": webhook.url,
        "listen_to": webhook.listen_to.value,
    }
    if webhook.signing_secret is not None:
        found["signing_secret"] = _secret(webhook.signing_secret)
    if webhook.connected_accounts:
        found["connected_accounts"] = [str(each) for each in webhook.connected_accounts]
    return found


def _smart_retries(given: SmartRetries) -> _Map:
    found: _Map = {"stop_stripe_retries": given.stop_stripe_retries.value}
    if given.attested is not None:
        found["attested"] = dataclasses.asdict(given.attested)
    return found


def _when_recovery_fails(agreed: WhenRecoveryFails) -> _Map:
    subscription: _Map = {"action": agreed.subscription.value}
    if "with_delay" in agreed.subscription.value:
        subscription |= {"delay": _span(agreed.delay), "delay_from": agreed.delay_from.value}
    return {"subscription": subscription, "invoice": agreed.invoice.value}


def _policy(policy: RetryPolicy) -> _Map:
    found: _Map = {
        "timing": policy.timing.value,
        "max_attempts": policy.max_attempts,
        "window": _span(policy.window),
        "minimum_spacing": _span(policy.minimum_spacing),
    }
    if policy.quiet_hours is not None:
        quiet = policy.quiet_hours
        found["quiet_hours"] = {
            "from": f"{quiet.from_minute // 60:02d}:{quiet.from_minute % 60:02d}",
            "to": f"{quiet.to_minute // 60:02d}:{quiet.to_minute % 60:02d}",
            "time_zone": quiet.time_zone,
        }
    if policy.fixed_schedule:
        found["fixed_schedule"] = [_span(each) for each in policy.fixed_schedule]
    if policy.migrate:
        found["migrate"] = True
    if policy.network_ceilings is not None:
        found["network_ceilings"] = {
            name: {key: value for key, value in dataclasses.asdict(each).items() if value not in (None, "")}
            for name, each in policy.network_ceilings.items()
        }
    return found


def _brakes(brakes: Brakes) -> _Map:
    return {
        "attempts": {"per_minute": brakes.attempts_per_minute, "per_day": brakes.attempts_per_day},
        "final_actions": {"per_hour": brakes.final_actions_per_hour, "per_day": brakes.final_actions_per_day},
        "take_over": {"percent_of_book_per_day": brakes.take_over_percent_of_book_per_day},
        "breaker": _breaker(brakes.breaker),
    }


def _breaker(breaker: Breaker) -> _Map:
    return {
        "window": _span(breaker.window),
        "min_attempts": breaker.min_attempts,
        "open_when_errors_above_percent": breaker.open_when_errors_above_percent,
        "half_open_after": _span(breaker.half_open_after),
    }


def _secret(reference: SecretRef) -> _Map:
    if reference.arguments:
        return {reference.source.value: [reference.name, *reference.arguments]}
    return {reference.source.value: reference.name}


def _span(span: Span) -> _Map:
    rest, found = span.ms, {}
    for unit, size in _UNITS:
        count, rest = divmod(rest, size)
        if count:
            found[unit] = count
    if rest:
        raise BrokenInvariant(f"a manifest has no word for a duration of {span.ms} ms")
    return found or {"days": 0}


# -- YAML ------------------------------------------------------------------------------------------------------------


def _lines(name: str, value: Any, depth: int, path: str, comments: Mapping[str, str]) -> Iterator[str]:
    indent = "  " * depth
    for each in comments.get(path, "").splitlines():
        yield f"{indent}# {each}".rstrip()
    flat = f"{indent}{_scalar(name)}: {_flow(value)}"
    below = isinstance(value, dict) and any(each.startswith(f"{path}.") for each in comments)
    if not isinstance(value, dict) or (depth > 1 and len(flat) <= _ONE_LINE and not below):
        yield flat
        return
    yield f"{indent}{_scalar(name)}:{'' if value else ' {}'}"
    for key, each in value.items():
        yield from _lines(str(key), each, depth + 1, f"{path}.{key}", comments)


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_scalar(str(key))}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_flow(each) for each in value) + "]"
    return _scalar(value)


def _scalar(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(value)
    text = str(value)
    plain = (_PLAIN.fullmatch(text) or _URL.fullmatch(text)) and text not in _READ_OTHERWISE
    return text if plain else json.dumps(text, ensure_ascii=False)
