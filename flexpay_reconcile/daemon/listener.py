"""The HTTP door for webhooks: read the raw body within its limit, hand it on, answer. No work inside the request."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from flexpay_reconcile.errors import FlexpayError, TryLater
from flexpay_reconcile.operations.receive_event import MAX_BODY_BYTES, Received

Receive = Callable[[str, bytes, str], Received]
"""Integration id, raw body, signature header -> what the delivery came to. Raises TryLater when it cannot commit."""
Health = Callable[[], dict[str, Any]]

STATUS = {
    Received.STORED: 200,
    Received.DUPLICATE: 200,
    Received.UNKNOWN_ENDPOINT: 404,
    Received.DISABLED: 410,
    Received.BAD_SIGNATURE: 400,
    Received.BAD_BODY: 400,
    Received.WRONG_SCOPE: 400,
    Received.NOT_OURS: 200,
}
"""2xx only for what is durably stored, and for what a Connect endpoint hears of accounts that are not ours."""


def build_app(receive: Receive, health: Health) -> Starlette:
    """The ASGI app with `/webhooks/stripe/{integration}`, `/healthz` and `/readyz`."""

    async def webhook(request: Request) -> Response:
        body = await _body_within(request)
        if body is None:
            return _answer(413, {"error": "body too large"})
        header = request.headers.get("stripe-signature", "")
        try:
            received = await run_in_threadpool(receive, request.path_params["integration"], body, header)
        except TryLater as problem:
            return _answer(503, {"error": problem.code})
        except FlexpayError as problem:
            return _answer(500, {"error": problem.code})
        return _answer(STATUS[received], {"received": received.value})

    async def healthz(_: Request) -> Response:
        return _answer(200, {"alive": True})

    async def readyz(_: Request) -> Response:
        state = await run_in_threadpool(health)
        return _answer(200 if state.get("ready") else 503, state)

    app = Starlette(
        routes=[
            Route("/webhooks/stripe/{integration}", webhook, methods=["POST"]),
            Route("/healthz", healthz),
            Route("/readyz", readyz),
        ]
    )
    # Stripe follows no redirect, and one would name whatever host the request claimed.
    app.router.redirect_slashes = False
    return app


async def _body_within(request: Request) -> bytes | None:
    """The raw body, counted on bytes read; None when it is over the limit."""
    read = bytearray()
    try:
        async for chunk in request.stream():
            read += chunk
            if len(read) > MAX_BODY_BYTES:
                return None
    except ClientDisconnect:
        return None
    return bytes(read)


def _answer(status: int, content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
