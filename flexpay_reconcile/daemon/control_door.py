"""The HTTP door for the control plane: token, size, question, answer. Charges nothing and hands no secret out.

Its own port, off by default. `POST /control/v1/<question>` with a bearer token and a JSON object; the answer is
`{"answer": …}` or `{"error": {…}}`. It keeps nothing itself.
"""

from __future__ import annotations

import hashlib
import hmac
import logging
from collections.abc import Callable, Mapping
from typing import Any, Final

import orjson
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, FlexpayError, OperatorError, TryLater
from flexpay_reconcile.ports import control_wire
from flexpay_reconcile.ports.control_wire import Scope
from flexpay_reconcile.values.secret import Secret

LOG = logging.getLogger("flexpay")
MAX_BODY_BYTES: Final = 16 * 1024 * 1024
"""A configuration of ten thousand integrations takes about 12 MiB."""
MIN_TOKEN: Final = 24
Ask = Callable[[Scope, str, Any], Any]
"""Scope, question, plain arguments -> plain answer; raises errors of ours."""


class Tokens:
    """Which scope a token has. Kept as digests, compared in constant time."""

    def __init__(self, tokens: Mapping[Scope, Secret]) -> None:
        """OperatorError where a token is too short to be one, or one token has both scopes."""
        for scope, token in tokens.items():
            if len(token.reveal()) < MIN_TOKEN:
                raise OperatorError(
                    f"the control token of the scope {scope.value} is shorter than {MIN_TOKEN} characters",
                    code="E-door-token",
                    hint="make one with: openssl rand -base64 32",
                    kind=ErrorKind.USAGE,
                )
        self._known = [(_digest(token.reveal()), scope) for scope, token in tokens.items()]
        if len({each for each, _ in self._known}) != len(self._known):
            raise OperatorError(
                "the control tokens of plan and apply are the same",
                code="E-door-token",
                hint="make two: whoever may plan should not be able to apply",
                kind=ErrorKind.USAGE,
            )

    def scope_of(self, header: str) -> Scope | None:
        """The scope of an Authorization header; None where it is nobody's."""
        kind, _, token = header.partition(" ")
        given = _digest(token.strip())
        found = None
        for known, scope in self._known:
            if hmac.compare_digest(given, known):
                found = scope
        return found if kind.lower() == "bearer" else None


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogatepass")).digest()


def build_app(ask: Ask, tokens: Tokens) -> Starlette:
    """The ASGI app with `/control/v1/{question}`."""

    async def question(request: Request) -> Response:
        scope = tokens.scope_of(request.headers.get("authorization", ""))
        if scope is None:
            LOG.warning("the control door was asked with no token of its own")
            return _refuse(401, "no token of this door was given", "E-door-token", ErrorKind.KEY_REFUSED)
        body = await _body_within(request)
        if body is None:
            return _refuse(413, "the question is too long", "E-door-version", ErrorKind.FAILED)
        try:
            data = orjson.loads(body)
        except orjson.JSONDecodeError:
            return _refuse(400, "the question is no JSON", "E-door-version", ErrorKind.FAILED)
        return await run_in_threadpool(_answer, ask, scope, request.path_params["question"], data)

    app = Starlette(routes=[Route(control_wire.PATH + "{question}", question, methods=["POST"])])
    app.router.redirect_slashes = False
    return app


def _answer(ask: Ask, scope: Scope, name: str, data: Any) -> Response:
    try:
        return _json(200, {"answer": ask(scope, name, data)})
    except BrokenInvariant as problem:
        because = {"question": name, "because": problem.message}
        LOG.error("the control door met a bug", extra=because)  # noqa: TRY400 - words are enough
        return _json(500, {"error": control_wire.write_error(problem)})
    except FlexpayError as problem:
        status = 503 if isinstance(problem, TryLater) else 422
        return _json(status, {"error": control_wire.write_error(problem)})


async def _body_within(request: Request) -> bytes | None:
    read = bytearray()
    try:
        async for chunk in request.stream():
            read += chunk
            if len(read) > MAX_BODY_BYTES:
                return None
    except ClientDisconnect:
        return None
    return bytes(read)


def _refuse(status: int, message: str, code: str, kind: ErrorKind) -> Response:
    return _json(status, {"error": control_wire.write_error(OperatorError(message, code=code, kind=kind))})


def _json(status: int, content: dict[str, Any]) -> Response:
    return Response(orjson.dumps(content), status_code=status, media_type="application/json")
