"""Worlds whose account has billing settings, and what the tests of Stripe's own retries ask of them."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, HOUR, START, client, small_world

RENEWAL = START + 29 * DAY + 9 * HOUR  # ada's, 30 January 2026, 09:00 UTC
FIRST = RENEWAL + HOUR
ACCOUNT = "acct_1AcmeUS"


def world_of(code: str = "insufficient_funds", **billing: Any) -> tuple[Any, Any, str]:
    """A world with these settings in which ada's renewal failed just now: (world, client, invoice id)."""
    world = small_world(billing=billing)
    control.decline(world, "ada", code)
    world.advance_to(FIRST)
    return world, client(world), next(row["id"] for row in control.open_invoices(world))


def tries_of(world: Any, invoice: str) -> list[int]:
    """The instants of Stripe's charges for an invoice."""
    return [row["created"] for row in world.ledger.charges if row["invoice"] == invoice]


def subscription_of(api: Any, invoice: str) -> Any:
    """The subscription an invoice bills."""
    paid = api.v1.invoices.retrieve(invoice)
    return api.v1.subscriptions.retrieve(paid.parent.subscription_details.subscription)


def events_of(api: Any, *types: str) -> list[Any]:
    """The newest hundred events of these types, oldest first."""
    return api.v1.events.list({"types": list(types), "limit": 100}).data[::-1]
