"""Key pairs as resources: where the two keys are and whose account they must belong to. Never a key's value."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.reconcile.attributes import reference_text
from flexpay_reconcile.reconcile.resource import Kind, Resource


def attributes_of(configuration: Configuration, integration: Integration) -> dict[str, Any]:
    """Type, environment, the two references as text, and the account of the company."""
    keys = integration.api_keys
    return {
        "type": keys.type.value,
        "environment": integration.environment.value,
        "primary": reference_text(keys.primary),
        "fallback": reference_text(keys.fallback),
        "stripe_account": str(configuration.company_of(integration).stripe_account),
    }


def desired(configuration: Configuration) -> Iterator[Resource]:
    """One for each integration."""
    for name, integration in configuration.integrations.items():
        yield Resource(
            kind=Kind.KEY_PAIR,
            name=name,
            attributes=attributes_of(configuration, integration),
            path=f"integrations.{name}.api_keys",
        )
