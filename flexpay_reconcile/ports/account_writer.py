"""Changing an account's webhook endpoints. Cannot touch billing objects and cannot charge.

Only `apply_plan` may import this (import law 9).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from flexpay_reconcile.billing.webhook_endpoint import WebhookEndpoint
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.values.secret import Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointChanges:
    """What to change in place; None leaves a field. `metadata` sets its keys and leaves others."""

    url: str | None = None
    enabled_events: tuple[str, ...] | None = None
    description: str | None = None
    metadata: dict[str, str] | None = None
    disabled: bool | None = None


class EndpointDeletion(StrEnum):
    """What a deletion came to."""

    DELETED = "deleted"
    """Stripe confirmed it."""
    MISSING = "missing"
    """404: it was gone before."""


class AccountWriter(Protocol):
    """One integration's hands on its endpoints.

    Raises TryLater `E-stripe-unknown` when a change was maybe made (send it again with the same idempotency key, or
    read), another TryLater when it surely was not, OperatorError (KEY_REFUSED) on 401 and 403, and OperatorError
    `E-stripe-request` with Stripe's words when Stripe does not accept the change.
    """

    def create_endpoint(
        self,
        *,
        url: str,
        enabled_events: tuple[str, ...],
        description: str,
        metadata: dict[str, str],
        connect: bool,
        api_version: str,
        idempotency_key: str,
    ) -> tuple[WebhookEndpoint, Secret]:
        """The new endpoint and its signing secret, which Stripe never shows again: keep it before anything else."""
        ...

    def update_endpoint(
        self, endpoint: str, changes: EndpointChanges, *, idempotency_key: str
    ) -> WebhookEndpoint | None:
        """The endpoint after the change, or None on 404."""
        ...

    def delete_endpoint(self, endpoint: str) -> EndpointDeletion:
        """`DELETE`; takes no idempotency key, and a second one is MISSING."""
        ...


AccountWriterFor = Callable[[Integration], AccountWriter]
"""Gives the writer of an integration; OperatorError when its keys cannot be resolved."""
