"""A year of ten thousand monthly subscriptions in the simulator: seconds, memory, and what happened.

The world is on its own: no daemon, no endpoint, no request; every event is made and kept for its thirty days. Memory is
the peak of a process of its own.
"""

from __future__ import annotations

import multiprocessing
import resource
import time
from typing import Any

from flexpay_reconcile.simulator.local_time import DAY
from flexpay_reconcile.simulator.scenario.scenario import build_world

SUBSCRIPTIONS = 10_000
DAYS = 365
MOST_SECONDS, MOST_MIB = 300, 1024
ACCOUNT = "acct_1Year"


def main(subscriptions: int = SUBSCRIPTIONS, days: int = DAYS) -> None:
    """Live through the year in a process of its own and print the figures."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        found = pool.apply(live, (subscriptions, days))
    print(f"A simulated year: {subscriptions} monthly subscriptions, {days} days, events on, no endpoint, one core")
    seconds = f"{found['wall']:.0f} wall, {found['cpu']:.0f} CPU"
    print(f"  seconds: {seconds} (target {MOST_SECONDS}); built in {found['built']:.1f}")
    print(f"  peak memory: {found['mib']} MiB (target {MOST_MIB})")
    print(f"  renewals: {found['renewals']}; charges: {found['charges']}, of which {found['succeeded']} succeeded")
    print(
        f"  events: {found['events']} made, {found['kept']} kept; {found['events'] / found['cpu']:.0f} a CPU second\n"
    )


def live(subscriptions: int, days: int) -> dict[str, Any]:
    """Build the book and let the days pass; the figures. Charges are those made in that time."""
    begun = time.perf_counter()
    world = build_world(document(subscriptions))
    built, before = time.perf_counter() - begun, (len(world.ledger.charges), world.ledger.succeeded)
    end = world.now + days * DAY
    begun, cpu = time.perf_counter(), time.process_time()
    world.advance_to(end)
    wall, cpu = time.perf_counter() - begun, time.process_time() - cpu
    account = world.sim.account(ACCOUNT, False)
    return {
        "built": built,
        "wall": wall,
        "cpu": cpu,
        "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "renewals": len(account.table("invoice").rows) - subscriptions,
        "charges": len(world.ledger.charges) - before[0],
        "succeeded": world.ledger.succeeded - before[1],
        "events": world.sim.events,
        "kept": len(account.table("event").rows),
    }


def document(subscriptions: int) -> dict[str, Any]:
    """A book of that size in the mixed world of American cards, where one renewal in some is declined."""
    book = {"name": "year", "count": subscriptions, "price": "gold", "world": "us-mixed"}
    prices = {"gold": {"amount": 2900, "currency": "usd", "interval": "month"}}
    return {
        "version": 1,
        "seed": 7,
        "start": "2026-01-01T00:00:00Z",
        "accounts": {ACCOUNT: {"prices": prices, "books": [book]}},
    }
