"""The door over HTTP: Stripe's API under `/v1/`, the control interface under `/_simulator/`, a status page at `/`.

The only module of the simulator that imports starlette and uvicorn. Serves on loopback only. May not decide anything:
it reads requests, takes the lock, and writes answers.
"""

from __future__ import annotations

import html
import json
import socket
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from flexpay_reconcile.simulator import control, control_api, courier
from flexpay_reconcile.simulator.control import ControlError
from flexpay_reconcile.simulator.faults import NoAnswer
from flexpay_reconcile.simulator.follow import MAX_TIMEOUT, Busy, Conductor
from flexpay_reconcile.simulator.local_time import DAY, iso
from flexpay_reconcile.simulator.world import MAX_BODY, World

_METHODS = ["GET", "POST", "DELETE", "PUT", "PATCH"]
_MOST_DAYS = 3660


class _Cut(Response):
    """No answer, or half of one: headers promise a body that never comes whole, so the connection breaks."""

    def __init__(self, partial: bytes) -> None:
        super().__init__()
        self.partial = partial

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        promised = str(2 * len(self.partial) + 1000).encode()
        headers = [(b"content-length", promised), (b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        if self.partial:
            await send({"type": "http.response.body", "body": self.partial, "more_body": True})


class _TooLarge(Exception):
    """The body is larger than Stripe accepts."""


async def _body(request: Request) -> bytes:
    chunks: list[bytes] = []
    size = 0
    async for chunk in request.stream():
        size += len(chunk)
        if size > MAX_BODY:
            raise _TooLarge
        chunks.append(chunk)
    return b"".join(chunks)


def _refusal(status: int, message: str) -> Response:
    return JSONResponse(
        {"error": {"message": message, "type": "invalid_request_error"}},
        status_code=status,
        headers={"Connection": "close"} if status == 413 else None,
    )


async def _unrecognized(request: Request, _: Exception) -> Response:
    """A method that nothing here knows."""
    return _refusal(404, f"Unrecognized request URL ({request.method[:20]}: {request.scope['path'][:200]}).")


def _guarded(endpoint: Callable[[Request], Awaitable[Response]]) -> Callable[[Request], Awaitable[Response]]:
    """Answer in Stripe's shape whatever a request does; only local callers."""

    async def run(request: Request) -> Response:
        try:
            if request.url.hostname not in courier.LOOPBACK:
                return _refusal(403, "The simulator answers only under a loopback name.")
            return await endpoint(request)
        except _TooLarge:
            return _refusal(413, "Request body is too large.")
        except ControlError as error:
            return _refusal(400, str(error))
        except ClientDisconnect:
            return Response(status_code=400)
        except Exception:  # noqa: BLE001 (a mistake of the simulator: told to whoever runs it, not to the caller)
            traceback.print_exc()
            return JSONResponse(
                {"error": {"message": "An unknown error occurred", "type": "api_error"}}, status_code=500
            )

    return run


def build_app(world: World, conductor: Conductor | None = None) -> Starlette:
    """The ASGI application of a world; its courier runs while the application does."""
    keeper = conductor or Conductor(world, send=courier.send)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        thread = keeper.start()
        yield
        keeper.stop()
        await run_in_threadpool(thread.join, 5.0)

    door = _Door(keeper)
    routes = [
        Route("/", _guarded(door.status), methods=["GET"]),
        Route("/_simulator/advance", _guarded(door.advance), methods=["POST"]),
        Route("/_simulator/follow", _guarded(door.follow), methods=["POST"]),
        Route("/_simulator/{name}", _guarded(door.control), methods=_METHODS),
        Route("/{path:path}", _guarded(door.stripe), methods=_METHODS),
    ]
    unknown: dict[Any, Any] = {404: _unrecognized, 405: _unrecognized}
    return Starlette(routes=routes, lifespan=lifespan, exception_handlers=unknown)


class _Door:
    """The endpoints."""

    def __init__(self, conductor: Conductor) -> None:
        self.conductor = conductor
        self.world = conductor.world

    async def stripe(self, request: Request) -> Response:
        """Everything that is Stripe's."""
        body = await _body(request)
        path, query = request.scope["raw_path"].decode("latin-1"), request.scope["query_string"].decode("latin-1")
        headers = {name.lower(): value for name, value in request.headers.items()}
        try:
            answer = await run_in_threadpool(
                self.conductor.handle, request.method, f"{path}?{query}" if query else path, headers, body
            )
        except NoAnswer as silence:
            return _Cut(silence.partial)
        return Response(answer.body, status_code=answer.status, headers=answer.headers)

    async def control(self, request: Request) -> Response:
        """GET documents and POST requests of the control interface."""
        name = request.path_params["name"]
        if request.method == "GET":
            found = await run_in_threadpool(self._locked, lambda: control_api.get(self.world, name))
            return JSONResponse(found) if found is not None else _refusal(404, "no such control document")
        if request.method != "POST" or name not in control_api.VERBS:
            return _refusal(404, "no such control request")
        document = await self._document(request)
        return JSONResponse(await run_in_threadpool(self._locked, lambda: control_api.post(self.world, name, document)))

    async def advance(self, request: Request) -> Response:
        """Move the clock: {"seconds"|"days"|"to"}; answers when everything up to then has happened."""
        document = await self._document(request)
        if len(document) != 1 or next(iter(document)) not in ("seconds", "days", "to"):
            raise ControlError("give exactly one of seconds, days, to")
        unit, amount = next(iter(document.items()))
        number = _number(amount, unit)
        now = self.world.now
        target = {"seconds": now + number, "days": now + number * DAY, "to": number}[unit]
        if not now <= target <= now + _MOST_DAYS * DAY:
            raise ControlError(f"the clock can go forward by at most {_MOST_DAYS} days, and never back")
        try:
            done = await run_in_threadpool(self.conductor.advance, target)
        except Busy:
            return _refusal(409, "another advance is under way")
        return JSONResponse(
            {
                "now": done.now,
                "events": done.events,
                "deliveries": done.deliveries,
                "failed_deliveries": done.failed_deliveries,
            }
        )

    async def follow(self, request: Request) -> Response:
        """A follower's long poll."""
        document = await self._document(request)
        unknown = set(document) - {"follower", "as_of", "wake_at", "timeout_seconds"}
        if unknown:
            raise ControlError(f"unknown field {min(unknown)[:60]!r}")
        name = document.get("follower")
        if not isinstance(name, str) or not 0 < len(name) <= 200:
            raise ControlError("follower must be a text of at most 200 characters")
        wake_at = document.get("wake_at")
        as_of = _number(document.get("as_of"), "as_of")
        timeout = document.get("timeout_seconds", MAX_TIMEOUT)
        if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0 <= timeout <= MAX_TIMEOUT:
            raise ControlError(f"timeout_seconds must be between 0 and {MAX_TIMEOUT:.0f}")
        now, reason = await run_in_threadpool(
            lambda: self.conductor.follow(
                name,
                as_of=as_of,
                timeout=float(timeout),
                wake_at=None if wake_at is None else _number(wake_at, "wake_at"),
            )
        )
        return JSONResponse({"now": now, "reason": reason})

    async def status(self, request: Request) -> Response:
        """A small page for people."""
        return HTMLResponse(await run_in_threadpool(self._locked, self._page))

    def _locked(self, work: Callable[[], Any]) -> Any:
        with self.conductor.changed:
            try:
                return work()
            finally:
                self.conductor.changed.notify_all()

    async def _document(self, request: Request) -> dict[str, Any]:
        try:
            document = json.loads(await _body(request) or b"{}")
        except (ValueError, RecursionError) as error:
            raise ControlError("the body is not JSON") from error
        if not isinstance(document, dict):
            raise ControlError("the body must be a JSON object")
        return document

    def _page(self) -> str:
        rows = "".join(
            f"<tr><th>{html.escape(str(name))}</th><td>{html.escape(json.dumps(value))}</td></tr>"
            for name, value in control.counts(self.world).items()
        )
        endpoints = "".join(
            f"<li>{html.escape(account.id)}: {html.escape(row['url'])} ({html.escape(row['status'])})</li>"
            for account in self.world.sim.accounts.values()
            for row in account.table("webhook_endpoint").rows.values()
        )
        return (
            "<!doctype html><html lang=en><meta charset=utf-8><title>Simulator</title><h1>A small Stripe to practise on"
            f"</h1><p>Virtual clock: {iso(self.world.now)}</p><table>{rows}</table><h2>Webhook endpoints</h2>"
            f"<ul>{endpoints or '<li>none</li>'}</ul></html>"
        )


def _number(value: object, name: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 2**53:
        raise ControlError(f"{name} must be a whole number")
    return value


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


def make_server(world: World, host: str, port: int, on_ready: Callable[[int], None] | None = None) -> Server:
    """A server not yet running (`run()` blocks, `should_exit = True` ends it); ValueError off loopback."""
    if host not in courier.LOOPBACK:
        raise ValueError(f"the simulator serves on loopback only, not on {host}")
    conductor = Conductor(world, send=courier.send)
    config = uvicorn.Config(
        build_app(world, conductor),
        host=host,
        port=port,
        log_level="critical",
        access_log=False,
        lifespan="on",
        date_header=False,
        server_header=False,
        timeout_graceful_shutdown=2,
        loop="asyncio",
    )
    return Server(config, conductor, on_ready)


def serve(world: World, host: str, port: int, on_ready: Callable[[int], None] | None = None) -> None:
    """Serve until stopped by a signal; `on_ready` is called with the port once requests are answered."""
    make_server(world, host, port, on_ready).run()
