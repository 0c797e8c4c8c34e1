"""Injected failures: a script of faults by method, path pattern and nth match. Both doors obey it.

Kinds: `refused` and `timeout_before` (nothing was executed, no answer), `lost_answer` (executed, no answer),
`500` (not executed, saved under the idempotency key), `429` (rate limiter), `429_lock` (lock timeout, no limiter
header), `409` (key in flight). May not execute anything.
"""

from __future__ import annotations

import fnmatch
from dataclasses import dataclass

from flexpay_reconcile.simulator.refusals import Refusal

KINDS = ("refused", "timeout_before", "lost_answer", "500", "429", "429_lock", "409")
UNEXECUTED = ("refused", "timeout_before")


class NoAnswer(Exception):
    """The caller gets no answer. `executed` says whether the request took effect."""

    def __init__(self, kind: str, *, executed: bool) -> None:
        super().__init__(f"simulated fault: {kind}")
        self.kind = kind
        self.executed = executed


@dataclass(slots=True, kw_only=True)
class Fault:
    """From the `nth` matching request on (counted from 1), `times` requests fail."""

    kind: str
    method: str = "*"
    path: str = "*"
    nth: int = 1
    times: int = 1
    seen: int = 0

    def meets(self, method: str, path: str) -> bool:
        """Count a matching request and say whether this one fails."""
        if self.method not in ("*", method) or not fnmatch.fnmatchcase(path, self.path):
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


class FaultScript:
    """The faults of a world, in the order they were added; the first that meets a request wins."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []

    def add(self, kind: str, *, method: str = "*", path: str = "*", nth: int = 1, times: int = 1) -> None:
        """Add a fault; ValueError for an unknown kind or a count below one."""
        if kind not in KINDS:
            raise ValueError(f"unknown fault {kind!r}; one of {', '.join(KINDS)}")
        if nth < 1 or times < 1:
            raise ValueError("nth and times count from 1")
        self._faults.append(Fault(kind=kind, method=method.upper(), path=path, nth=nth, times=times))

    def clear(self) -> None:
        """Forget all faults."""
        self._faults.clear()

    def meet(self, method: str, path: str) -> str | None:
        """The kind of fault this request runs into, or None. `path` is without the query string."""
        hit = None
        for fault in self._faults:
            if fault.meets(method, path) and hit is None:
                hit = fault.kind
        if hit:
            self._faults = [fault for fault in self._faults if fault.seen < fault.nth + fault.times - 1]
        return hit


def answer(kind: str) -> Refusal:
    """The refusal of a fault that answers."""
    if kind == "500":
        return Refusal(500, "An unknown error occurred", type_="api_error", saved=True)
    if kind == "429":
        return Refusal(
            429,
            "Request rate limit exceeded. You can learn more about rate limits here "
            "https://stripe.com/docs/rate-limits.",
            code="rate_limit",
            headers={"Stripe-Rate-Limited-Reason": "endpoint-rate", "Stripe-Should-Retry": "false"},
        )
    if kind == "429_lock":
        return Refusal(
            429,
            "This object cannot be accessed right now because another API request or Stripe process is currently "
            "accessing it. If you see this error intermittently, retry the request.",
            code="lock_timeout",
            headers={"Stripe-Should-Retry": "true"},
        )
    return Refusal(
        409,
        "There is currently another in-progress request using this Idempotent Key (that probably means you "
        "submitted twice, and the other request is still going through).",
        type_="idempotency_error",
        code="idempotency_key_in_use",
        headers={"Stripe-Should-Retry": "true"},
    )
