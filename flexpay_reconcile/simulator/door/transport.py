"""The door in process: an HTTP client for the `stripe` SDK that hands requests to a world, without sockets.

The only module of the simulator that imports `stripe`. Faults: the world's own script, and the callables `before` and
`after` (given method and path), which may raise `stripe.APIConnectionError` before execution or after it (answer lost).
May not retry or sleep.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, NoReturn
from urllib.parse import urlsplit

import stripe

from flexpay_reconcile.simulator.protocol.faults import FaultScript, NoAnswer
from flexpay_reconcile.simulator.world import World

Hook = Callable[[str, str], None]


class _Headers(MutableMapping[str, str]):
    """Answer headers, found in any case of letters as the SDK expects."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = {name.lower(): value for name, value in values.items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __setitem__(self, name: str, value: str) -> None:
        self._values[name.lower()] = value

    def __delitem__(self, name: str) -> None:
        del self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)


class SimulatorTransport(stripe.HTTPClient):
    """Use as `stripe.StripeClient(key, http_client=SimulatorTransport(world))`."""

    name = "simulator"

    def __init__(self, world: World, *, before: Hook | None = None, after: Hook | None = None) -> None:
        super().__init__()
        self.world = world
        self.before = before
        self.after = after

    @property
    def faults(self) -> FaultScript:
        """The world's script of faults."""
        return self.world.sim.faults

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> tuple[str, int, Mapping[str, str]]:
        """One request; raises `stripe.APIConnectionError` where the script says that no answer comes."""
        parts = urlsplit(url)
        verb = method.upper()
        if self.before is not None:
            self.before(verb, parts.path)
        target = f"{parts.path}?{parts.query}" if parts.query else parts.path
        body = post_data.encode() if isinstance(post_data, str) else (post_data or b"")
        try:
            answer = self.world.handle(verb, target, headers or {}, body)
        except NoAnswer as silence:
            cause = ConnectionRefusedError(str(silence)) if silence.kind == "refused" else silence
            raise stripe.APIConnectionError(  # type: ignore[no-untyped-call]
                f"Unexpected error communicating with Stripe: {silence}",
                should_retry=True,
            ) from cause
        if self.after is not None:
            self.after(verb, parts.path)
        return answer.body.decode(), answer.status, _Headers(answer.headers)

    def request_stream(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not built: no endpoint here answers a stream."""
        raise NotImplementedError("the simulator answers no streams")

    def close(self) -> None:
        """Nothing to close."""

    async def request_async(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not built: the simulator is driven synchronously."""
        raise NotImplementedError("the simulator's transport is synchronous")

    async def request_stream_async(self, *args: Any, **kwargs: Any) -> NoReturn:
        """Not built: the simulator is driven synchronously."""
        raise NotImplementedError("the simulator's transport is synchronous")

    async def close_async(self) -> None:
        """Nothing to close."""
