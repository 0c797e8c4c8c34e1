"""What an account keeps about its subscriptions and does not show.

Plain values. May not contain behaviour.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple


class Resumption(NamedTuple):
    """A resumption that waits for its invoice: the invoice's id, the new anchor (None: unchanged), since when it waits.

    `on_success`: only a payment resumes it; otherwise the first try does, whatever comes of it.
    """

    invoice: str
    anchor: int | None
    since: int
    on_success: bool


@dataclass(slots=True)
class SubscriptionState:
    """`resumptions`: subscription → what it waits for while it is paused.

    `prices`: price → its newest copy, which all items that show it share.
    """

    resumptions: dict[str, Resumption] = field(default_factory=dict)
    prices: dict[str, dict[str, Any]] = field(default_factory=dict)
