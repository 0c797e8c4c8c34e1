"""The status page: one HTML page for people. It loads nothing, runs nothing, and shows no key whole.

Everything that comes from the world is escaped. May not change anything: its form is carried out by the door.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from html import escape
from typing import Any

from flexpay_reconcile.simulator import deliveries
from flexpay_reconcile.simulator.control import control, control_documents
from flexpay_reconcile.simulator.local_time import DAY, iso
from flexpay_reconcile.simulator.state import Account, Obj
from flexpay_reconcile.simulator.world import World

ROWS = 12
_STYLE = (
    "body{font:15px/1.45 system-ui,sans-serif;max-width:64rem;margin:2rem auto;padding:0 1rem;color:#1a1a1a}"
    "table{border-collapse:collapse;margin:.4rem 0 1.4rem}th,td{text-align:left;padding:.2rem .9rem .2rem 0;"
    "border-bottom:1px solid #ddd;vertical-align:top;overflow-wrap:anywhere}form{display:inline}"
    "button{font:inherit;margin-right:.4rem}.bad{color:#a40000}h2{font-size:1.1rem;margin:1.4rem 0 0}"
    "code{font-size:.92em}"
)
POLICY = (
    "default-src 'none'; style-src 'sha256-"
    + base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()
    + "'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
"""The Content-Security-Policy of the page: its own style, its own form, nothing else."""
_STEPS = (("1 hour", 3600), ("1 day", DAY), ("7 days", 7 * DAY), ("30 days", 30 * DAY))


def page(world: World, followers: Iterable[str] = ()) -> str:
    """The page of this moment."""
    title = world.name or "A small Stripe to practise on"
    parts = [
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(title)}</title><style>{_STYLE}</style>",
        f"<h1>{escape(title)}</h1><p>{escape(world.description)}</p>",
        _clock(world, list(followers)),
        _accounts(world),
        _counts(world),
        _findings(world),
        _failing(world),
        _deliveries(world),
        _events(world),
        "<p>Everything here, and more, as JSON: <code>GET /_simulator/verbs</code> lists it.</p></html>",
    ]
    return "".join(parts)


def _table(head: tuple[str, ...], rows: Iterable[Iterable[object]], empty: str) -> str:
    """A table of escaped cells, or a sentence when there is none."""
    lines = ["<tr>" + "".join(f"<td>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows]
    if not lines:
        return f"<p>{escape(empty)}</p>"
    return "<table><tr>" + "".join(f"<th>{escape(name)}</th>" for name in head) + "</tr>" + "".join(lines) + "</table>"


def _clock(world: World, followers: list[str]) -> str:
    due = world.next_event_at()
    buttons = "".join(
        f'<form method=post action="/"><button name=seconds value={seconds}>{escape(words)}</button></form>'
        for words, seconds in _STEPS
    )
    following = ", ".join(followers) or "nobody"
    return (
        f"<h2>Clock</h2><p>Virtual time: <strong>{iso(world.now)}</strong>. Next event: "
        f"{iso(due) if due is not None else 'none planned'}. Followed by {escape(following)}.</p>"
        f"<p>Advance by {buttons}"
        '<form method=post action="/"><button name=until value=next_event>the next event</button></form></p>'
    )


def _accounts(world: World) -> str:
    rows = [
        (
            account["id"],
            account["name"],
            "live" if account["livemode"] else "test",
            ", ".join(f"{key['env'] or key['name']}={key['key']}" for key in account["keys"]),
            ", ".join(f"{endpoint['url']} ({endpoint['status']})" for endpoint in account["webhook_endpoints"])
            or "none",
        )
        for account in control_documents.accounts(world)
    ]
    return "<h2>Accounts</h2>" + _table(("account", "name", "mode", "keys", "webhook endpoints"), rows, "none")


def _counts(world: World) -> str:
    rows = []
    for name, value in control.counts(world).items():
        shown = ", ".join(f"{number} {word}" for word, number in value.items()) if isinstance(value, dict) else value
        if name != "now":
            rows.append((name.replace("_", " "), shown if shown != "" else "none"))
    return "<h2>Counts</h2>" + _table(("what", "how many"), rows, "nothing")


def _findings(world: World) -> str:
    found = world.judge.findings()
    rows = [
        (iso(each.at), each.code, each.words, "for your information" if each.informative else "wrong")
        for each in found[-ROWS:][::-1]
    ]
    wrong = sum(not each.informative for each in found)
    told = f"<p class=bad>{wrong} wrong.</p>" if wrong else ""
    return (
        "<h2>Findings</h2>" + told + _table(("when", "code", "what", "how bad"), rows, "The judge finds nothing wrong.")
    )


def _failing(world: World) -> str:
    def newest() -> Iterable[tuple[Account, Obj]]:
        for account in world.sim.accounts.values():
            for row in reversed(account.table("invoice").rows.values()):
                if row["status"] == "open" and row["attempted"]:
                    yield account, row

    rows: list[tuple[Any, ...]] = []
    for account, row in newest():
        customer = account.find("customer", row["customer"]) or {}
        due = row["next_payment_attempt"]
        rows.append(
            (
                row["id"],
                customer.get("name") or row["customer"],
                f"{row['amount_remaining']} {row['currency']}",
                row["attempt_count"],
                iso(due) if due is not None else "no",
            )
        )
        if len(rows) == ROWS:
            break
    head = ("invoice", "customer", "remaining (minor units)", "Stripe's tries", "Stripe tries again")
    return "<h2>Failing invoices</h2>" + _table(head, rows, "none")


def _deliveries(world: World) -> str:
    waiting = deliveries.waiting(world.sim)
    rows = [
        (iso(row["at"]), row["type"] or row["event"], row["url"] or row["endpoint"], row["failed_tries"])
        for row in waiting[:ROWS]
    ]
    return f"<h2>Pending deliveries ({len(waiting)})</h2>" + _table(
        ("due", "event", "to", "failed tries"), rows, "none"
    )


def _events(world: World) -> str:
    rows = [
        (iso(row["created"]), row["type"], row["data"]["object"].get("id", ""), account.id)
        for account in world.sim.accounts.values()
        for row in (account.find("event", id_) for id_ in list(account.recent_events)[-ROWS:])
        if row is not None
    ]
    rows.sort(reverse=True)
    return "<h2>Last events</h2>" + _table(("when", "type", "object", "account"), rows[:ROWS], "none")
