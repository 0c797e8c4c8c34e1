"""What the tests of subscriptions share: a new customer with a card, prices, and what happened to a subscription."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import client

CARD = "pm_card_visa"
DECLINED = "pm_card_chargeCustomerFail"


def customer(api: Any, card: str | None = CARD) -> str:
    """A customer with this card as default (None: without any)."""
    made: str = api.v1.customers.create({"email": "new@example.com"}).id
    if card is not None:
        put_in(api, made, card)
    return made


def put_in(api: Any, owner: str, card: str = CARD) -> str:
    """A new default card of a customer."""
    method: str = api.v1.payment_methods.attach(card, {"customer": owner}).id
    api.v1.customers.update(owner, {"invoice_settings": {"default_payment_method": method}})
    return method


def price(api: Any, amount: int = 3000, interval: str = "month", **more: Any) -> str:
    """A recurring price of a product of its own."""
    wanted = {"currency": "usd", "unit_amount": amount, "recurring": {"interval": interval}, **more}
    made: str = api.v1.prices.create({**wanted, "product_data": {"name": "Plan"}}).id
    return made


def subscribe(api: Any, *prices: str, owner: str | None = None, **more: Any) -> Any:
    """A subscription to these prices (one of 3000 a month unless named)."""
    items = [{"price": each} for each in prices or (price(api),)]
    return api.v1.subscriptions.create({"customer": owner or customer(api), "items": items, **more})


def again(api: Any, subscription: Any) -> Any:
    """The subscription as it is now."""
    return api.v1.subscriptions.retrieve(subscription.id)


def pending(api: Any, subscription: Any) -> list[int]:
    """The amounts that wait for the subscription's next invoice, oldest first."""
    rows = api.v1.invoice_items.list({"customer": subscription.customer, "pending": True, "limit": 100}).data
    return [row.amount for row in reversed(rows)]


def types(world: World, subscription: Any) -> list[str]:
    """The types of the events of a subscription and of its invoices, oldest first, without what is created with it."""
    found = client(world).v1.events.list({"limit": 100}).data[::-1]
    return [row.type for row in found if _is_about(row, subscription)]


def _is_about(event: Any, subscription: Any) -> bool:
    row = event.data.object
    if row.object == "invoice":
        parent = row.parent
        return parent is not None and parent.subscription_details.subscription == subscription.id
    return bool(row.id == subscription.id)
