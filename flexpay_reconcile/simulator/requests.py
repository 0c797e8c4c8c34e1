"""One request, from its bytes to its answer.

In this order, each step with Stripe's refusal: fault script, key (401), version, account (403), route (404), rate
limits (429), permission (403), saved answer of the idempotency key, parameters (400), locks (429), the resource,
expansion.
That permissions come before the object and the limiter before the idempotency key is documented or observed; the rest
of the order is inferred. May not move the clock nor send a delivery.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

from flexpay_reconcile.simulator import chance, routes, versions
from flexpay_reconcile.simulator.expand import expand
from flexpay_reconcile.simulator.local_time import http_date
from flexpay_reconcile.simulator.protocol import access, corruption, faults, idempotency, incoming, params
from flexpay_reconcile.simulator.protocol.encoding import encoded
from flexpay_reconcile.simulator.protocol.faults import Fault
from flexpay_reconcile.simulator.protocol.idempotency import Saved
from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.protocol.route import Route
from flexpay_reconcile.simulator.resources import test_clocks
from flexpay_reconcile.simulator.state import API_VERSION, STRIPE, Account, AccountId, Call, Cause, Simulation

MAX_BODY = incoming.MAX_BODY
Endpoint = tuple[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A request whose answer is to be held back for `seconds`: it keeps its key in flight and a place in the limits."""

    seconds: int
    account: Account
    endpoint: Endpoint
    key: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Response:
    """An HTTP answer."""

    status: int
    headers: dict[str, str]
    body: bytes
    held: Held | None = None


@dataclass(slots=True, kw_only=True)
class _Request:
    """A request on its way; `account`, `endpoint` and `key` are known once it has got so far."""

    sim: Simulation
    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes
    id: str
    fault: Fault | None
    kind: str | None
    account: Account | None = None
    endpoint: Endpoint | None = None
    key: str | None = None
    version: str = API_VERSION


def answer(sim: Simulation, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
    """Answer one request; `path` may carry a query string. Raises `faults.NoAnswer` for a scripted silence."""
    sim.requests += 1
    route_path, _, query = path.partition("?")
    fault = sim.faults.meet(method, route_path, sim.requests)
    kind = fault.kind if fault is not None else None
    if kind in faults.UNEXECUTED:
        raise faults.NoAnswer(kind, executed=False)
    request = _Request(
        sim=sim,
        method=method,
        path=route_path,
        query=query,
        headers={name.lower(): value for name, value in headers.items()},
        body=body,
        id="req_" + chance.token(14, sim.seed, "request", sim.requests),
        fault=fault,
        kind=kind,
    )
    if kind in ("502_html", "503_html"):
        return _page(sim, kind)
    extra: dict[str, str] = {}
    try:
        status, raw, extra = _answer(request)
    except Refusal as refusal:
        status, raw, extra = refusal.status, _error(refusal, request.id), refusal.headers
    finally:
        sim.cause = STRIPE
    response = Response(
        status=status,
        body=raw,
        headers={
            "Content-Type": "application/json",
            "Request-Id": request.id,
            "Simulator-Clock": str(sim.now),
            "Date": http_date(sim.now),
            "Stripe-Version": request.version,
            **extra,
        },
    )
    return response if fault is None else _with_fault(request, fault, response)


def _with_fault(request: _Request, fault: Fault, response: Response) -> Response:
    """What the caller gets of an answer that a fault gets hold of."""
    account = request.account
    if fault.kind == "lost_answer" and fault.seconds and account is not None and request.key is not None:
        account.idempotency.begin(request.key, request.sim.now + fault.seconds)
    if fault.kind in faults.LOST:
        half = response.body[: len(response.body) // 2] if fault.kind == "connection_reset_mid_body" else b""
        raise faults.NoAnswer(fault.kind, executed=True, partial=half)
    if fault.kind == "504_html":
        return _page(request.sim, fault.kind)
    held = None
    if fault.kind == "slow" and account is not None and request.endpoint is not None:
        held = Held(seconds=fault.seconds, account=account, endpoint=request.endpoint, key=request.key)
    lines = response.headers
    if fault.kind == "wrong_version":
        lines = {**lines, "Stripe-Version": corruption.OLD_VERSION}
    return Response(status=response.status, headers=lines, body=corruption.spoil(fault, response.body), held=held)


def hold(sim: Simulation, held: Held) -> None:
    """The answer goes out later: until `let_go` the key is in flight and the limits count the request."""
    if held.key is not None:
        held.account.idempotency.begin(held.key, sim.now + idempotency.KEEP_SECONDS)
    sim.limiter.begin(held.account.key, held.endpoint)


def let_go(sim: Simulation, held: Held) -> None:
    """The answer of a held request goes out."""
    if held.key is not None:
        held.account.idempotency.end(held.key)
    sim.limiter.end(held.account.key, held.endpoint)


def _page(sim: Simulation, kind: str) -> Response:
    """A proxy's page: no word of Stripe's in it, nor in its headers."""
    status, raw = corruption.page(kind)
    return Response(status=status, body=raw, headers={"Content-Type": "text/html", "Date": http_date(sim.now)})


def _answer(request: _Request) -> tuple[int, bytes, dict[str, str]]:
    sim, method, path, fault = request.sim, request.method, request.path, request.fault
    incoming.check_size(request.body)
    key = access.authenticate(sim.keys, request.headers, sim.now)
    request.version = versions.checked(request.headers.get("stripe-version"))
    account = request.account = _account(sim, key, request.headers)
    matched = routes.match(method, path)
    route = None if matched is None else versions.route_of(request.version, matched[0])
    if matched is None or route is None:
        raise Refusal(
            404,
            f"Unrecognized request URL ({method[:20]}: {path[:200]}). Please see https://stripe.com/docs "
            "or we can help at https://support.stripe.com/.",
        )
    ids = matched[1]
    request.endpoint = (method, route.path)
    sim.limiter.admit(account.key, request.endpoint, sim.now)
    access.require(key, route.permission, account.id)
    if fault is not None and fault.kind in faults.ANSWERED_BEFORE:
        raise faults.answer(fault)
    text = incoming.text_of(method, request.query, request.headers, request.body)
    extra = {"Stripe-Account": account.id} if account.id != key.account else {}
    idem = request.headers.get("idempotency-key") if method == "POST" else None
    saved_under = b""
    if idem is not None:
        saved_under = idempotency.digest(text)
        saved = account.idempotency.find(idem, path, saved_under, sim.now)
        if saved is not None:
            extra.update({"Idempotent-Replayed": "true", "Original-Request": saved.request_id, "Idempotency-Key": idem})
            return saved.status, saved.body, extra
        request.key = idem
    try:
        status, raw = 200, _execute(request, account, key, route, ids, text)
    except Refusal as refusal:
        _note_other_mode(sim, account, refusal)
        if not refusal.saved:
            raise
        status, raw = refusal.status, _error(refusal, request.id)
    if fault is not None and fault.kind == "500_executed":
        status, raw = 500, _error(faults.answer(fault), request.id)
    if idem is not None:
        account.idempotency.save(idem, Saved(sim.now, path, saved_under, status, raw, request.id))
        extra.update({"Idempotency-Key": idem, "Original-Request": request.id})
    return status, raw, extra


def _execute(request: _Request, account: Account, key: access.Key, route: Route, ids: list[str], text: str) -> bytes:
    """Check the parameters, ask the resource, expand. A Refusal says by `saved` whether anything was executed."""
    sim = request.sim
    if request.fault is not None and request.kind == "500":
        raise faults.answer(request.fault)
    given = versions.translated(route, params.check(params.decode(text), route.shape))
    paths = given.pop("expand", [])
    named = [unquote(id_) for id_ in ids]
    if request.method != "GET":
        if sim.locks.held:
            sim.locks.check([*named, *given.values()], sim.now)
        if sim.limiter.limits.resources:
            _limit_resources(sim, account, route, named, given)
    call = Call(sim, account, key, given)
    sim.cause = Cause(source="request", request_id=request.id, idempotency_key=request.key, key_name=key.name)
    if account.clocks or "test_clock" in given:
        result = test_clocks.handled(call, route, named)
    else:
        result = route.handler(call, *named)
    if paths:
        result = _expanded(call, result, paths, executed=request.method != "GET")
    return encoded(versions.shown(request.version, result))


def _account(sim: Simulation, key: access.Key, headers: Mapping[str, str]) -> Account:
    """The account a request acts on: the key's own, or a connected one of this platform in this mode."""
    id_ = access.acting_on(key, headers)
    if id_ == key.account:
        return sim.account(id_, key.livemode)
    name: AccountId = (id_, key.livemode)
    found = sim.accounts.get(name)
    if found is None or found.platform != key.account:
        raise access.no_such_account(key, id_)
    return found


def _limit_resources(sim: Simulation, account: Account, route: Route, ids: list[str], given: dict[str, Any]) -> None:
    """The limits of single objects: a subscription's new invoices, a PaymentIntent's updates."""
    if route.path[0] == "payment_intents" and ids:
        sim.limiter.admit_update(account.key, ids[0], sim.now)
    subscription = given.get("subscription") if route.path == ("invoices",) else None
    if route.path == ("subscriptions", "*") and route.method == "POST":
        subscription = ids[0]
    if isinstance(subscription, str):
        rows = account.table("invoice").rows
        made = [rows[id_]["created"] for id_ in account.invoices_of.get(subscription, []) if id_ in rows]
        sim.limiter.admit_invoice(made, sim.now)


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


def _error(refusal: Refusal, request_id: str) -> bytes:
    error: dict[str, Any] = {**refusal.error, "request_log_url": f"https://dashboard.stripe.com/logs/{request_id}"}
    return encoded({"error": error})
