"""What every tour is given: a world, the SDK's client over it, and a reader that takes each answer apart field by field.

Decides nothing about Stripe: the watch and the SDK's own classes do.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any, TypeVar

import pytest
import stripe

from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.routes import ROUTES
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.simulator.world import World
from tests.conformance import typed
from tests.conformance.shapes import Finding
from tests.unit.simulator.helpers import DAY, START, document

__all__ = ["CONNECTED", "DAY", "START", "Guide", "T"]

T = TypeVar("T")
HOOK = "http://127.0.0.1:9/everything"


CONNECTED = "acct_1Connected"
OTHER = {
    "name": "Connected",
    "country": "US",
    "livemode": False,
    "keys": [],
    "prices": {"silver": {"amount": 900, "currency": "usd", "interval": "month"}},
    "customers": {"cleo": {"card": "pm_card_visa", "price": "silver", "started": "2025-12-05T09:00:00Z"}},
}


class Guide:
    """One world with ada and ben, an endpoint that hears of everything, and a standard key's client."""

    def __init__(self, note: Callable[[list[Finding], str], None], version: str | None = None) -> None:
        """Build the world of the unit tests, with an account connected to its own; `note` takes what the SDK misses.

        `version`: another API version than the SDK's own, for its requests and for what is delivered.
        """
        self._note = note
        self._version = version
        merchant = document()
        merchant["accounts"][CONNECTED] = {**OTHER, "platform": "acct_1AcmeUS"}
        self.world: World = build_world(merchant)
        self.keys = env_of(self.world)
        self.client = stripe.StripeClient(
            self.keys["STANDARD"], http_client=SimulatorTransport(self.world), stripe_version=version
        )
        self.heard: list[dict[str, Any]] = []
        self.world.deliver = self._hear
        self.v1 = self.client.v1

    def listen(self) -> Guide:
        """Have everything delivered here; this guide."""
        wanted: Any = {"url": HOOK, "enabled_events": ["*"]}
        if self._version is not None:
            wanted["api_version"] = self._version
        self.read(self.v1.webhook_endpoints.create(wanted))
        return self

    def _hear(self, url: str, headers: dict[str, str], body: bytes) -> int:
        event = stripe.Event.construct_from(json.loads(body), None)
        self.heard.append(json.loads(body))
        self.read(event)
        return 200

    def read(self, obj: T) -> T:
        """Read an answer's every field through the SDK; the answer."""
        self._note(typed.read(obj), f"the SDK's {type(obj).__name__}")
        return obj

    def refused(self, ask: Callable[[], Any], status: int, code: str | None = None) -> stripe.StripeError:
        """A call that must be refused with a status (and a code); AssertionError when it is not."""
        with pytest.raises(stripe.StripeError) as caught:
            ask()
        error = caught.value
        told = error.error.code if error.error is not None else None
        assert error.http_status == status, (error.http_status, str(error))
        assert code is None or told == code, (told, str(error))
        return error

    @staticmethod
    def knows(path: str, method: str | None = None) -> bool:
        """Whether the simulator has an endpoint (of a method) at a path of its route table."""
        return any("/".join(each.path) == path and method in (None, each.method) for each in ROUTES)

    @staticmethod
    def takes(method: str, path: str, parameter: str) -> bool:
        """Whether the simulator takes a parameter at an endpoint."""
        shapes = (each.shape for each in ROUTES if each.method == method and "/".join(each.path) == path)
        return any({parameter, f"{parameter}!"} & set(shape) for shape in shapes)

    def with_key(self, env: str) -> stripe.StripeClient:
        """A client with another key of the world."""
        return stripe.StripeClient(self.keys.get(env, env), http_client=SimulatorTransport(self.world))

    def raw(self, method: str, path: str, body: str = "", **headers: str) -> tuple[int, dict[str, Any]]:
        """A request as bytes, for what the SDK would not send; (status, document)."""
        lines = {"Authorization": f"Bearer {self.keys['STANDARD']}"}
        lines.update({name.replace("_", "-"): value for name, value in headers.items()})
        answer = self.world.handle(method, path, {name: text for name, text in lines.items() if text}, body.encode())
        return answer.status, json.loads(answer.body)

    def customer(self, name: str) -> str:
        """The id of a customer of the scenario."""
        return next(account.names[name] for account in self.world.sim.accounts.values() if name in account.names)

    def wait(self, days: float) -> None:
        """Let days pass."""
        self.world.advance_to(self.world.now + int(days * DAY))

    def new_customer(self, token: str = "pm_card_visa", **more: Any) -> tuple[str, str]:
        """A customer with a card as default; (customer, payment method)."""
        wanted: Any = {"name": "Guest", "email": "guest@example.com", **more}
        made = self.read(self.v1.customers.create(wanted))
        card = self.read(self.v1.payment_methods.attach(token, {"customer": made.id}))
        self.read(self.v1.customers.update(made.id, {"invoice_settings": {"default_payment_method": card.id}}))
        return made.id, card.id

    def price(self, amount: int = 1500, **more: Any) -> str:
        """A monthly price of a new product."""
        product = self.read(self.v1.products.create({"name": "Tour"}))
        recurring: Any = {"interval": "month"}
        wanted: Any = {"currency": "usd", "unit_amount": amount, "product": product.id, "recurring": recurring, **more}
        return self.read(self.v1.prices.create(wanted)).id
