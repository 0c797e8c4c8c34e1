"""Idempotency keys: the saved answer of the first execution, replayed for 24 hours of virtual time.

Saved are the answers of requests that were executed (a decline and a 500 too); refusals before execution are not.
May not execute anything.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import NamedTuple

from flexpay_reconcile.simulator.refusals import Refusal

KEEP_SECONDS = 24 * 3600


class Saved(NamedTuple):
    """One saved answer: what was asked, what was answered."""

    at: int
    params: bytes
    status: int
    body: bytes
    request_id: str


def digest(method: str, path: str, text: str) -> bytes:
    """What must be equal when a key is used again."""
    return hashlib.blake2b(f"{method}\n{path}\n{text}".encode(), digest_size=16).digest()


class IdempotencyKeys:
    """The keys of one account and mode."""

    def __init__(self) -> None:
        self._saved: dict[str, Saved] = {}
        self._order: deque[tuple[int, str]] = deque()

    def find(self, key: str, params: bytes, now: int) -> Saved | None:
        """The saved answer for this key, None when it is new; refuses other parameters under the same key."""
        if not key or len(key) > 255:
            raise Refusal(
                400,
                "Idempotency-Key must be between 1 and 255 characters.",
                type_="idempotency_error",
            )
        while self._order and self._order[0][0] + KEEP_SECONDS <= now:
            self._saved.pop(self._order.popleft()[1], None)
        saved = self._saved.get(key)
        if saved is not None and saved.params != params:
            raise Refusal(
                400,
                "Keys for idempotent requests can only be used with the same parameters they were first used with. "
                f"Try using a key other than '{key}' if you meant to execute a different request.",
                type_="idempotency_error",
            )
        return saved

    def save(self, key: str, saved: Saved) -> None:
        """Remember an executed answer."""
        self._saved[key] = saved
        self._order.append((saved.at, key))
