"""Lists with a range of creation lose nothing beside a test clock, and stop early without one; paths that are no ids."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.simulator.clock_bench import Bench
from tests.unit.simulator.helpers import DAY, START, client, send, small_world
from tests.unit.simulator.payments import new_customer


def test_a_list_of_what_was_created_lately_is_whole_beside_a_clock_in_the_past() -> None:
    """A charge made now is found although a later one of a clock's customer is dated two months ago."""
    bench = Bench(START - 60 * DAY)
    customer, card = new_customer(bench.world)
    given = {"amount": 900, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    now = bench.api.v1.payment_intents.create({**given, "payment_method_types": ["card"]}).latest_charge
    bench.subscribe(bench.customer().id)
    found = bench.api.v1.charges.list({"created": {"gte": bench.world.now}, "limit": 100}).data
    assert [row.id for row in found] == [now]


def test_of_a_clock_too_the_list_is_whole() -> None:
    """A clock's own list: an invoice of now, then one that the clock dates a month on, then nothing is lost."""
    bench = Bench(START - 60 * DAY)
    eve = bench.customer().id
    bench.subscribe(eve)
    bench.advance(START - 20 * DAY)
    wanted = {"customer": eve, "created": {"gte": START - 61 * DAY}, "limit": 100}
    assert len(bench.api.v1.invoices.list(wanted).data) == 2


class _Counted(dict[str, Any]):
    """Rows that count how often they are looked at."""

    looked = 0

    def get(self, key: str, default: Any = None) -> Any:
        self.looked += 1
        return super().get(key, default)


@pytest.mark.parametrize("clocked", [False, True], ids=["no clock", "beside a clock"])
def test_without_a_clock_a_list_stops_at_the_first_that_is_too_old(
    monkeypatch: pytest.MonkeyPatch, clocked: bool
) -> None:
    """Of 202 customers three are looked at; beside a clock all are."""
    world = small_world()
    api = client(world)
    for _ in range(200):
        api.v1.customers.create({})
    world.advance_to(world.now + DAY)
    if clocked:
        api.v1.test_helpers.test_clocks.create({"frozen_time": world.now})
    new = [api.v1.customers.create({}).id for _ in range(2)][::-1]
    table = world.sim.account("acct_1AcmeUS", False).table("customer")
    counted = _Counted(table.rows)
    monkeypatch.setattr(table, "rows", counted)
    found = api.v1.customers.list({"created": {"gte": world.now}, "limit": 100}).data
    assert [row.id for row in found] == new
    assert (counted.looked >= 200) is clocked
    assert clocked or counted.looked <= 5


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/v1/invoices/search"),
        ("GET", "/v1/customers/search"),
        ("GET", "/v1/subscriptions/search"),
        ("GET", "/v1/charges/search"),
        ("GET", "/v1/invoices/upcoming"),
        ("POST", "/v1/invoices/create_preview"),
    ],
)
def test_endpoints_that_are_not_here_are_no_ids(method: str, path: str) -> None:
    """404 `Unrecognized request URL`, not `No such invoice: 'search'`."""
    code, answer, _ = send(small_world(), method, path)
    assert code == 404
    assert answer["error"]["message"].startswith(f"Unrecognized request URL ({method}: {path})")
    assert "param" not in answer["error"]
