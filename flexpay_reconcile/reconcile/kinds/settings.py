"""Guards and brakes as resources, so that a change of a limit is never applied unseen. Our record only."""

from __future__ import annotations

from collections.abc import Iterator

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.reconcile.attributes import attributes
from flexpay_reconcile.reconcile.resource import Kind, Resource


def desired(configuration: Configuration) -> Iterator[Resource]:
    """`settings.guards` and `settings.brakes`."""
    for name, value in (("guards", configuration.guards), ("brakes", configuration.brakes)):
        yield Resource(kind=Kind.SETTINGS, name=name, attributes=attributes(value), path=name)
