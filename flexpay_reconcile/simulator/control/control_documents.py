"""What the control interface shows: the documents of `GET /_simulator/<name>`, with their filters and pages.

A page holds `limit` rows and ends with `next`: ask again with `after=<next>` for what follows. May not change anything.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import asdict
from typing import Any

from flexpay_reconcile.simulator import deliveries
from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.control.control_query import LARGEST_PAGE, PAGING, Document, Query, page
from flexpay_reconcile.simulator.control.verb_words import WORDS
from flexpay_reconcile.simulator.control.verbs import Verb
from flexpay_reconcile.simulator.findings import Rules, as_document
from flexpay_reconcile.simulator.judge import judge
from flexpay_reconcile.simulator.ledger import KINDS, when
from flexpay_reconcile.simulator.local_time import iso
from flexpay_reconcile.simulator.protocol import access
from flexpay_reconcile.simulator.state import API_VERSION, Account, Obj
from flexpay_reconcile.simulator.world import World


def _accounts(world: World, query: Query) -> list[Account]:
    wanted = query.text("account")
    return [account for account in world.sim.accounts.values() if wanted in (None, account.id)]


def _customer(world: World, query: Query) -> str | None:
    named = query.text("customer")
    return None if named is None else str(control.customer_of(world, named)[1]["id"])


def _objects(kind: str, name: str) -> Callable[[World, Query], dict[str, Any]]:
    """A document over the objects of one type."""

    def make(world: World, query: Query) -> dict[str, Any]:
        customer, status = _customer(world, query), query.text("status")

        def keep(row: Obj) -> bool:
            return (customer is None or row["customer"] == customer) and status in (None, row["status"])

        rows = (row for account in _accounts(world, query) for row in account.table(kind).rows.values())
        return page(name, rows, query, keep)

    return make


def _customers(world: World, query: Query) -> dict[str, Any]:
    def rows() -> Iterable[Obj]:
        for account in _accounts(world, query):
            names = {id_: name for name, id_ in account.names.items()}
            for row in account.table("customer").rows.values():
                yield {**row, "account": account.id, "scenario_name": names.get(row["id"])}

    return page("customers", rows(), query, lambda _: True)


def _charges(world: World, query: Query) -> dict[str, Any]:
    customer = _customer(world, query)
    wanted = {name: query.text(name) for name in ("account", "invoice", "status", "source") if query.text(name)}
    if customer is not None:
        wanted["customer"] = customer

    def keep(row: dict[str, Any]) -> bool:
        return all(row[name] == value for name, value in wanted.items())

    found = page("charges", world.ledger.charges, query, keep)
    shown = {row["id"] for row in found["charges"]}
    return {**found, "refunds": [row for row in world.ledger.refunds if row["charge"] in shown]}


def _ledger(world: World, query: Query) -> dict[str, Any]:
    kind, source, object_ = query.text("kind"), query.text("source"), query.text("object")
    if kind is not None and kind not in KINDS:
        raise ControlError(f"kind is one of {', '.join(KINDS)}", field="kind")
    a, b = query.instant("from", 0), query.instant("to", 2**53)
    customer, invoice = _customer(world, query), query.text("invoice")
    ledger = world.ledger
    rows: Iterable[dict[str, Any]] = ledger.rows
    if invoice is not None:
        rows = ledger.of(invoice)
    elif customer is not None:
        rows = ledger.charges_of(customer)
    elif object_ is not None and kind == "state":
        rows = ledger.states_of(object_)

    def keep(row: dict[str, Any]) -> bool:
        return (
            kind in (None, row["kind"])
            and source in (None, row.get("source"))
            and object_ in (None, row.get("object", row.get("id")))
            and customer in (None, row.get("customer"))
            and a <= when(row) < b
        )

    return {"digest": ledger.digest(), **page("rows", rows, query, keep)}


def _events(world: World, query: Query) -> dict[str, Any]:
    type_, limit = query.text("type"), query.number("limit", 100, most=LARGEST_PAGE)
    rows = [
        {**row, "account": account.id}
        for account in _accounts(world, query)
        for row in list(account.table("event").rows.values())[-limit if type_ is None else 0 :]
        if type_ in (None, row["type"])
    ]
    rows.sort(key=lambda row: row["created"])
    return {"events": rows[::-1][:limit]}


def _deliveries(world: World, query: Query) -> dict[str, Any]:
    """Waiting ones, those given up, and the last tries."""
    limit = query.number("limit", 100, most=LARGEST_PAGE)
    waiting = deliveries.waiting(world.sim)
    queued = {(row["event"], row["endpoint"]) for row in waiting}
    given_up = [
        {"account": account.id, "event": event, "endpoint": endpoint}
        for account in world.sim.accounts.values()
        for event, endpoints in account.hooks.waiting.items()
        for endpoint in endpoints
        if (event, endpoint) not in queued
    ]
    return {
        "pending": waiting[:limit],
        "given_up": given_up[-limit:],
        "tries": [asdict(each) for each in list(world.tries)[::-1][:limit]],
        "counts": {"pending": len(waiting), "given_up": len(given_up), "delivered": world.delivered},
    }


def _findings(world: World, query: Query) -> dict[str, Any]:
    usual = Rules()
    if {"visa", "mastercard", "at_once"} & set(query.fields):
        ceilings = {brand: query.number(brand, usual.ceilings[brand]) for brand in ("visa", "mastercard")}
        found = judge(world.ledger, Rules(ceilings=ceilings, at_once=query.number("at_once", usual.at_once)))
    else:
        found = world.judge.findings()
    code = query.text("code")
    rows = [as_document(each) for each in found]
    counts: dict[str, int] = {}
    for row in rows:
        counts[row["code"]] = counts.get(row["code"], 0) + 1
    return {
        "wrong": sum(not row["informative"] for row in rows),
        "counts": counts,
        **page("findings", rows, query, lambda row: code in (None, row["code"])),
    }


def _scenario(world: World, _: Query) -> dict[str, Any]:
    sim = world.sim
    return {
        "name": world.name,
        "description": world.description,
        "seed": sim.seed,
        "start": world.start,
        "start_text": iso(world.start),
        "days": world.script.days,
        "requests": [
            {**asdict(each), "params": dict(each.params), "at_text": iso(each.at)} for each in world.script.requests
        ],
        "api_version": API_VERSION,
    }


def accounts(world: World) -> list[dict[str, Any]]:
    """The accounts with how many objects they hold, their keys masked, and their webhook endpoints."""
    sim = world.sim
    return [
        {
            "id": account.id,
            "name": account.name,
            "country": account.country,
            "livemode": account.livemode,
            "platform": account.platform,
            "objects": {kind: len(table.rows) for kind, table in sorted(account.tables.items()) if table.rows},
            "keys": [
                {"env": key.env, "name": key.name, "key": access.masked(key.secret), "revoked": key.revoked}
                for key in sim.keys.values()
                if (key.account, key.livemode) == account.key
            ],
            "webhook_endpoints": [
                {"id": row["id"], "url": row["url"], "status": row["status"], "events": row["enabled_events"]}
                for row in account.table("webhook_endpoint").rows.values()
            ],
        }
        for account in sim.accounts.values()
    ]


def _verbs(_: World, __: Query) -> dict[str, Any]:
    return {
        "verbs": {name: _told(name, verb) for name, verb in sorted(control_api.VERBS.items())},
        "clock": {
            "advance": "move the clock by seconds, hours or days, to an instant, or until next_event",
            "follow": "a daemon's long poll: follower, as_of, wake_at, timeout_seconds",
            "reset": "begin again from the scenario",
        },
        "documents": {
            name: {"words": each.words, "filters": list(each.filters)} for name, each in sorted(DOCUMENTS.items())
        },
    }


def _told(name: str, verb: Verb) -> dict[str, Any]:
    def kind(field: str) -> str:
        return "number" if field in verb.numbers else "any" if field == "value" else "text"

    words = verb.words or WORDS.get(name) or (verb.run.__doc__ or "").strip().partition("\n")[0]
    return {
        "words": words,
        "required": {field: kind(field) for field in verb.required},
        "optional": {field: kind(field) for field in verb.optional},
    }


_OF_OBJECTS = ("account", "customer", "status", *PAGING)
DOCUMENTS: dict[str, Document] = {
    "clock": Document(make=lambda *_: {}, words="The virtual clock."),
    "state": Document(make=lambda world, _: control.counts(world), words="How many of everything there are."),
    "scenario": Document(make=_scenario, words="What this world was made from."),
    "accounts": Document(
        make=lambda world, _: {"accounts": accounts(world)}, words="Accounts, masked keys, webhook endpoints."
    ),
    "customers": Document(make=_customers, words="Customers by their names.", filters=("account", *PAGING)),
    "subscriptions": Document(
        make=_objects("subscription", "subscriptions"), words="Subscriptions.", filters=_OF_OBJECTS
    ),
    "invoices": Document(make=_objects("invoice", "invoices"), words="Invoices.", filters=_OF_OBJECTS),
    "charges": Document(
        make=_charges,
        words="Every attempt to collect, and the refunds of those shown.",
        filters=("account", "customer", "invoice", "status", "source", *PAGING),
    ),
    "ledger": Document(
        make=_ledger,
        words="Every charge, refund, dispute and change of state, with its cause.",
        filters=("kind", "source", "object", "invoice", "customer", "from", "to", *PAGING),
    ),
    "events": Document(make=_events, words="The newest events first.", filters=("account", "type", "limit")),
    "deliveries": Document(make=_deliveries, words="Webhook deliveries: pending, given up, tried.", filters=("limit",)),
    "findings": Document(
        make=_findings,
        words="What the judge finds in the ledger.",
        filters=("code", "visa", "mastercard", "at_once", *PAGING),
    ),
    "verbs": Document(make=_verbs, words="This list."),
}
"""Every document by name."""
