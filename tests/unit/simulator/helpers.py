"""What the simulator's tests share: a small world, clients for it, and a recorder of deliveries."""

from __future__ import annotations

import json
from typing import Any

import stripe

from flexpay_reconcile.simulator.door.transport import SimulatorTransport
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.simulator.world import World

DAY = 86400
HOUR = 3600
START = 1767225600  # 2026-01-01T00:00:00Z
stripe.enable_telemetry = False


def document(**changes: Any) -> dict[str, Any]:
    """A scenario of one account with ada (renews on 30 January) and ben, one restricted and one standard key."""
    account: dict[str, Any] = {
        "name": "Acme US",
        "country": "US",
        "livemode": False,
        "keys": [
            {"env": "PRIMARY", "name": "Primary", "type": "restricted", "permissions": "flexpay"},
            {"env": "STANDARD", "name": "Standard", "type": "standard"},
        ],
        "prices": {"gold": {"amount": 2900, "currency": "usd", "interval": "month"}},
        "customers": {
            "ada": {"card": "pm_card_visa", "price": "gold", "started": "2025-11-30T09:00:00Z"},
            "ben": {"card": "pm_card_mastercard", "price": "gold", "started": "2025-12-10T09:00:00Z"},
        },
    }
    account.update(changes)
    return {"version": 1, "seed": 7, "start": "2026-01-01T00:00:00Z", "accounts": {"acct_1AcmeUS": account}}


def small_world(**changes: Any) -> World:
    """The world of `document`."""
    return build_world(document(**changes))


def client(world: World, env: str = "STANDARD") -> Any:
    """An SDK client on the in-process door (typed loosely: tests read fields the SDK types as optional)."""
    return stripe.StripeClient(env_of(world)[env], http_client=SimulatorTransport(world))


def error_of(caught: Any) -> Any:
    """The error object of a raised SDK error (typed loosely, like `client`)."""
    return caught.value.error


def send(
    world: World, method: str, path: str, *, key: str | None = None, body: str = "", **headers: str
) -> tuple[int, dict[str, Any], dict[str, str]]:
    """A raw request; (status, document, headers)."""
    secret = env_of(world)["STANDARD"] if key is None else key
    lines = {"Authorization": f"Bearer {secret}"} if secret else {}
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    answer = world.handle(method, path, lines, body.encode())
    return answer.status, json.loads(answer.body), answer.headers


def failed_invoice(world: World, code: str = "insufficient_funds") -> str:
    """Ada's renewal fails with the code; the open invoice's id."""
    from flexpay_reconcile.simulator.control import control

    control.decline(world, "ada", code)
    world.advance_to(START + 30 * DAY)
    return next(row["id"] for row in control.open_invoices(world))


class Mailbox:
    """Takes deliveries, answers with `status`, keeps (url, headers, body)."""

    def __init__(self, world: World, status: int = 200) -> None:
        self.status = status
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        world.deliver = self.take

    def take(self, url: str, headers: dict[str, str], body: bytes) -> int:
        """One delivery."""
        self.got.append((url, headers, body))
        return self.status

    def types(self) -> list[str]:
        """The event types that arrived."""
        return [json.loads(body)["type"] for _, _, body in self.got]
