"""The door over HTTP as an ASGI application: Stripe's API under `/v1/`, control under `/_simulator/`, a page at `/`.

Bare ASGI, because a framework would cost as much as the simulator's own answer. Refuses what does not name this
machine, what another web site's page sends to the control interface, and bodies that are too large or too slow. May not
decide anything of Stripe's: it reads requests, hands them on, and writes answers.
"""

from __future__ import annotations

import asyncio
import contextlib
import traceback
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.door import courier, wire
from flexpay_reconcile.simulator.door.door_control import ControlDoor
from flexpay_reconcile.simulator.door.follow import Conductor
from flexpay_reconcile.simulator.door.wire import Asked, Reply, refusal
from flexpay_reconcile.simulator.protocol.faults import NoAnswer
from flexpay_reconcile.simulator.world import MAX_BODY

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_SECONDS = 30.0
"""How long a client may take to send a body."""
_SWALLOW = 16 * 1024 * 1024
_SWALLOW_SECONDS = 2.0
"""So much of a body that is too large is read and thrown away, so that the client gets to read its refusal."""
_BODILESS = frozenset({"GET", "HEAD", "DELETE", "OPTIONS"})


class TooLargeError(Exception):
    """The body is larger than Stripe accepts."""


class Door:
    """The ASGI application of a world; its courier runs while the application does."""

    def __init__(self, conductor: Conductor) -> None:
        self.conductor = conductor
        self.control = ControlDoor(conductor)

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """One connection's request, or the application's own beginning and end."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        reply = await self._reply(scope, receive)
        if reply.partial is None:
            await send({"type": "http.response.start", "status": reply.status, "headers": reply.headers})
            await send({"type": "http.response.body", "body": reply.body})
            return
        # No answer, or half of one: headers promise a body that never comes whole, so the connection breaks.
        promised = (b"content-length", str(2 * len(reply.partial) + 1000).encode())
        await send({"type": "http.response.start", "status": 200, "headers": [promised, wire.JSON]})
        if reply.partial:
            await send({"type": "http.response.body", "body": reply.partial, "more_body": True})

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()
        thread = self.conductor.start()
        await send({"type": "lifespan.startup.complete"})
        await receive()
        self.conductor.stop()
        await asyncio.to_thread(thread.join, 5.0)
        self.control.close()
        await send({"type": "lifespan.shutdown.complete"})

    async def _reply(self, scope: Message, receive: Receive) -> Reply:
        """The answer to a request, in Stripe's shape whatever it does."""
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        method = "GET" if scope["method"] == "HEAD" else str(scope["method"])
        path, query = scope["raw_path"].decode("latin-1"), scope["query_string"].decode("latin-1")
        try:
            if wire.hostname(headers) not in courier.LOOPBACK:
                return refusal(403, "The simulator answers only under a loopback name.")
            body = await _body(scope, headers, receive)
            asked = Asked(method=method, path=path, query=query, headers=headers, body=body)
            if path == "/" or path.startswith("/_simulator/"):
                return await self.control.answer(asked)
            return await self._stripe(asked)
        except NoAnswer as silence:
            return Reply(status=200, body=b"", headers=[], partial=silence.partial)
        except TooLargeError:
            return refusal(413, "Request body is too large.", close=True)
        except TimeoutError:
            return refusal(408, "The request took too long to arrive.", close=True)
        except ControlError as error:
            return refusal(400, str(error), param=error.field)
        except wire.DisconnectedError:
            return refusal(400, "The client went away.", close=True)
        except Exception:  # noqa: BLE001 (a mistake of the simulator: told to whoever runs it, not to the caller)
            traceback.print_exc()
            return refusal(500, "An unknown error occurred", type_="api_error")

    async def _stripe(self, asked: Asked) -> Reply:
        """Everything that is Stripe's: at once when the world is free, else in a thread that may wait for it."""
        target = f"{asked.path}?{asked.query}" if asked.query else asked.path
        keeper = self.conductor
        answer = keeper.handle_now(asked.method, target, asked.headers, asked.body)
        if answer is None:
            answer = await self.control.in_thread(keeper.handle, asked.method, target, asked.headers, asked.body)
        elif answer.held is not None:
            await self.control.in_thread(keeper.hold_back, answer.held)
        lines = [
            (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
            for name, value in answer.headers.items()
        ]
        lines.append((b"content-length", str(len(answer.body)).encode()))
        return Reply(status=answer.status, body=answer.body, headers=lines)


async def _body(scope: Message, headers: dict[str, str], receive: Receive) -> bytes:
    """The whole body, of bearable size, sent in bearable time."""
    length = headers.get("content-length")
    if scope["method"] in _BODILESS and length is None and "transfer-encoding" not in headers:
        return b""
    async with asyncio.timeout(BODY_SECONDS):
        if length is not None and int(length) > MAX_BODY:
            await _swallow(receive, headers)
            raise TooLargeError
        chunks: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise wire.DisconnectedError
            chunk = message.get("body", b"")
            size += len(chunk)
            if size > MAX_BODY:
                await _swallow(receive, headers)
                raise TooLargeError
            chunks.append(chunk)
            if not message.get("more_body"):
                return b"".join(chunks)


async def _swallow(receive: Receive, headers: dict[str, str]) -> None:
    """Throw away what is still coming, up to a bound; a client that asks first is told before it sends."""
    if "100-continue" in headers.get("expect", "").lower():
        return
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_SWALLOW_SECONDS):
            while size < _SWALLOW:
                message = await receive()
                size += len(message.get("body", b""))
                if message["type"] == "http.disconnect" or not message.get("more_body"):
                    return
