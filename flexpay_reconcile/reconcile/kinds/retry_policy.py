"""Retry policies as resources. Our record only: Stripe has no such object."""

from __future__ import annotations

from collections.abc import Iterator

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.reconcile.attributes import attributes
from flexpay_reconcile.reconcile.resource import Kind, Resource


def desired(configuration: Configuration) -> Iterator[Resource]:
    """One for each policy."""
    for name, policy in configuration.retry_policies.items():
        yield Resource(
            kind=Kind.RETRY_POLICY,
            name=name,
            attributes=attributes(policy, without=frozenset({"id"})),
            path=f"retry_policies.{name}",
        )
