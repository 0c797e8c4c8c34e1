"""One request, from its bytes to its answer: fault script, key, route, permission, idempotency, parameters, expansion.

May not move the clock nor send a delivery.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from flexpay_reconcile.simulator import access, chance, faults, idempotency, params, routes
from flexpay_reconcile.simulator.expand import expand
from flexpay_reconcile.simulator.idempotency import Saved
from flexpay_reconcile.simulator.local_time import http_date
from flexpay_reconcile.simulator.refusals import Refusal
from flexpay_reconcile.simulator.state import API_VERSION, STRIPE, Account, Call, Cause, Simulation

MAX_BODY = 1024 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes


def answer(sim: Simulation, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Answer one request; `path` may carry a query string. Raises `faults.NoAnswer` for a scripted silence."""
    sim.requests += 1
    request_id = "req_" + chance.token(14, sim.seed, "request", sim.requests)
    route_path, _, query = path.partition("?")
    fault = sim.faults.meet(method, route_path)
    if fault in faults.UNEXECUTED:
        raise faults.NoAnswer(fault, executed=False)
    lower = {name.lower(): value for name, value in headers.items()}
    extra: dict[str, str] = {}
    try:
        status, raw, extra = _answer(sim, method, route_path, query, lower, body, request_id, fault)
    except Refusal as refusal:
        status, raw, extra = refusal.status, _error(refusal, request_id), refusal.headers
    finally:
        sim.cause = STRIPE
    if fault == "lost_answer":
        raise faults.NoAnswer(fault, executed=True)
    return Response(
        status=status,
        body=raw,
        headers={
            "Content-Type": "application/json",
            "Request-Id": request_id,
            "Simulator-Clock": str(sim.now),
            "Date": http_date(sim.now),
            "Stripe-Version": API_VERSION,
            **extra,
        },
    )


def _answer(
    sim: Simulation,
    method: str,
    path: str,
    query: str,
    headers: dict[str, str],
    body: bytes,
    request_id: str,
    fault: str | None,
) -> tuple[int, bytes, dict[str, str]]:
    if len(body) > MAX_BODY:
        raise Refusal(413, "Request body is too large.")
    key = access.authenticate(sim.keys, headers, sim.now)
    _check_headers(key, headers)
    matched = routes.match(method, path)
    if matched is None:
        raise Refusal(
            404,
            f"Unrecognized request URL ({method}: {path[:200]}). Please see https://stripe.com/docs "
            "or we can help at https://support.stripe.com/.",
        )
    route, ids = matched
    access.require(key, route.permission)
    account = sim.account(key.account, key.livemode)
    if fault is not None and fault not in ("lost_answer", "500"):
        raise faults.answer(fault)
    text = _text(method, query, headers, body)
    idem = headers.get("idempotency-key") if method == "POST" else None
    saved_under = idempotency.digest(method, path, text) if idem is not None else b""
    if idem is not None:
        saved = account.idempotency.find(idem, saved_under, sim.now)
        if saved is not None:
            return saved.status, saved.body, {"Idempotent-Replayed": "true", "Original-Request": saved.request_id}
    status, raw = 200, b""
    try:
        if fault == "500":
            raise faults.answer(fault)
        given = params.check(params.decode(text), route.shape)
        paths = given.pop("expand", [])
        call = Call(sim, account, key, given)
        sim.cause = Cause(source="request", request_id=request_id, idempotency_key=idem, key_name=key.name)
        result = route.handler(call, *map(unquote, ids))
        if paths:
            result = _expanded(call, result, paths, executed=method != "GET")
        raw = json.dumps(result, separators=(",", ":")).encode()
    except Refusal as refusal:
        _note_other_mode(sim, account, refusal)
        if not refusal.saved:
            raise
        status, raw = refusal.status, _error(refusal, request_id)
    if idem is not None:
        account.idempotency.save(idem, Saved(sim.now, saved_under, status, raw, request_id))
        return status, raw, {"Idempotency-Key": idem, "Original-Request": request_id}
    return status, raw, {}


def _check_headers(key: access.Key, headers: dict[str, str]) -> None:
    version = headers.get("stripe-version")
    if version is not None and version != API_VERSION:
        raise Refusal(400, f"Invalid Stripe API version: {version[:60]}. This simulator speaks {API_VERSION}.")
    other = headers.get("stripe-account") or headers.get("stripe-context")
    if other and other != key.account:
        raise Refusal(
            403,
            f"The provided key '{access.masked(key.secret)}' does not have access to account "
            f"'{other[:60]}' (or that account does not exist). Application access may have been revoked.",
            code="account_invalid",
        )


def _note_other_mode(sim: Simulation, account: Account, refusal: Refusal) -> None:
    """Stripe says so when the object exists in the account's other mode."""
    if refusal.error.get("code") != "resource_missing":
        return
    twin = sim.accounts.get((account.id, not account.livemode))
    id_ = str(refusal.error["message"]).partition("'")[2].partition("'")[0]
    if twin is not None and any(id_ in table.rows for table in twin.tables.values()):
        here, there = ("live", "test") if account.livemode else ("test", "live")
        refusal.error["message"] += (
            f"; a similar object exists in {there} mode, but a {here} mode key was used to make this request."
        )


def _expanded(call: Call, result: dict[str, Any], paths: list[str], *, executed: bool) -> dict[str, Any]:
    """The expanded answer; a refusal that comes after something was executed is saved under the key."""
    try:
        return expand(call, result, paths)
    except Refusal as refusal:
        refusal.saved = executed
        raise


def _text(method: str, query: str, headers: dict[str, str], body: bytes) -> str:
    """The parameters of a request as one form text."""
    if method != "POST":
        return query if not body else query + ("&" if query else "") + _decoded(body)
    if query:
        raise Refusal(400, "Parameters of a POST belong in its body.")
    kind = headers.get("content-type", "application/x-www-form-urlencoded").partition(";")[0].strip().lower()
    if body and kind != "application/x-www-form-urlencoded":
        raise Refusal(
            400,
            f"Invalid request (check that your POST content type is application/x-www-form-urlencoded). "
            f"It is {kind[:60]}.",
        )
    return _decoded(body)


def _decoded(body: bytes) -> str:
    try:
        return body.decode()
    except UnicodeDecodeError as error:
        raise Refusal(400, "Invalid UTF-8 in the request body.") from error


def _error(refusal: Refusal, request_id: str) -> bytes:
    error: dict[str, Any] = {**refusal.error, "request_log_url": f"https://dashboard.stripe.com/logs/{request_id}"}
    return json.dumps({"error": error}, separators=(",", ":")).encode()
