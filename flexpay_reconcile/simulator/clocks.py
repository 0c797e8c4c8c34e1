"""Test clocks: a time of their own for some customers and everything that is theirs.

`at_clock` puts a clock's frozen time and its agenda in the place of the world's while something happens to an object of
the clock; deliveries and idempotency keys stay in the world's time (`Simulation.wall`). May not know the endpoints.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from flexpay_reconcile.simulator.protocol.refusals import Refusal
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

KIND = "test_helpers.test_clock"
Actions = Mapping[str, Callable[[Simulation, Account, str], None]]
_KINDS = {
    "ch": "charge",
    "cus": "customer",
    "dp": "dispute",
    "du": "dispute",
    "ii": "invoiceitem",
    "in": "invoice",
    "inpay": "invoice_payment",
    "pi": "payment_intent",
    "pm": "payment_method",
    "py": "charge",
    "pyr": "refund",
    "re": "refund",
    "seti": "setup_intent",
    "sub": "subscription",
}
_NAMED = ("customer", "subscription", "invoice", "charge", "payment_intent", "payment_method")


def clock_of(account: Account, id_: str) -> str | None:
    """The clock an object lives under, by the object's id; None for the world's own time."""
    if id_ in account.clocks:
        return id_
    kind = _KINDS.get(id_.partition("_")[0])
    row = account.find(kind, id_) if kind is not None else None
    while row is not None:
        if "test_clock" in row:
            return None if row["test_clock"] is None else str(row["test_clock"])
        row = _nearer(account, row)
    return None


def _nearer(account: Account, row: Obj) -> Obj | None:
    """The next object on the way to the customer."""
    for field in ("customer", "subscription", "invoice", "charge", "payment_intent"):
        if isinstance(row.get(field), str):
            return account.find(field, row[field])
    return None


def of_request(call: Call, ids: list[str]) -> str | None:
    """The clock in whose time a request acts: that of an object in its path, or of one named in its parameters."""
    named = call.params.get("test_clock")
    if isinstance(named, str) and named in call.account.clocks:
        return named
    for value in (*ids, *(call.params.get(name) for name in _NAMED)):
        found = clock_of(call.account, value) if isinstance(value, str) else None
        if found is not None:
            return found
    return None


@contextmanager
def time_of(call: Call, ids: list[str], *, changes: bool) -> Iterator[None]:
    """Act in the time of the request's clock, if it has one; a change is refused while that clock advances.

    The sentence is seen by many users, as HTTP 429 (third-party reports).
    """
    clock = of_request(call, ids)
    if clock is None:
        yield
        return
    if changes:
        check_ready(call.account, clock)
    with at_clock(call.sim, call.account, clock):
        yield


def check_ready(account: Account, clock: str) -> None:
    """429 while the clock advances."""
    if account.get(KIND, clock)["status"] == "advancing":
        raise Refusal(429, "Test clock advancement underway - cannot perform modifications.")


@contextmanager
def at_clock(sim: Simulation, account: Account, clock: str) -> Iterator[None]:
    """`sim.now` and `sim.agenda` are the clock's."""
    if sim.world_now is not None:
        raise RuntimeError("a test clock inside a test clock")
    world_now, agenda = sim.now, sim.agenda
    sim.world_now, sim.now = world_now, account.get(KIND, clock)["frozen_time"]
    sim.agenda = account.clocks[clock].agenda
    try:
        yield
    finally:
        sim.now, sim.agenda, sim.world_now = world_now, agenda, None


def run(sim: Simulation, account: Account, clock: str, target: int, actions: Actions, *, debits: bool = False) -> None:
    """Let everything of the clock happen that is due up to `target`, each in its time, then stand at `target`.

    Bank debits on their way wait, unless `debits`: they are not collected during an advance (docs: test clocks).
    """
    row, agenda = account.get(KIND, clock), account.clocks[clock].agenda
    held = []
    with at_clock(sim, account, clock):
        while (entry := agenda.take(target)) is not None:
            if not debits and entry.subject in account.payments.debits:
                held.append(entry)
                continue
            sim.now = row["frozen_time"] = max(sim.now, entry.at)
            actions[entry.action](sim, account, entry.subject)
    row["frozen_time"] = target
    for entry in held:
        agenda.add(entry.at, entry.action, entry.account, entry.subject)
