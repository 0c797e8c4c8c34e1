"""The simulator in process: requests a second of CPU time on one core, and what the SDK in front of it costs alone."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

import stripe

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.simulator.state import API_VERSION
from flexpay_reconcile.simulator.world import World

ROUNDS, SDK_ROUNDS = 2000, 300
CUSTOMERS = 200
DAY = 86_400
GOAL = 4000
SCENARIO: dict[str, Any] = {
    "version": 1,
    "seed": 7,
    "start": "2026-01-01T00:00:00Z",
    "accounts": {
        "acct_1Bench": {
            "keys": [{"env": "KEY", "type": "restricted", "permissions": "flexpay"}],
            "prices": {"gold": {"amount": 2900, "currency": "usd", "interval": "month"}},
            "customers": {
                f"c{number}": {"card": "pm_card_visa", "price": "gold", "started": "2025-12-10T09:00:00Z"}
                for number in range(CUSTOMERS)
            },
        }
    },
}


Call = Callable[[int], object]


class _Recorder(SimulatorTransport):
    """Keeps the last answer of each kind of call, to play it back without a simulator."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.canned: tuple[str, int, Mapping[str, str]] | None = None
        self.playing = False

    def request(self, *args: Any, **kwargs: Any) -> tuple[str, int, Mapping[str, str]]:
        if not self.playing or self.canned is None:
            self.canned = super().request(*args, **kwargs)
        return self.canned


def _rate(call: Callable[[int], object], rounds: int = ROUNDS) -> float:
    begun = time.process_time()
    for number in range(rounds):
        call(number)
    return rounds / (time.process_time() - begun)


def _failing_world() -> tuple[World, list[str]]:
    """Every renewal fails; the ids of the open invoices."""
    world = build_world(SCENARIO)
    for number in range(CUSTOMERS):
        control.decline(world, f"c{number}", "insufficient_funds")
    world.advance_to(world.now + 20 * DAY)
    return world, [str(row["id"]) for row in control.open_invoices(world)]


def _kinds(world: World, invoices: list[str], key: str, api: Any) -> dict[str, tuple[Call, Call | None]]:
    """Per kind of request how it is asked of the world, and through the SDK."""
    lines = {
        "Authorization": f"Bearer {key}",
        "Stripe-Version": API_VERSION,
        "Content-Type": "application/x-www-form-urlencoded",
    }
    ten, payments = "expand[0]=data.payments", "expand[0]=data.payment.payment_intent.latest_charge"

    def some(number: int) -> str:
        return invoices[number % len(invoices)]

    def pay(number: int) -> None:
        try:
            api.v1.invoices.pay(some(number))
        except stripe.CardError:
            return

    return {
        "retrieve an invoice": (
            lambda n: world.handle("GET", f"/v1/invoices/{some(n)}", lines, b""),
            lambda n: api.v1.invoices.retrieve(some(n)),
        ),
        "list ten open invoices": (
            lambda _: world.handle("GET", "/v1/invoices?status=open&limit=10", lines, b""),
            lambda _: api.v1.invoices.list({"status": "open", "limit": 10}),
        ),
        "list ten, payments expanded": (
            lambda _: world.handle("GET", f"/v1/invoices?status=open&limit=10&{ten}", lines, b""),
            lambda _: api.v1.invoices.list({"status": "open", "limit": 10, "expand": ["data.payments"]}),
        ),
        "list ten subscriptions": (
            lambda _: world.handle("GET", "/v1/subscriptions?status=past_due&limit=10", lines, b""),
            lambda _: api.v1.subscriptions.list({"status": "past_due", "limit": 10}),
        ),
        "list a hundred open invoices (*)": (
            lambda _: world.handle("GET", "/v1/invoices?status=open&limit=100", lines, b""),
            None,
        ),
        "update an invoice": (
            lambda n: world.handle("POST", f"/v1/invoices/{some(n)}", lines, b"metadata[n]=%d" % n),
            lambda n: api.v1.invoices.update(some(n), {"metadata": {"n": str(n)}}),
        ),
        "payments of an invoice, expanded": (
            lambda n: world.handle("GET", f"/v1/invoice_payments?invoice={some(n)}&{payments}", lines, b""),
            lambda n: api.v1.invoice_payments.list(
                {"invoice": some(n), "expand": ["data.payment.payment_intent.latest_charge"]}
            ),
        ),
        "pay, declined": (
            lambda n: world.handle("POST", f"/v1/invoices/{some(n)}/pay", {**lines, "Idempotency-Key": f"k{n}"}, b""),
            pay,
        ),
    }


def main() -> None:
    """Two columns: the world alone (bytes in, bytes out), and through the SDK; then the SDK on canned answers."""
    stripe.enable_telemetry = False
    world, invoices = _failing_world()
    key = env_of(world)["KEY"]
    door = _Recorder(world)
    bare = _kinds(world, invoices, key, stripe.StripeClient(key, http_client=door))
    print(f"Simulator in process: requests a CPU second of one core (goal {GOAL})")
    print(f"  {'':<34} {'world':>8} {'with SDK':>9} {'SDK alone':>10}")
    for name, (direct, through) in bare.items():
        door.playing = False
        rates = [_rate(direct)]
        if through is not None:
            rates.append(_rate(through, SDK_ROUNDS))
            door.playing = True
            rates.append(_rate(through, SDK_ROUNDS))
        print(f"  {name:<34} {rates[0]:8.0f}" + "".join(f" {rate:9.0f}" for rate in rates[1:]))
    print("  (*) answers of 336 kB")
    print()
