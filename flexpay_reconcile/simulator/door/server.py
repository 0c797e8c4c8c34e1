"""The server: uvicorn around the door, on loopback only, patient with nobody.

The only module of the simulator that imports uvicorn. A connection that does not bring its request's head in time is
closed, and so is one too many. May not answer anything itself but what is no HTTP at all.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import Callable
from typing import Any

import h11
import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from flexpay_reconcile.simulator.door import courier
from flexpay_reconcile.simulator.door.door import Door
from flexpay_reconcile.simulator.door.follow import Conductor
from flexpay_reconcile.simulator.world import World

HEAD_SECONDS = 10.0
"""How long a client may take to send a request line and headers."""
MOST_CONNECTIONS = 512
_KEEP_ALIVE_SECONDS = 75


class _Joined:
    """A transport that sends head and body of an answer together: half the system calls, and one packet."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send with whatever else is written before the loop goes on."""
        if data:
            if not self._waiting:
                self._loop.call_soon(self._send)
            self._waiting.append(data)

    def close(self) -> None:
        """Send what waits, then close."""
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._transport.write(data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)


class Bounded(H11Protocol):
    """One connection."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._deadline: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request; one connection too many is closed at once."""
        super().connection_made(_Joined(transport, self.loop))  # type: ignore[arg-type]
        if len(self.connections) > MOST_CONNECTIONS:
            transport.close()
        else:
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def data_received(self, data: bytes) -> None:
        """A request whose head is whole has its time; half a head has a deadline."""
        super().data_received(data)
        if self.cycle is not None and not self.cycle.response_complete:
            self._forget_deadline()
        elif self._deadline is None and not self.transport.is_closing():
            self._deadline = self.loop.call_later(HEAD_SECONDS, self.transport.close)

    def on_response_complete(self) -> None:
        """The next request has a deadline of its own."""
        self._forget_deadline()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the deadline."""
        self._forget_deadline()
        super().connection_lost(exc)

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP gets an error in Stripe's shape all the same."""
        body = json.dumps({"error": {"message": msg, "type": "invalid_request_error"}}).encode()
        lines = [
            ("Content-Type", "application/json"),
            ("Content-Length", str(len(body))),
            ("Connection", "close"),
        ]
        with contextlib.suppress(h11.LocalProtocolError):  # half an answer may be out already
            for event in (h11.Response(status_code=400, headers=lines), h11.Data(data=body), h11.EndOfMessage()):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()

    def _forget_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


class Server(uvicorn.Server):
    """A uvicorn server that says when it is ready, with the port it got."""

    def __init__(self, config: uvicorn.Config, conductor: Conductor, on_ready: Callable[[int], None] | None) -> None:
        super().__init__(config)
        self._conductor = conductor
        self._on_ready = on_ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start listening, then call `on_ready`."""
        await super().startup(sockets)
        if self._on_ready is not None and self.started:
            self._on_ready(self.servers[0].sockets[0].getsockname()[1])

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wake long polls first, so that stopping does not wait for them."""
        self._conductor.stop()
        await super().shutdown(sockets)


def make_server(
    world: World,
    host: str,
    port: int,
    on_ready: Callable[[int], None] | None = None,
    *,
    rebuild: Callable[[], World] | None = None,
) -> Server:
    """A server not yet running (`run()` blocks, `should_exit = True` ends it); ValueError off loopback.

    `rebuild` makes the world anew when the control interface asks to begin again.
    """
    if host not in courier.LOOPBACK:
        raise ValueError(f"the simulator serves on loopback only, not on {host}")
    conductor = Conductor(world, send=courier.send, rebuild=rebuild)
    config = uvicorn.Config(
        Door(conductor),
        host=host,
        port=port,
        http=Bounded,
        ws="none",
        log_level="critical",
        access_log=False,
        lifespan="on",
        date_header=False,
        server_header=False,
        timeout_keep_alive=_KEEP_ALIVE_SECONDS,
        timeout_graceful_shutdown=2,
        loop="asyncio",
    )
    return Server(config, conductor, on_ready)


def serve(world: World, host: str, port: int, on_ready: Callable[[int], None] | None = None) -> None:
    """Serve until stopped by a signal; `on_ready` is called with the port once requests are answered."""
    make_server(world, host, port, on_ready).run()
