"""What a configuration wants: its resources by address, in level order. Compares nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.reconcile.kinds import company, currency, integration, key_pair, retry_policy, settings
from flexpay_reconcile.reconcile.resource import Resource

_LOCAL: Final[tuple[Callable[[Configuration], Iterable[Resource]], ...]] = (
    company.desired,
    currency.desired,
    settings.desired,
    key_pair.desired,
    retry_policy.desired,
    integration.desired,
)


def local_records(configuration: Configuration) -> dict[str, Resource]:
    """Everything that lives in our state alone, by address. Two configurations that differ differ here."""
    return {each.address: each for make in _LOCAL for each in make(configuration)}
