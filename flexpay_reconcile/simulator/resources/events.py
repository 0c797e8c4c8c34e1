"""Events: every change of state as a snapshot, kept 30 days, and queued for the endpoints that want it.

`change` and `emit` are the only ways in which resources report what happened. May not decide what happens.
"""

from __future__ import annotations

import fnmatch
from typing import Any

from flexpay_reconcile.simulator.issuers.people import NOTICED
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.protocol.webhooks import AccountId
from flexpay_reconcile.simulator.resources import recipients
from flexpay_reconcile.simulator.state import API_VERSION, Account, Call, Obj, Simulation

KEEP_SECONDS = 30 * 86400
_COMPACT_AFTER = 4096
_BY_ITSELF: Obj = {"id": None, "idempotency_key": None}
"""The `request` of all events that no request caused; shared, as nested values are never changed in place."""


def emit(sim: Simulation, account: Account, type_: str, obj: Obj, previous: Obj | None = None) -> None:
    """Record that something happened to `obj`. `previous` holds the former values of what an update changed."""
    sim.ledger.seen(sim.now, account.id, type_, obj)
    if sim.quiet:
        return
    if sim.people is not None and type_ in NOTICED:
        intent = obj["id"] if type_ == "payment_intent.requires_action" else obj["payment_intent"]
        sim.people.notice(
            sim.agenda, account.key, sim.now, type_, obj, account.invoice_of.get(intent), mailed=account.settings.emails
        )
    endpoints = recipients.of(sim, account, type_)
    if type_ == "invoice.created" and not endpoints:  # nothing to deliver: set while the invoice is being created
        obj["webhooks_delivered_at"] = sim.now
    data: Obj = {"object": dict(obj)}
    if previous is not None:
        data["previous_attributes"] = previous
    by_itself = sim.cause.request_id is None and sim.cause.idempotency_key is None
    request = {"id": sim.cause.request_id, "idempotency_key": sim.cause.idempotency_key}
    _record(sim, account, type_, data, _BY_ITSELF if by_itself else request, endpoints)


def emit_to_platform(sim: Simulation, account: Account, type_: str, obj: Obj) -> None:
    """Record what only the platform of a connected account is told."""
    endpoints = recipients.of_platform(sim, account, type_)
    _record(sim, account, type_, {"object": dict(obj)}, {"id": None, "idempotency_key": None}, endpoints)


def twin(sim: Simulation, account: Account, event: Obj, endpoints: dict[str, AccountId], *, later: int) -> None:
    """A second event of the same change under another id, which sometimes happens."""
    _record(sim, account, event["type"], event["data"], event["request"], endpoints, later=later)


def _record(
    sim: Simulation,
    account: Account,
    type_: str,
    data: Obj,
    request: Obj,
    endpoints: dict[str, AccountId],
    *,
    later: int | None = None,
) -> None:
    # An event is created when it happens in the world, also where its object lives in a test clock's time [INFER].
    event: Obj = {
        "id": sim.new_id(account, "evt"),
        "object": "event",
        "api_version": API_VERSION,
        "created": sim.wall,
        "data": data,
        "livemode": account.livemode,
        "pending_webhooks": len(endpoints),
        "request": request,
        "type": type_,
    }
    account.table("event").add(event)
    sim.events += 1
    account.recent_events.append(event["id"])
    recipients.queue(sim, account, event, endpoints, later=later)
    _forget_old(sim, account)


def _forget_old(sim: Simulation, account: Account) -> None:
    """Remove what is older than thirty days."""
    table, oldest = account.table("event"), sim.wall - KEEP_SECONDS
    rows, recent = table.rows, account.recent_events
    while recent and rows[recent[0]]["created"] < oldest:
        id_ = recent.popleft()
        recipients.forget(account, rows[id_])
        table.remove(id_)
    if len(table.order) - len(rows) >= max(_COMPACT_AFTER, len(rows)):
        table.forget_places(len(table.order) - len(rows))


def change(sim: Simulation, account: Account, obj: Obj, type_: str | None, **values: Any) -> bool:
    """Update an object; when something changed, emit the event with its previous attributes. Says whether it did."""
    previous = difference(obj, values)
    if not previous:
        return False
    obj.update(values)
    if "status" in previous:
        sim.ledger.state(sim.now, account.id, obj["id"], obj["status"])
    if type_ is not None:
        emit(sim, account, type_, obj, previous)
    return True


def difference(before: Obj, after: Obj) -> Obj:
    """`previous_attributes`: the former values of what `after` names and has changed."""
    previous: Obj = {}
    for name, value in after.items():
        old = before.get(name)
        if old == value:
            continue
        if name == "metadata" and isinstance(old, dict) and isinstance(value, dict):
            previous[name] = {key: old.get(key) for key in {*old, *value} if old.get(key) != value.get(key)}
        elif isinstance(old, dict) and isinstance(value, dict) and "object" not in old:
            previous[name] = {key: old[key] for key in old if old[key] != value.get(key)}
        else:
            previous[name] = old
    return previous


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/events/{id}"""
    _forget_old(call.sim, call.account)
    event = call.account.find("event", id_)
    if event is None:
        raise missing("event", id_)
    return event


def listing(call: Call) -> Obj:
    """GET /v1/events: filters created, type (wildcards), types, delivery_success."""
    _forget_old(call.sim, call.account)
    if "type" in call.params and "types" in call.params:
        raise invalid("You may only specify one of these parameters: type, types.", param="types")
    patterns = call.params.get("types") or ([call.params["type"]] if "type" in call.params else [])
    if len(patterns) > 20:
        raise invalid("You can pass up to 20 types.", param="types")
    success = call.params.get("delivery_success")
    exact = frozenset(pattern for pattern in patterns if "*" not in pattern)
    wild = [pattern for pattern in patterns if "*" in pattern]

    def keep(event: Obj) -> bool:
        if success is not None and (event["pending_webhooks"] == 0) is not success:
            return False
        return not patterns or event["type"] in exact or any(fnmatch.fnmatchcase(event["type"], word) for word in wild)

    return page(call, "event", "/v1/events", keep=keep)


_LIST: Shape = {**PAGING, "created": "range", "type": "string", "types": "strings", "delivery_success": "bool"}
ROUTES: tuple[Route, ...] = (
    route("GET", "events", listing, "rak_event_read", _LIST),
    route("GET", "events/*", retrieve, "rak_event_read"),
)
