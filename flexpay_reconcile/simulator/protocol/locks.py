"""Object locks: an object that a Stripe process holds cannot be written until it is let go.

Virtual time: a lock ends by itself at an instant. Writes name the object in their path or as a parameter; reads never
wait (inferred: the message speaks of access, the known reports are all of writes). May not know any resource.
"""

from __future__ import annotations

from collections.abc import Iterable

from flexpay_reconcile.simulator.protocol.refusals import Refusal


def lock_timeout() -> Refusal:
    """Stripe's 429 for a held object: no limiter header, and SDKs may send again at once."""
    return Refusal(
        429,
        "This object cannot be accessed right now because another API request or Stripe process is currently "
        "accessing it. If you see this error intermittently, retry the request. If you see this error frequently and "
        "are making multiple concurrent requests to a single object, make your requests serially or at a lower rate.",
        code="lock_timeout",
        headers={"Stripe-Should-Retry": "true"},
    )


class Locks:
    """The held objects of a world: id to the instant at which it is let go."""

    def __init__(self) -> None:
        self.held: dict[str, int] = {}

    def hold(self, object_id: str, until: int) -> None:
        """Hold an object until an instant; a longer hold stands."""
        self.held[object_id] = max(until, self.held.get(object_id, until))

    def let_go(self, object_id: str) -> None:
        """Let an object go before its time."""
        self.held.pop(object_id, None)

    def check(self, ids: Iterable[object], now: int) -> None:
        """429 when one of the ids is held."""
        for id_ in ids:
            if not isinstance(id_, str):
                continue
            until = self.held.get(id_)
            if until is None:
                continue
            if until > now:
                raise lock_timeout()
            del self.held[id_]
