"""Test clocks: what their endpoints answer and refuse, how an advance goes, and what a clock takes with it.

Facts: docs.stripe.com/billing/testing/test-clocks (undated), OpenAPI 2026-05-27.dahlia, third-party reports: webhooks
go out while the clock still advances, and changes are refused until it is ready. Inferred: how long an advance takes,
the sentences of the limits, and that nothing of a deleted clock can be read any more. May not move the world's clock.
"""

from __future__ import annotations

from flexpay_reconcile.simulator import clocks
from flexpay_reconcile.simulator.agenda import OwnTime
from flexpay_reconcile.simulator.clocks import KIND
from flexpay_reconcile.simulator.local_time import DAY, add_interval
from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.protocol.params import Shape
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing, not_allowed
from flexpay_reconcile.simulator.protocol.route import Route, route
from flexpay_reconcile.simulator.resources import renewals, standing
from flexpay_reconcile.simulator.resources.customers import required
from flexpay_reconcile.simulator.resources.events import change, emit
from flexpay_reconcile.simulator.resources.subscription_build import items_of
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation, Table

KEEP_SECONDS = 30 * DAY
STARTS_AFTER, READY_AFTER, DEBITS_AFTER = 1, 5, 65
"""Seconds of the world after which an advance makes things happen, the clock is ready, bank debits are collected."""
MOST_CUSTOMERS = 3
MOST_SUBSCRIPTIONS = 3
_CREATE: Shape = {"frozen_time!": "int", "name": "string", "customer": "string"}
_ADVANCE: Shape = {"frozen_time!": "int"}
_EARLIEST, _LATEST = 946_684_800, 4_102_444_800
"""2000 and 2100: how far Stripe's clocks go is not documented [INFER]."""


def create(call: Call) -> Obj:
    """POST /v1/test_helpers/test_clocks"""
    sim, account, params = call.sim, call.account, call.params
    if account.livemode:
        raise not_allowed("Test clocks can only be used in test mode.")
    if not _EARLIEST <= params["frozen_time"] <= _LATEST:
        raise invalid("Invalid timestamp", param="frozen_time", code="parameter_invalid_integer")
    if len(params.get("name", "")) > 300:
        raise invalid("Invalid string: name must be at most 300 characters", param="name")
    customer = required(account, params["customer"]) if "customer" in params else None
    if customer is not None and customer["test_clock"] is not None:
        raise not_allowed("This customer is attached to a test clock already.", param="customer")
    now = sim.now
    id_ = sim.new_id(account, "clock")
    clock: Obj = {
        "id": id_,
        "object": KIND,
        "created": now,
        "deletes_after": now + KEEP_SECONDS,
        "frozen_time": params["frozen_time"],
        "livemode": False,
        "name": params.get("name"),
        "status": "ready",
        "status_details": {},
    }
    account.table(KIND).add(clock)
    account.clocks[id_] = OwnTime()
    sim.agenda.add(now + KEEP_SECONDS, "delete_clock", account.key, id_)
    emit(sim, account, "test_helpers.test_clock.created", clock)
    if customer is not None:
        _take_in(sim, account, id_, customer)
    return clock


def _take_in(sim: Simulation, account: Account, clock: str, customer: Obj) -> None:
    """An existing customer goes over to the clock, with everything that is due for them."""
    ids = set()
    for kind in ("subscription", "invoice", "invoiceitem"):
        for id_ in account.table(kind).by("customer", customer["id"]):
            account.get(kind, id_)["test_clock"] = clock
            ids.add(id_)
    ids |= _money_of(account, customer["id"])
    change(sim, account, customer, "customer.updated", test_clock=clock)
    account.clocks[clock].customers.append(customer["id"])
    for entry in sim.agenda.extract(lambda entry: entry.account == account.key and entry.subject in ids):
        account.clocks[clock].agenda.add(entry.at, entry.action, entry.account, entry.subject)


def _money_of(account: Account, customer: str) -> set[str]:
    """The customer's charges, and what was given back or is disputed of them."""
    charges = set(account.table("charge").by("customer", customer))
    others = {
        id_ for kind in ("refund", "dispute") for each in charges for id_ in account.table(kind).by("charge", each)
    }
    return charges | others


def handled(call: Call, asked: Route, ids: list[str]) -> Obj:
    """The answer of a resource, in the time of the clock under which its object lives, if it does."""
    if asked.path[0] == "test_helpers":
        return asked.handler(call, *ids)
    if asked.method == "POST" and asked.path in (("customers",), ("subscriptions",)):
        _admit(call, asked.path)
    with clocks.time_of(call, ids, changes=asked.method != "GET"):
        result = asked.handler(call, *ids)
    if asked.method == "POST" and asked.path == ("customers",) and "test_clock" in call.params:
        call.account.clocks[call.params["test_clock"]].customers.append(result["id"])
    return result


def _admit(call: Call, path: tuple[str, ...]) -> None:
    """Before a customer of a clock is created, or a subscription of one: the clock is there and has room."""
    account = call.account
    if path == ("customers",):
        clock = call.params.get("test_clock")
        if clock is None:
            return
        _named(account, clock, param="test_clock", status=400)
        if len(_customers(account, clock)) >= MOST_CUSTOMERS:
            raise not_allowed(f"A test clock can have at most {MOST_CUSTOMERS} customers.", param="test_clock")
        return
    customer = account.find("customer", call.params.get("customer"))
    if customer is not None and customer["test_clock"] is not None:
        living = [row for row in _subscriptions(account, customer["id"]) if row["status"] in standing.LIVING]
        if len(living) >= MOST_SUBSCRIPTIONS:
            raise not_allowed(f"A customer on a test clock can have at most {MOST_SUBSCRIPTIONS} subscriptions.")


def _named(account: Account, id_: str, *, param: str = "test_clock", status: int = 404) -> Obj:
    clock = account.find(KIND, id_)
    if clock is None:
        raise missing("test_clock", id_, param=param, status=status)
    return clock


def _customers(account: Account, clock: str) -> list[Obj]:
    rows = account.table("customer").rows
    return [rows[id_] for id_ in account.clocks[clock].customers if id_ in rows]


def _subscriptions(account: Account, customer: str) -> list[Obj]:
    table = account.table("subscription")
    return [table.rows[id_] for id_ in table.by("customer", customer)]


def retrieve(call: Call, id_: str) -> Obj:
    """GET /v1/test_helpers/test_clocks/{id}"""
    return _named(call.account, id_)


def listing(call: Call) -> Obj:
    """GET /v1/test_helpers/test_clocks"""
    return page(call, KIND, "/v1/test_helpers/test_clocks")


def advance(call: Call, id_: str) -> Obj:
    """POST /v1/test_helpers/test_clocks/{id}/advance: answers at once; the clock is ready a few seconds later."""
    sim, account = call.sim, call.account
    clock = _named(account, id_)
    clocks.check_ready(account, id_)
    target = call.params["frozen_time"]
    if target <= clock["frozen_time"]:
        raise invalid("A test clock can only be advanced to a later time.", param="frozen_time")
    if target > _LATEST:
        raise invalid("Invalid timestamp", param="frozen_time", code="parameter_invalid_integer")
    if target > _furthest(account, clock):
        raise invalid(
            "You can only advance a test clock by at most two intervals of its shortest subscription, or by two years "
            "if it has none.",
            param="frozen_time",
        )
    details = {"advancing": {"target_frozen_time": target}}
    change(sim, account, clock, None, status="advancing", status_details=details)
    emit(sim, account, "test_helpers.test_clock.advancing", clock)
    sim.agenda.add(sim.now + STARTS_AFTER, "advance_clock", account.key, id_)
    return clock


def _furthest(account: Account, clock: Obj) -> int:
    now = clock["frozen_time"]
    ends = []
    for customer in _customers(account, clock["id"]):
        for row in _subscriptions(account, customer["id"]):
            if row["status"] in standing.LIVING:
                for item in items_of(row):
                    recurring = item["price"]["recurring"]
                    ends.append(add_interval(now, recurring["interval"], 2 * recurring["interval_count"]))
    return min(ends) if ends else add_interval(now, "year", 2)


def run(sim: Simulation, account: Account, id_: str, actions: clocks.Actions) -> None:
    """The advance makes things happen; their webhooks go out while the clock is still advancing."""
    clock = account.find(KIND, id_)
    if clock is None:
        return
    clocks.run(sim, account, id_, clock["status_details"]["advancing"]["target_frozen_time"], actions)
    sim.agenda.add(sim.now + READY_AFTER - STARTS_AFTER, "ready_clock", account.key, id_)


def ready(sim: Simulation, account: Account, id_: str) -> None:
    """The advance is done."""
    clock = account.find(KIND, id_)
    if clock is None:
        return
    change(sim, account, clock, None, status="ready", status_details={})
    emit(sim, account, "test_helpers.test_clock.ready", clock)
    sim.agenda.add(sim.now + DEBITS_AFTER - READY_AFTER, "clock_debits", account.key, id_)


def collect_debits(sim: Simulation, account: Account, id_: str, actions: clocks.Actions) -> None:
    """Bank debits that fell due during an advance are collected once it is over."""
    clock = account.find(KIND, id_)
    if clock is not None and clock["status"] == "ready":
        clocks.run(sim, account, id_, clock["frozen_time"], actions, debits=True)


def delete(call: Call, id_: str) -> Obj:
    """DELETE /v1/test_helpers/test_clocks/{id}"""
    _named(call.account, id_)
    clocks.check_ready(call.account, id_)
    remove(call.sim, call.account, id_)
    return {"id": id_, "object": KIND, "deleted": True}


def remove(sim: Simulation, account: Account, id_: str) -> None:
    """Cancel the subscriptions, delete the customers with all they have, and forget the clock (also after 30 days)."""
    clock = account.find(KIND, id_)
    if clock is None:
        return
    customers = _customers(account, id_)
    with clocks.at_clock(sim, account, id_):
        for customer in customers:
            for row in _subscriptions(account, customer["id"]):
                if row["status"] in standing.LIVING:
                    renewals.end(sim, account, row, reason=None)
            emit(sim, account, "customer.deleted", customer)
    for customer in customers:
        _forget(account, customer["id"])
    account.table(KIND).remove(id_)
    del account.clocks[id_]
    emit(sim, account, "test_helpers.test_clock.deleted", clock)


def _forget(account: Account, customer: str) -> None:
    """Remove everything of a customer, so that nothing is left that names what is gone."""
    gone = {"customer": [customer]}
    for field in ("customer", "subscription", "invoice", "payment_intent", "charge"):
        for value in gone.get(field, ()):
            for kind, table in account.tables.items():
                if field in table.index and table.index[field].get(value):
                    gone.setdefault(kind, []).extend(_remove_all(table, table.index[field].pop(value)))
            account.invoices_of.pop(value, None)
    account.table("customer").remove(customer)


def _remove_all(table: Table, ids: list[str]) -> list[str]:
    found = [id_ for id_ in ids if id_ in table.rows]
    for id_ in found:
        table.remove(id_)
    return found


ROUTES: tuple[Route, ...] = (
    route("POST", "test_helpers/test_clocks", create, "rak_billing_clock_write", _CREATE),
    route("GET", "test_helpers/test_clocks", listing, "rak_billing_clock_read", PAGING),
    route("GET", "test_helpers/test_clocks/*", retrieve, "rak_billing_clock_read"),
    route("POST", "test_helpers/test_clocks/*/advance", advance, "rak_billing_clock_write", _ADVANCE),
    route("DELETE", "test_helpers/test_clocks/*", delete, "rak_billing_clock_write"),
)
