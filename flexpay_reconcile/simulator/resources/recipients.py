"""Who gets an event: the account's own endpoints, and the Connect endpoints of the platform it is connected to.

Facts: docs.stripe.com/connect/webhooks: a Connect endpoint gets the events of connected accounts, an account endpoint
those of its own account; a live Connect endpoint gets the test events of connected accounts, too. May not send.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol.webhooks import AccountId, Delivery, wants
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def of(sim: Simulation, account: Account, type_: str) -> dict[str, AccountId]:
    """The enabled endpoints that want this type of event of the account, and the account that owns each."""
    found: dict[str, AccountId] = {}
    table = account.tables.get("webhook_endpoint")
    if table is not None and table.rows:
        _add(found, account, type_, connect=False)
    if account.platform is not None:
        for livemode in (account.livemode, True) if not account.livemode else (True,):
            platform = sim.accounts.get((account.platform, livemode))
            if platform is not None and platform.hooks.connect:
                _add(found, platform, type_, connect=True)
    return found


def of_platform(sim: Simulation, account: Account, type_: str) -> dict[str, AccountId]:
    """Only the Connect endpoints among them: some events are told to the platform alone."""
    return {id_: owner for id_, owner in of(sim, account, type_).items() if owner[0] != account.id}


def _add(found: dict[str, AccountId], owner: Account, type_: str, *, connect: bool) -> None:
    for id_, endpoint in owner.tables["webhook_endpoint"].rows.items():
        if (id_ in owner.hooks.connect) is not connect:
            continue
        if endpoint["status"] == "enabled" and wants(endpoint["enabled_events"], type_):
            found[id_] = owner.key


def queue(
    sim: Simulation, account: Account, event: Obj, endpoints: dict[str, AccountId], *, later: int | None = None
) -> None:
    """Put an event on its way to the endpoints; one that is a fault itself comes `later` seconds on and meets none."""
    if not endpoints:
        return
    id_ = event["id"]
    account.hooks.waiting[id_] = dict(endpoints)
    at, met = sim.wall + (later or 0), later is not None
    for endpoint, owner in endpoints.items():
        other = owner if owner != account.key else None
        sim.outbox.add(
            Delivery(at=at, account=account.key, endpoint=endpoint, event=id_, first_at=at, owner=other, met=met)
        )
    if event["type"] == "invoice.created":
        account.hooks.held[id_] = set(endpoints)
        account.hooks.held_by[event["data"]["object"]["id"]] = id_


def undelivered(account: Account, id_: str) -> bool:
    """Whether `invoice.created` (given the event's or the invoice's id) still waits for a 2xx that may come.

    False once every endpoint has answered, and once Stripe has given up on those that have not. Stripe waits with the
    finalisation at most 72 hours (docs: workflow-transitions); that limit is the caller's.
    """
    hooks = account.hooks
    return hooks.held_by.get(id_, id_) in hooks.held


def release(account: Account, event: str, endpoint: str) -> None:
    """The endpoint no longer holds back the invoice of this `invoice.created` event."""
    held = account.hooks.held.get(event)
    if held is not None:
        held.discard(endpoint)
        if not held:
            del account.hooks.held[event]


def reached(sim: Simulation, account: Account, event: Obj, endpoint: str) -> None:
    """The endpoint answered the event with 2xx. When all have, an invoice knows when its webhooks were delivered."""
    waiting = account.hooks.waiting.get(event["id"])
    if waiting is None or waiting.pop(endpoint, None) is None:
        return
    event["pending_webhooks"] = len(waiting)
    release(account, event["id"], endpoint)
    if waiting:
        return
    del account.hooks.waiting[event["id"]]
    if event["type"] == "invoice.created":
        invoice = account.find("invoice", event["data"]["object"]["id"])
        if invoice is not None:
            invoice["webhooks_delivered_at"] = sim.now


def forget(account: Account, event: Obj) -> None:
    """The event is older than it is kept."""
    hooks = account.hooks
    hooks.waiting.pop(event["id"], None)
    if event["type"] == "invoice.created":
        hooks.held.pop(event["id"], None)
        hooks.held_by.pop(event["data"]["object"]["id"], None)
