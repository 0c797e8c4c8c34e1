"""Webhook deliveries: which endpoint wants an event, the signature, and when a failed delivery is tried again.

Facts: docs.stripe.com/webhooks (2026). May not send anything: the world asks its `deliver` callable, the HTTP door has
a courier.
"""

from __future__ import annotations

import hashlib
import heapq
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from flexpay_reconcile.simulator import chance

AccountId = tuple[str, bool]

# The documentation says: live for up to three days with exponential back-off, sandboxes three times over a few hours.
_LIVE_DELAYS = (300, 1800, 7200, 18000, 36000)
_LIVE_LAST_DELAY = 43200
_LIVE_LIMIT = 3 * 86400
_TEST_DELAYS = (600, 3600, 10800)
ROLL_OVERLAP = 24 * 3600
"""Seconds an old signing secret may live on beside the new one after a roll in the Dashboard."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One event on its way to one endpoint. `tries` counts the failed tries so far.

    `account` owns the event, `owner` the endpoint when that is another account (a platform's Connect endpoint).
    `manual`: sent again by a person, not tried again. `met`: what goes wrong with it is decided already; `fault` is
    what goes wrong with this try.
    """

    at: int
    account: AccountId
    endpoint: str
    event: str
    first_at: int
    tries: int = 0
    owner: AccountId | None = None
    manual: bool = False
    met: bool = False
    fault: str | None = None


@dataclass(slots=True)
class Hooks:
    """What an account keeps about its webhooks and does not show.

    `connect`: its endpoints that get the events of connected accounts. `old_secrets`: endpoint → rolled secrets and the
    instant each dies. `waiting`: event → the endpoints that have not answered it with 2xx, and their owners.
    `held`: `invoice.created` event → the endpoints Stripe still tries before it finalises; `held_by`: invoice → event.
    """

    connect: set[str] = field(default_factory=set)
    old_secrets: dict[str, list[tuple[str, int]]] = field(default_factory=dict)
    waiting: dict[str, dict[str, AccountId]] = field(default_factory=dict)
    held: dict[str, set[str]] = field(default_factory=dict)
    held_by: dict[str, str] = field(default_factory=dict)


def wants(enabled_events: list[str], type_: str) -> bool:
    """Whether an endpoint subscribed to this type of event."""
    return "*" in enabled_events or type_ in enabled_events


def signature(secret: str, body: bytes, now: int) -> str:
    """The `Stripe-Signature` header under one secret: HMAC-SHA256 of `t.body`."""
    return signatures((secret,), body, now)


def signatures(secrets: Sequence[str], body: bytes, now: int, *, test: bool = False) -> str:
    """The header with one `v1` for every active secret; in test mode also a fake `v0`, which proves nothing."""
    signed = str(now).encode() + b"." + body
    parts = [f"t={now}", *(f"v1={_mac(secret, signed)}" for secret in secrets)]
    if test:
        parts.append(f"v0={_mac('v0' + secrets[0], signed)}")
    return ",".join(parts)


def _mac(secret: str, signed: bytes) -> str:
    return hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()


def next_try(delivery: Delivery, now: int) -> Delivery | None:
    """The delivery after a failed try, None when Stripe gives up."""
    if delivery.manual:
        return None
    delays = _LIVE_DELAYS if delivery.account[1] else _TEST_DELAYS
    if delivery.tries < len(delays):
        delay = delays[delivery.tries]
    elif delivery.account[1]:
        delay = _LIVE_LAST_DELAY
    else:
        return None
    if delivery.account[1] and now + delay > delivery.first_at + _LIVE_LIMIT:
        return None
    return replace(delivery, at=now + delay, tries=delivery.tries + 1, fault=None)


class Outbox:
    """Deliveries waiting for their instant. Order is that of writing, unless `disorder` holds the words of a seed."""

    def __init__(self) -> None:
        self._heap: list[tuple[int, float, int, Delivery]] = []
        self._count = 0
        self.disorder: tuple[object, ...] | None = None

    def add(self, delivery: Delivery) -> None:
        """Put a delivery in."""
        self._count += 1
        rank = 0.0 if self.disorder is None else chance.uniform(*self.disorder, self._count)
        heapq.heappush(self._heap, (delivery.at, rank, self._count, delivery))

    def next_at(self) -> int | None:
        """The instant of the earliest delivery."""
        return self._heap[0][0] if self._heap else None

    def take(self, until: int) -> Delivery | None:
        """The earliest delivery due at or before `until`, removed."""
        if self._heap and self._heap[0][0] <= until:
            return heapq.heappop(self._heap)[3]
        return None

    def waiting(self) -> list[Delivery]:
        """All deliveries, the earliest first."""
        return [entry[3] for entry in sorted(self._heap, key=lambda entry: entry[:3])]

    def __len__(self) -> int:
        return len(self._heap)
