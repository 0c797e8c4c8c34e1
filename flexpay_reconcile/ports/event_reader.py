"""Understanding webhook bodies: raw event in, Signal out. Touches no network."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from flexpay_reconcile.billing.signal import Signal
from flexpay_reconcile.values.ids import AccountId


@dataclass(frozen=True, slots=True, kw_only=True)
class Envelope:
    """The few fields of an event that its storage needs; `object_id` is that of `data.object`."""

    event_id: str
    type: str
    account: str | None
    livemode: bool
    created: int
    api_version: str | None
    object_id: str | None
    idempotency_key: str | None


class EventReader(Protocol):
    """Parses events. Raises ValueError with a readable reason for a body that is no event of ours."""

    def envelope(self, body: bytes) -> Envelope:
        """The outer fields, fast."""
        ...

    def kept(self, body: bytes) -> bytes:
        """The body with nothing but what `signal` reads: no names, no addresses, no card number in any text (G2)."""
        ...

    def signal(self, body: bytes, account: AccountId) -> Signal:
        """The event understood; `account` is the integration's, for events that name none."""
        ...

    def read(self, event: dict[str, Any], account: AccountId) -> Signal:
        """The same for an event already parsed (from the events list)."""
        ...
