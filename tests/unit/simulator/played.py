"""The packaged scenarios, played once, and what tests ask of them."""

from __future__ import annotations

from functools import cache
from typing import Any

import yaml

from flexpay_reconcile.simulator.issuers import worlds
from flexpay_reconcile.simulator.scenario import playthrough
from flexpay_reconcile.simulator.scenario.playthrough import Played
from flexpay_reconcile.simulator.scenario.scenario import build_world
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import Mailbox

NAMES = sorted(worlds.scenario_texts())


def document_of(name: str) -> dict[str, Any]:
    """The scenario's document."""
    found: dict[str, Any] = yaml.safe_load(worlds.scenario_texts()[name])
    return found


def fresh(name: str) -> tuple[World, Played, Mailbox]:
    """The scenario played in process, with every delivery accepted."""
    world = build_world(document_of(name))
    mailbox = Mailbox(world)
    return world, playthrough.run(world), mailbox


@cache
def played(name: str) -> tuple[World, Played, Mailbox]:
    """The same, once for all tests that only look."""
    return fresh(name)


def charges_of(name: str) -> list[dict[str, Any]]:
    """The charges since the start."""
    return [row for row in played(name)[0].ledger.charges if row["source"] != "history"]


def row_of(name: str, kind: str, customer: str, nth: int = -1) -> dict[str, Any]:
    """The newest (or nth) object of a customer."""
    for account in played(name)[0].sim.accounts.values():
        if customer in account.names:
            table = account.table(kind)
            found: dict[str, Any] = table.rows[table.by("customer", account.names[customer])[nth]]
            return found
    raise LookupError(customer)


def statuses(name: str) -> list[int]:
    """The answers to the scripted requests."""
    return [reply.status for reply in played(name)[1].replies]


def types_of(name: str) -> list[str]:
    """The types of all events that are kept, in order."""
    rows = (row for account in played(name)[0].sim.accounts.values() for row in account.table("event").rows.values())
    return [row["type"] for row in sorted(rows, key=lambda row: row["created"])]
