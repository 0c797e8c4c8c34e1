"""The present of a simulator over HTTP, and following it. Loopback only; used when a simulator is our Stripe.

Speaks to the simulator's control interface (`/_simulator/…`), never to Stripe.
"""

from __future__ import annotations

import http.client
import json
import time
from typing import Any
from urllib.parse import urlsplit

from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.values import url
from flexpay_reconcile.values.instant import Instant

_POLL_SECONDS = 20
_HELD_SECONDS = 5.0
"""How long a time the simulator gave a follower is believed: it waits for its followers, but not for ever."""
_MARGIN_SECONDS = 10
_LAST_SECOND = 253_402_300_799
"""The end of the year 9999, the last one we reckon with."""


class SimulatorClock:
    """A clock port that asks the simulator; a read costs one request on loopback."""

    def __init__(self, base_url: str) -> None:
        """`base_url` such as `http://127.0.0.1:4242`; OperatorError for one that is not on this machine."""
        if not url.is_loopback(base_url):
            raise OperatorError(
                f"{base_url} is not on this machine",
                code="E-stripe-api",
                hint="--stripe-api takes a loopback address only",
            )
        parts = urlsplit(base_url)
        self._host = parts.hostname or "127.0.0.1"
        self._port = parts.port or 80
        self._held: tuple[Instant, float] | None = None

    def now(self) -> Instant:
        """The virtual present; while we are the follower that is awake, the time does not move."""
        held = self._held
        if held is not None and time.monotonic() - held[1] < _HELD_SECONDS:
            return held[0]
        return self._present(self._ask("GET", "/_simulator/clock", None, _MARGIN_SECONDS))

    def join(self, follower: str) -> None:
        """Say that a follower is here and at work: from now on an advance waits for it."""
        body = {"follower": follower, "as_of": self.now().seconds, "wake_at": None, "timeout_seconds": 0}
        self._ask("POST", "/_simulator/follow", body, _MARGIN_SECONDS)

    def follow(self, follower: str, as_of: Instant, wake_at: Instant | None) -> Instant:
        """Say that all is done at `as_of`, and wait (up to 20 real seconds) to be woken; returns the virtual now."""
        wake = None if wake_at is None else -(-wake_at.ms // 1000)
        body = {"follower": follower, "as_of": as_of.seconds, "wake_at": wake, "timeout_seconds": _POLL_SECONDS}
        self._held = None
        answer = self._ask("POST", "/_simulator/follow", body, _POLL_SECONDS + _MARGIN_SECONDS)
        now = self._present(answer)
        self._held = (now, time.monotonic())
        return now

    def _ask(self, method: str, path: str, body: dict[str, Any] | None, timeout: int) -> dict[str, Any]:
        connection = http.client.HTTPConnection(self._host, self._port, timeout=timeout)
        try:
            payload = None if body is None else json.dumps(body)
            connection.request(method, path, payload, {"Content-Type": "application/json"} if payload else {})
            answer = connection.getresponse()
            content = answer.read()
            if answer.status != http.client.OK:
                raise TryLater(f"the simulator answered {answer.status} to {path}", code="E-simulator")
            return self._object(content)
        except (OSError, http.client.HTTPException, ValueError) as problem:
            raise TryLater(
                f"no simulator answers at {self._host}:{self._port}: {problem}",
                code="E-simulator",
                hint="start it with `flexpay simulator serve`",
            ) from problem
        finally:
            connection.close()

    def _object(self, content: bytes) -> dict[str, Any]:
        try:
            found = json.loads(content)
        except (ValueError, RecursionError):
            raise self._stranger() from None
        if not isinstance(found, dict):
            raise self._stranger()
        return found

    def _present(self, answer: dict[str, Any]) -> Instant:
        """The time of an answer; TryLater where it holds none, so that no other program is taken for a clock."""
        now = answer.get("now")
        if not isinstance(now, int) or isinstance(now, bool) or not 0 <= now <= _LAST_SECOND:
            raise self._stranger()
        return Instant.from_seconds(now)

    def _stranger(self) -> TryLater:
        return TryLater(
            f"what answers at {self._host}:{self._port} is no simulator of ours",
            code="E-simulator",
            hint="--stripe-api names the simulator; start one with: flexpay simulator serve",
        )
