"""Companies as resources. Our record only: Stripe has no such object, and none is made there."""

from __future__ import annotations

from collections.abc import Iterator

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.reconcile.attributes import attributes
from flexpay_reconcile.reconcile.resource import Kind, Resource


def desired(configuration: Configuration) -> Iterator[Resource]:
    """One for each company."""
    for name, company in configuration.companies.items():
        yield Resource(
            kind=Kind.COMPANY,
            name=name,
            attributes=attributes(company, without=frozenset({"id"})),
            path=f"companies.{name}",
        )
