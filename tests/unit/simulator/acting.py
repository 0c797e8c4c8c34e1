"""Worlds whose people act, for tests: a book with changed habits, and what tests ask of it."""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.simulator.issuers import people, worlds
from flexpay_reconcile.simulator.issuers.people import Habits, Persona
from flexpay_reconcile.simulator.scenario.scenario import build_world
from tests.unit.simulator.helpers import document


def habits_of(name: str) -> Habits:
    """The habits of a world's people."""
    habits = worlds.find(name).people
    assert habits is not None
    return habits


HABITS = habits_of("us-acting@1")
NOBODY = {"disputes": 0.0, "asks_refund": 0.0}
SURELY = {"notices": 1.0, "reads_mail": 1.0, "delay_days": 0.5}


def persona(number: int = 1, **habits) -> Persona:
    """A customer of us-acting with some habits changed."""
    return Persona(seed=5, name=f"acct/m-{number}", habits=replace(HABITS, **habits))


def acting(monkeypatch, *, count: int = 400, world: str = "us-acting", **habits):
    """A world of one book whose people have these habits."""
    market = worlds.find(world)
    changed = replace(market, people=replace(habits_of(world), **habits))
    monkeypatch.setattr(worlds, "find", lambda _: changed)
    return book(world, count)


def book(world: str, count: int, seed: int = 7):
    """A world of one book."""
    entry = {"name": "m", "count": count, "price": "gold", "world": world, "time_zones": ["America/New_York"]}
    made = document(customers={}, books=[entry])
    made["seed"] = seed
    return build_world(made)


def account_of(world):
    """The account of a world."""
    return world.sim.account("acct_1AcmeUS", False)


def events_of(world, type_: str) -> list[dict]:
    """The account's events of one type that are still kept."""
    return [row for row in account_of(world).table("event").rows.values() if row["type"] == type_]


def only(act: str) -> dict:
    """Habits in which every reaction is this act."""
    weights = tuple((name, 1.0 if name == act else 0.0) for name in people.ACTS)
    return {**NOBODY, **SURELY, "funds": weights, "card": weights, "unwilling": weights, "other": weights}
