"""Deliveries on their way: which one is due, signed for its endpoint, and what its answer means.

May not open a socket: the doors send what is taken here.
"""

from __future__ import annotations

from dataclasses import dataclass

from flexpay_reconcile.simulator.resources.events import body_of
from flexpay_reconcile.simulator.state import Simulation
from flexpay_reconcile.simulator.webhooks import Delivery, next_try, signature


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A delivery ready to be sent: where to, with which headers and body."""

    delivery: Delivery
    url: str
    headers: dict[str, str]
    body: bytes


def take(sim: Simulation) -> Parcel | None:
    """The next delivery due now, signed with the virtual clock; None when there is none."""
    while (delivery := sim.outbox.take(sim.now)) is not None:
        account = sim.accounts[delivery.account]
        endpoint = account.find("webhook_endpoint", delivery.endpoint)
        event = account.find("event", delivery.event)
        if endpoint is None or event is None:
            continue
        if endpoint["status"] != "enabled":  # pending retries of a disabled endpoint are dropped when due
            event["pending_webhooks"] -= 1
            continue
        body = body_of(event)
        return Parcel(
            delivery=delivery,
            url=endpoint["url"],
            body=body,
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "User-Agent": "Stripe/1.0 (simulator)",
                "Stripe-Signature": signature(account.secrets[endpoint["id"]], body, sim.now),
                "Simulator-Clock": str(sim.now),
            },
        )
    return None


def done(sim: Simulation, parcel: Parcel, status: int | None) -> bool:
    """Record the answer to a delivery (None: no answer). Only 2xx is a success; says whether it was one."""
    if status is not None and 200 <= status < 300:
        event = sim.accounts[parcel.delivery.account].find("event", parcel.delivery.event)
        if event is not None:
            event["pending_webhooks"] -= 1
        return True
    again = next_try(parcel.delivery, sim.now)
    if again is not None:
        sim.outbox.add(again)
    return False
