"""Currencies as resources. Our record only; what an account may charge in is Stripe's business."""

from __future__ import annotations

from collections.abc import Iterator

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.reconcile.resource import Kind, Resource


def desired(configuration: Configuration) -> Iterator[Resource]:
    """One for each currency, in the manifest's order."""
    for position, code in enumerate(configuration.currencies):
        yield Resource(kind=Kind.CURRENCY, name=code, attributes={"code": code}, path=f"currencies.{position}")
