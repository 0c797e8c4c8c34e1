"""Idempotency keys: the saved answer of the first execution, replayed for 24 hours of virtual time.

Saved are the answers of requests that were executed (a decline and a 500 too); refusals before execution are not:
wrong parameters, limits, locks. A key whose first request still runs is answered 409. Keys belong to an account and
mode, whichever API key used them; that a connected account has its own is inferred. May not execute anything.
"""

from __future__ import annotations

import hashlib
from collections import deque
from typing import NamedTuple

from flexpay_reconcile.simulator.protocol.refusals import Refusal, key_in_use

KEEP_SECONDS = 24 * 3600
LONGEST = 255


class Saved(NamedTuple):
    """One saved answer: what was asked where, what was answered."""

    at: int
    path: str
    params: bytes
    status: int
    body: bytes
    request_id: str


def digest(text: str) -> bytes:
    """What of the parameters must be equal when a key is used again: all of them, in any order."""
    if "&" in text:
        text = "&".join(sorted(text.split("&")))
    return hashlib.blake2b(text.encode(), digest_size=16).digest()


class IdempotencyKeys:
    """The keys of one account and mode."""

    def __init__(self) -> None:
        self._saved: dict[str, Saved] = {}
        self._order: deque[tuple[int, str]] = deque()
        self._running: dict[str, int] = {}

    def find(self, key: str, path: str, params: bytes, now: int) -> Saved | None:
        """The saved answer for this key, None when it is new; refuses another endpoint or other parameters under it."""
        if not 1 <= len(key) <= LONGEST:
            raise Refusal(
                400,
                f"Idempotent key length is {len(key)}, which is outside accepted lengths. Idempotent Keys must be "
                f"1-{LONGEST} characters long. If you're looking for a decent generator, try using a UUID defined by "
                "IETF RFC 4122.",
                type_="idempotency_error",
            )
        until = self._running.get(key)
        if until is not None:
            if until > now:
                raise key_in_use(key)
            del self._running[key]
        while self._order and self._order[0][0] + KEEP_SECONDS <= now:
            self._saved.pop(self._order.popleft()[1], None)
        saved = self._saved.get(key)
        if saved is None:
            return None
        if saved.path != path:
            raise _mismatch(f"for the same endpoint they were first used for ('{path}' vs '{saved.path}')", key)
        if saved.params != params:
            raise _mismatch("with the same parameters they were first used with", key)
        return saved

    def save(self, key: str, saved: Saved) -> None:
        """Remember an executed answer."""
        self._saved[key] = saved
        self._order.append((saved.at, key))

    def begin(self, key: str, until: int) -> None:
        """The key's request goes on until an instant (or `end`), although it has been executed already."""
        self._running[key] = until

    def end(self, key: str) -> None:
        """The key's request is answered."""
        self._running.pop(key, None)


def _mismatch(what: str, key: str) -> Refusal:
    return Refusal(
        400,
        f"Keys for idempotent requests can only be used {what}. Try using a key other than '{key}' if you meant to "
        "execute a different request.",
        type_="idempotency_error",
    )
