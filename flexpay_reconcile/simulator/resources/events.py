"""Events: every change of state as a snapshot, kept 30 days, and queued for the endpoints that want it.

`change` and `emit` are the only ways in which resources report what happened. May not decide what happens.
"""

from __future__ import annotations

import fnmatch
import json
from typing import Any

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.params import Shape
from flexpay_reconcile.simulator.people import NOTICED
from flexpay_reconcile.simulator.refusals import invalid, missing
from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import API_VERSION, Account, Call, Obj, Simulation
from flexpay_reconcile.simulator.webhooks import Delivery, wants

KEEP_SECONDS = 30 * 86400


def emit(sim: Simulation, account: Account, type_: str, obj: Obj, previous: Obj | None = None) -> None:
    """Record that something happened to `obj`. `previous` holds the former values of what an update changed."""
    if sim.quiet:
        return
    if sim.people is not None and type_ in NOTICED:
        intent = obj["id"] if type_ == "payment_intent.requires_action" else obj["payment_intent"]
        sim.people.notice(
            sim.agenda, account.key, sim.now, type_, obj, account.invoice_of.get(intent), mailed=account.settings.emails
        )
    data: Obj = {"object": dict(obj)}
    if previous is not None:
        data["previous_attributes"] = previous
    id_ = sim.new_id(account, "evt")
    endpoints = [
        endpoint["id"]
        for endpoint in account.table("webhook_endpoint").rows.values()
        if endpoint["status"] == "enabled" and wants(endpoint["enabled_events"], type_)
    ]
    account.table("event").add(
        {
            "id": id_,
            "object": "event",
            "api_version": API_VERSION,
            "created": sim.now,
            "data": data,
            "livemode": account.livemode,
            "pending_webhooks": len(endpoints),
            "request": {"id": sim.cause.request_id, "idempotency_key": sim.cause.idempotency_key},
            "type": type_,
        }
    )
    sim.events += 1
    account.recent_events.append(id_)
    for endpoint_id in endpoints:
        sim.outbox.add(Delivery(at=sim.now, account=account.key, endpoint=endpoint_id, event=id_, first_at=sim.now))
    _forget_old(sim, account)


def _forget_old(sim: Simulation, account: Account) -> None:
    rows = account.table("event").rows
    while account.recent_events and rows[account.recent_events[0]]["created"] + KEEP_SECONDS < sim.now:
        account.table("event").remove(account.recent_events.popleft())


def change(sim: Simulation, account: Account, obj: Obj, type_: str | None, **values: Any) -> bool:
    """Update an object; when something changed, emit the event with its previous attributes. Says whether it did."""
    previous: Obj = {}
    for name, value in values.items():
        old = obj.get(name)
        if old == value:
            continue
        if name == "metadata" and isinstance(old, dict) and isinstance(value, dict):
            previous[name] = {key: old.get(key) for key in {*old, *value} if old.get(key) != value.get(key)}
        elif isinstance(old, dict) and isinstance(value, dict) and "object" not in old:
            previous[name] = {key: old[key] for key in old if old[key] != value.get(key)}
        else:
            previous[name] = old
    if not previous:
        return False
    obj.update(values)
    if "status" in previous:
        sim.ledger.state(sim.now, account.id, obj["id"], obj["status"])
    if type_ is not None:
        emit(sim, account, type_, obj, previous)
    return True


def body_of(event: Obj) -> bytes:
    """The bytes of a delivery."""
    return json.dumps(event, separators=(",", ":")).encode()


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/events/{id}"""
    event = call.account.find("event", id_)
    if event is None:
        raise missing("event", id_)
    return event


def listing(call: Call) -> Obj:
    """GET /v1/events: filters created, type (wildcards), types, delivery_success."""
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
