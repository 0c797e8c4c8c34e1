"""Webhook endpoints as resources: what one should be, how ours are recognised, which fields mean what.

An endpoint is ours by its metadata, never by its URL alone: two products may post to one URL. Calls nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flexpay_reconcile.billing.webhook_endpoint import WebhookEndpoint
from flexpay_reconcile.config.events import CONNECT_EVENTS, ENABLED_EVENTS, SUPPORTED_API_VERSIONS
from flexpay_reconcile.config.integration import Integration, ListenTo, ManagedBy, Status
from flexpay_reconcile.reconcile.resource import Kind, Resource

SET_FIELDS: Final = frozenset({"enabled_events"})
"""Lists whose order means nothing."""
SENSITIVE: Final = ("secret",)
"""Told by Stripe once, at creation; kept sealed in our state and never in an attribute."""
MAX_ENDPOINTS: Final = 16
"""Stripe's limit for one account (documentation of webhooks, 2026)."""

INTEGRATION_KEY: Final = "fp_integration"
SCOPE_KEY: Final = "fp_scope"
MANAGED_KEY: Final = "fp_managed_by"
STATE_KEY: Final = "fp_state"
"""Which state made it; written at creation, so that no state deletes what another one made."""
ARMED_KEY: Final = "fp_armed"
"""Which copy of the state may charge; written at creation and by `state rearm` only, and never planned (A18)."""
MANAGED_BY_US: Final = "flexpay-reconcile"
REPLACES: Final = "replaces"
"""In our record only: ids of endpoints this one took the place of, until they and their secrets are cleared away."""


def secret_name(name: str, endpoint_id: str) -> str:
    """Under which name the state keeps the signing secret of one endpoint; two while one replaces another."""
    return f"{Kind.WEBHOOK_ENDPOINT.value}.{name}/{endpoint_id}"


def marks(integration: Integration) -> dict[str, str]:
    """The metadata that makes an endpoint ours; other people's keys on it are left alone."""
    return {
        INTEGRATION_KEY: str(integration.id),
        SCOPE_KEY: integration.webhook.listen_to.value,
        MANAGED_KEY: MANAGED_BY_US,
    }


def hears_connected(integration: Integration) -> bool:
    """Whether its endpoint is one for connected accounts (Stripe's `connect`, which cannot be changed afterwards)."""
    return integration.webhook.listen_to is ListenTo.CONNECTED_ACCOUNTS


def desired(integration: Integration) -> Resource | None:
    """What the integration wants, or None where the operator makes the endpoint by hand.

    `api_version` is not among the attributes: any supported one will do, and it cannot be changed in place.
    """
    if integration.webhook.managed_by is ManagedBy.MANUAL:
        return None
    return Resource(
        kind=Kind.WEBHOOK_ENDPOINT,
        name=str(integration.id),
        attributes={
            "url": integration.webhook.url,
            "enabled_events": sorted(CONNECT_EVENTS if hears_connected(integration) else ENABLED_EVENTS),
            "description": integration.description,
            "metadata": marks(integration),
            "status": "enabled" if integration.status is Status.ENABLED else "disabled",
        },
        path=f"integrations.{integration.id}.webhook",
    )


def observed(endpoint: WebhookEndpoint, name: str, path: str) -> Resource:
    """An endpoint at Stripe as the same kind of resource; of its metadata only our own keys."""
    return Resource(
        kind=Kind.WEBHOOK_ENDPOINT,
        name=name,
        attributes={
            "url": endpoint.url,
            "enabled_events": sorted(set(endpoint.enabled_events)),
            "description": endpoint.description or "",
            "metadata": {
                key: value
                for key, value in sorted(endpoint.metadata.items())
                if key in {INTEGRATION_KEY, SCOPE_KEY, MANAGED_KEY}
            },
            "status": str(endpoint.status),
        },
        path=path,
        remote_id=endpoint.id,
    )


def is_readable(endpoint: WebhookEndpoint) -> bool:
    """Whether this release understands the version the endpoint sends; no version means the account's default."""
    return endpoint.api_version in SUPPORTED_API_VERSIONS


def adoptable(endpoints: Iterable[WebhookEndpoint], integration: Integration) -> tuple[WebhookEndpoint, ...]:
    """Endpoints for this integration's URL that nobody has marked and whose events can be read, newest first.

    None where the manifest does not give the signing secret: then nobody could believe what one of them sends.
    """
    if integration.webhook.signing_secret is None:
        return ()
    found = [
        each
        for each in endpoints
        if each.url == integration.webhook.url
        and INTEGRATION_KEY not in each.metadata
        and each.livemode == integration.environment.livemode
        and is_readable(each)
    ]
    return tuple(sorted(found, key=lambda each: (each.created, each.id), reverse=True))


def ours(endpoints: Iterable[WebhookEndpoint], *, name: str, livemode: bool) -> tuple[WebhookEndpoint, ...]:
    """The endpoints that carry this integration's marks, of whatever scope, newest first."""
    found = [
        each
        for each in endpoints
        if each.metadata.get(INTEGRATION_KEY) == name
        and each.metadata.get(SCOPE_KEY) in set(ListenTo)
        and each.livemode == livemode
    ]
    return tuple(sorted(found, key=lambda each: (each.created, each.id), reverse=True))
