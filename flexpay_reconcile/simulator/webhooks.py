"""Webhook deliveries: which endpoint wants an event, the signature, and when a failed delivery is tried again.

May not send anything: the world asks its `deliver` callable, the HTTP door has a courier.
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
from dataclasses import dataclass

# The documentation says: live for up to three days with exponential back-off, sandboxes three times over a few hours.
_LIVE_DELAYS = (300, 1800, 7200, 18000, 36000)
_LIVE_LAST_DELAY = 43200
_LIVE_LIMIT = 3 * 86400
_TEST_DELAYS = (600, 3600, 10800)


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint. `tries` counts the failed tries so far."""

    at: int
    account: tuple[str, bool]
    endpoint: str
    event: str
    first_at: int
    tries: int = 0


def wants(enabled_events: list[str], type_: str) -> bool:
    """Whether an endpoint subscribed to this type of event."""
    return "*" in enabled_events or type_ in enabled_events


def signature(secret: str, body: bytes, now: int) -> str:
    """The `Stripe-Signature` header: HMAC-SHA256 of `t.body` under the endpoint's secret."""
    mac = hmac.new(secret.encode(), str(now).encode() + b"." + body, hashlib.sha256).hexdigest()
    return f"t={now},v1={mac}"


def next_try(delivery: Delivery, now: int) -> Delivery | None:
    """The delivery after a failed try, None when Stripe gives up."""
    delays = _LIVE_DELAYS if delivery.account[1] else _TEST_DELAYS
    if delivery.tries < len(delays):
        delay = delays[delivery.tries]
    elif delivery.account[1]:
        delay = _LIVE_LAST_DELAY
    else:
        return None
    if delivery.account[1] and now + delay > delivery.first_at + _LIVE_LIMIT:
        return None
    return Delivery(
        at=now + delay,
        account=delivery.account,
        endpoint=delivery.endpoint,
        event=delivery.event,
        first_at=delivery.first_at,
        tries=delivery.tries + 1,
    )


class Outbox:
    """Deliveries waiting for their instant."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, Delivery]] = []
        self._count = 0

    def add(self, delivery: Delivery) -> None:
        """Put a delivery in."""
        self._count += 1
        heapq.heappush(self._heap, (delivery.at, self._count, delivery))

    def next_at(self) -> int | None:
        """The instant of the earliest delivery."""
        return self._heap[0][0] if self._heap else None

    def take(self, until: int) -> Delivery | None:
        """The earliest delivery due at or before `until`, removed."""
        if self._heap and self._heap[0][0] <= until:
            return heapq.heappop(self._heap)[2]
        return None

    def __len__(self) -> int:
        return len(self._heap)
