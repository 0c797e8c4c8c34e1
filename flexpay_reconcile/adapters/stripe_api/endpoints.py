"""Webhook endpoints from Stripe's plain objects, without their signing secret."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.adapters.stripe_api import fields
from flexpay_reconcile.billing.webhook_endpoint import EndpointStatus, WebhookEndpoint

_STATUS = {status.value: status for status in EndpointStatus}


def endpoint_of(data: dict[str, Any]) -> WebhookEndpoint:
    """An endpoint; BadAnswer when a field is not as documented."""
    events = data.get("enabled_events")
    if not isinstance(events, list) or not all(isinstance(each, str) for each in events):
        raise fields.BadAnswer(f"the webhook endpoint {data.get('id')} has no list of enabled_events")
    return WebhookEndpoint(
        id=fields.text(data, "id"),
        url=fields.text(data, "url"),
        status=_STATUS.get(fields.text(data, "status"), EndpointStatus.UNKNOWN),
        enabled_events=tuple(sorted(set(events))),
        description=fields.optional_text(data, "description") or "",
        metadata=fields.metadata(data),
        api_version=fields.optional_text(data, "api_version"),
        livemode=fields.flag(data, "livemode"),
        created=fields.instant(data, "created"),
    )
