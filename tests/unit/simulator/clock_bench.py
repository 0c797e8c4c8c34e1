"""A bench for tests of test clocks: a world, a clock, a price, and what the documented recipe does. Holds no test."""

from __future__ import annotations

from tests.unit.simulator.helpers import client, small_world

FROZEN = 1_780_000_000
URL = "http://127.0.0.1:8787/webhooks"


class Bench:
    """A world (of ada and ben, as ever) with a test clock and what the recipe needs."""

    def __init__(self, frozen: int = FROZEN) -> None:
        self.world = small_world()
        self.api = client(self.world)
        self.clock = self.api.v1.test_helpers.test_clocks.create({"frozen_time": frozen, "name": "recipe"})
        product = self.api.v1.products.create({"name": "Gold"})
        self.price = self.api.v1.prices.create(
            {"product": product.id, "currency": "usd", "unit_amount": 2900, "recurring": {"interval": "month"}}
        )

    def customer(self, token: str | None = "pm_card_visa"):
        """A customer on the clock, with a default card."""
        made = self.api.v1.customers.create({"name": "Eve", "test_clock": self.clock.id})
        if token is not None:
            self.card(made.id, {"payment_method": token})
        return made

    def card(self, customer: str, given: dict) -> None:
        """Attach a card and make it the default."""
        if "token" in given:
            method = self.api.v1.payment_methods.create({"type": "card", "card": {"token": given["token"]}}).id
        else:
            method = given["payment_method"]
        attached = self.api.v1.payment_methods.attach(method, {"customer": customer})
        self.api.v1.customers.update(customer, {"invoice_settings": {"default_payment_method": attached.id}})

    def subscribe(self, customer: str):
        """A monthly subscription."""
        return self.api.v1.subscriptions.create({"customer": customer, "items": [{"price": self.price.id}]})

    def advance(self, to: int) -> None:
        """Advance the clock and wait until it is ready."""
        answer = self.api.v1.test_helpers.test_clocks.advance(self.clock.id, {"frozen_time": to})
        assert answer.status == "advancing"
        assert answer.status_details.advancing.target_frozen_time == to
        self.world.advance_to(self.world.now + 5)
        done = self.api.v1.test_helpers.test_clocks.retrieve(self.clock.id)
        assert (done.status, done.frozen_time, done.status_details.to_dict()) == ("ready", to, {})

    def newest(self, customer: str):
        """The customer's newest invoice."""
        return self.api.v1.invoices.list({"customer": customer, "limit": 1}).data[0]
