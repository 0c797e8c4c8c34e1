"""A webhook endpoint as Stripe shows it. Holds no signing secret: Stripe shows that only once, when it is made."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.values.instant import Instant


class EndpointStatus(StrEnum):
    """Stripe's `webhook_endpoint.status`."""

    ENABLED = "enabled"
    """Stripe delivers."""
    DISABLED = "disabled"
    """Stripe does not deliver."""
    UNKNOWN = "unknown"
    """A status this version does not know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WebhookEndpoint:
    """One endpoint. `enabled_events` is sorted; `api_version` is None where events follow the account's default.

    Whether it listens to connected accounts is not among Stripe's fields; our metadata says it (`fp_scope`).
    """

    id: str
    url: str
    status: EndpointStatus
    enabled_events: tuple[str, ...]
    description: str
    metadata: dict[str, str]
    api_version: str | None
    livemode: bool
    created: Instant
