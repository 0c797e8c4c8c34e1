"""What the tests of payments share: a customer with a card, a subscription, and what was said about them."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control_api
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import client, small_world


def rich_world(**changes: Any) -> World:
    """The small world, whose account takes test card numbers as such."""
    return small_world(**{"payments": {"raw_card_data": True}, **changes})


def new_customer(world: World, method: str = "pm_card_visa", **more: Any) -> tuple[str, str]:
    """A customer with this test payment method as default; (customer, payment method)."""
    v1 = client(world).v1
    customer = v1.customers.create({"name": "Guest", "email": "guest@example.com", **more})
    attached = v1.payment_methods.attach(method, {"customer": customer.id})
    v1.customers.update(customer.id, {"invoice_settings": {"default_payment_method": attached.id}})
    return customer.id, attached.id


def price(world: World, amount: int = 2900, currency: str = "usd") -> str:
    """A monthly price."""
    v1 = client(world).v1
    product = v1.products.create({"name": "Plan"})
    recurring = {"interval": "month"}
    made = v1.prices.create(
        {"currency": currency, "unit_amount": amount, "product": product.id, "recurring": recurring}
    )
    return str(made.id)


def charges_of(world: World, customer: str) -> list[Any]:
    """The customer's charges, newest first."""
    return list(client(world).v1.charges.list({"customer": customer}).data)


def events(world: World, *types: str, about: str | None = None) -> list[Any]:
    """The events of these types (all, if none), oldest first; `about` narrows to one object's id."""
    return [
        row
        for account in world.sim.accounts.values()
        for row in account.table("event").rows.values()
        if (not types or row["type"] in types) and about in (None, row["data"]["object"].get("id"))
    ]


def types_since(world: World, count: int) -> list[str]:
    """The types of the events after the first `count`."""
    return [row["type"] for row in events(world)[count:]]


def verb(world: World, name: str, **fields: Any) -> dict[str, Any]:
    """A control verb, as JSON would ask for it."""
    return control_api.post(world, name, fields)


def refused(ask: Any, *arguments: Any) -> Any:
    """The SDK's error of a call that must be refused (typed loosely)."""
    with pytest.raises(stripe.StripeError) as caught:
        ask(*arguments)
    return caught.value
