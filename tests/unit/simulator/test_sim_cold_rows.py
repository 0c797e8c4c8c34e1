"""Rows that are packed away: a big world behaves as a small one does, and takes less memory."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator import cold
from flexpay_reconcile.simulator.cold import Rows
from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, START, client, small_world


def _invoice(number: int, status: str = "paid") -> dict:
    return {"id": f"in_{number}", "status": status, "lines": {"data": [{"amount": number, "taxes": []}]}, "due": None}


@pytest.fixture
def tiny(monkeypatch):
    """Tables that keep five rows of a kind."""
    monkeypatch.setattr(cold, "KEEP", 5)
    monkeypatch.setattr(cold, "SLACK", 1)


@pytest.mark.usefixtures("tiny")
def test_packed_rows_read_as_before_and_in_the_same_order() -> None:
    """Every way of reading a table tells the same of packed rows, in the order of their creation."""
    order: list[str] = []
    rows, plain = Rows("invoice", order), {}
    for number in range(20):
        row = _invoice(number, "open" if number in (3, 4) else "paid")
        rows[row["id"]] = plain[row["id"]] = row
        order.append(row["id"])
    plain = {id_: {**row} for id_, row in plain.items()}
    for _ in range(20):
        rows.pack()
    assert dict.__len__(rows) < 8
    assert dict.__contains__(rows, "in_3")
    assert (len(rows), list(rows), bool(rows)) == (20, list(plain), True)
    assert list(rows.values()) == list(plain.values())
    assert list(rows.items()) == list(plain.items())
    assert rows.keys() == list(plain)
    assert "in_0" in rows
    assert "in_99" not in rows
    assert rows.get("in_1") == plain["in_1"]
    assert rows.get("in_99") is None
    with pytest.raises(KeyError):
        rows["in_99"]
    assert rows.pop("in_2") == plain["in_2"]
    assert rows.pop("in_2", None) is None
    assert len(rows) == 19


@pytest.mark.usefixtures("tiny")
def test_a_row_that_was_unpacked_can_be_changed() -> None:
    """It is one object again for whoever asks, and its change survives being packed anew."""
    order = [f"in_{number}" for number in range(20)]
    rows = Rows("invoice", order)
    for number, id_ in enumerate(order):
        rows[id_] = _invoice(number)
    rows.pack()
    rows["in_0"]["due"] = 5
    assert rows["in_0"] is rows.get("in_0")
    rows.pack()
    assert (rows["in_0"]["due"], rows["in_0"]["lines"]["data"][0]["amount"]) == (5, 0)


@pytest.mark.usefixtures("tiny")
def test_events_give_back_their_keys() -> None:
    """An event that lost the keys of what it shows shows them again, and one not delivered yet is left alone."""
    order = [f"evt_{number}" for number in range(20)]
    rows = Rows("event", order)
    made: dict[str, Any] = {
        id_: {"id": id_, "pending_webhooks": int(number == 1), "data": {"object": {"id": number, "status": "paid"}}}
        for number, id_ in enumerate(order)
    }
    rows.update({id_: {**row, "data": {"object": dict(row["data"]["object"])}} for id_, row in made.items()})
    for _ in range(20):
        rows.pack()
    assert dict.__contains__(rows, "evt_1")
    assert not dict.__contains__(rows, "evt_0")
    assert list(rows.values()) == list(made.values())
    assert rows["evt_0"] == made["evt_0"]


def _lived(monkeypatch, keep: int) -> tuple:
    monkeypatch.setattr(cold, "KEEP", keep)
    monkeypatch.setattr(cold, "SLACK", 1)
    monkeypatch.setattr("flexpay_reconcile.simulator.world.TIDY_EVERY", 3)
    world = small_world(books=[{"name": "b", "count": 12, "price": "gold", "world": "us-mixed"}])
    api = client(world)
    sub = api.v1.subscriptions.list({"limit": 1}).data[0]
    first = api.v1.invoices.list({"subscription": sub.id}).data[-1].id
    answers = []
    for month in range(1, 8):
        world.advance_to(START + month * 30 * DAY)
        answers.append([row.id for row in api.v1.invoices.list({"limit": 100}).data])
        answers.append([row.type for row in api.v1.events.list({"limit": 100}).data])
        answers.append(api.v1.invoices.retrieve(first, {"expand": ["payments"]}).to_dict())
    charge = api.v1.charges.list({"customer": sub.customer}).data[-1].id
    answers.append(api.v1.refunds.create({"charge": charge}).to_dict())
    answers.append(api.v1.charges.retrieve(charge).to_dict())
    api.v1.subscriptions.cancel(sub.id, {"prorate": True})
    account = world.sim.account("acct_1AcmeUS", False)
    packed = sum(len(table.rows) - dict.__len__(table.rows) for table in account.tables.values())
    return answers, control.counts(world), packed


def test_a_world_that_packs_answers_as_one_that_does_not(monkeypatch) -> None:
    """The same seed, the same requests: equal answers, equal counts, equal ledgers."""
    plain = _lived(monkeypatch, 10_000)
    packing = _lived(monkeypatch, 3)
    assert plain[2] == 0
    assert packing[2] > 100
    assert packing[:2] == plain[:2]


@pytest.mark.usefixtures("tiny")
def test_packing_an_event_leaves_its_twin_alone() -> None:
    """Two events of one change share what they show; packing one of them touches only that one."""
    order = [f"evt_{number}" for number in range(20)]
    rows = Rows("event", order)
    shared = {"object": {"id": "in_1"}}
    for id_ in order:
        rows[id_] = {"id": id_, "pending_webhooks": 0, "data": shared}
    rows.pack()
    assert not dict.__contains__(rows, "evt_0")
    assert rows["evt_19"]["data"]["object"] == rows["evt_0"]["data"]["object"] == {"id": "in_1"}
