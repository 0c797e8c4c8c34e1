"""Integrations as resources: everything the daemon runs of one, keys apart. Our record only."""

from __future__ import annotations

from collections.abc import Iterator

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.reconcile.attributes import attributes
from flexpay_reconcile.reconcile.resource import Kind, Resource


def desired(configuration: Configuration) -> Iterator[Resource]:
    """One for each integration. The webhook is in here too, because the daemon reads it from this record."""
    for name, integration in configuration.integrations.items():
        yield Resource(
            kind=Kind.INTEGRATION,
            name=name,
            attributes=attributes(integration, without=frozenset({"id", "api_keys"})),
            path=f"integrations.{name}",
        )
