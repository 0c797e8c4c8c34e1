"""The control interface: its documents, filters and pages, its list of itself, the clock's requests, reset, its errors."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.control.control_advance import goal_of
from flexpay_reconcile.simulator.control.control_documents import DOCUMENTS
from flexpay_reconcile.simulator.control.control_query import Query
from flexpay_reconcile.simulator.door.follow import Conductor
from flexpay_reconcile.simulator.scenario.scenario import env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, HOUR, START, client, failed_invoice, small_world
from tests.unit.simulator.serving import ask, serving


def read(world: World, name: str, **fields: Any) -> dict[str, Any]:
    """A document."""
    return DOCUMENTS[name].read(world, Query.of(urlencode(fields)))


def busy_world() -> World:
    """A world with a failed invoice, an endpoint whose deliveries fail, a refund."""
    world = small_world()
    api = client(world)
    api.v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/x", "enabled_events": ["invoice.payment_failed"]})
    failed_invoice(world)
    good = next(row for row in world.ledger.charges if row["status"] == "succeeded")
    api.v1.refunds.create({"charge": good["id"], "amount": 5})
    return world


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_every_document_is_json_with_the_clock_and_no_key(name: str) -> None:
    """Each tells the time, can be written out, and holds no API key or signing secret whole."""
    world = busy_world()
    found = read(world, name)
    text = json.dumps(found)
    assert found["now"] == world.now
    for secret in [*env_of(world).values(), *world.sim.accounts[("acct_1AcmeUS", False)].secrets.values()]:
        assert secret not in text


@pytest.mark.parametrize("name", list(DOCUMENTS))
def test_every_document_refuses_fields_it_does_not_have(name: str) -> None:
    """An unknown field of the query is named, not ignored."""
    with pytest.raises(ControlError, match="colour") as caught:
        read(small_world(), name, colour="red")
    assert caught.value.field == "colour"


def test_filters_narrow_and_say_nothing_more() -> None:
    """By customer's scenario name, status, invoice, source, kind and instant."""
    world = busy_world()
    invoice = control.open_invoices(world)[0]["id"]
    assert [row["id"] for row in read(world, "invoices", status="open")["invoices"]] == [invoice]
    assert [row["id"] for row in read(world, "invoices", customer="ada", status="open")["invoices"]] == [invoice]
    assert read(world, "invoices", customer="ben", status="open")["invoices"] == []
    failed = read(world, "charges", invoice=invoice)["charges"]
    assert [row["status"] for row in failed] == ["failed"]
    assert read(world, "charges", invoice=invoice)["refunds"] == []
    assert len(read(world, "charges")["refunds"]) == 1
    assert {row["source"] for row in read(world, "charges", source="history")["charges"]} == {"history"}
    assert {row["kind"] for row in read(world, "ledger", kind="refund")["rows"]} == {"refund"}
    assert read(world, "ledger", invoice=invoice)["rows"] == world.ledger.of(invoice)
    assert read(world, "ledger", object=invoice, kind="state")["rows"] == world.ledger.states_of(invoice)
    a, b = START + 29 * DAY, START + 31 * DAY
    assert read(world, "ledger", **{"from": a, "to": b})["rows"] == world.ledger.between(a, b)
    assert read(world, "ledger", **{"from": "2026-01-30T00:00:00Z", "to": b})["rows"] == world.ledger.between(a, b)
    assert read(world, "subscriptions", status="past_due")["subscriptions"][0]["status"] == "past_due"
    assert {row["scenario_name"] for row in read(world, "customers")["customers"]} == {"ada", "ben"}
    assert {row["type"] for row in read(world, "events", type="charge.failed")["events"]} == {"charge.failed"}


@pytest.mark.parametrize(("name", "rows"), [("charges", "charges"), ("ledger", "rows"), ("invoices", "invoices")])
def test_pages_put_together_are_the_whole(name: str, rows: str) -> None:
    """Following `next` with any size of page gives every row once, in order."""
    world = busy_world()
    whole = read(world, name)[rows]
    assert len(whole) > 3
    for limit in (1, 2, 3, len(whole), len(whole) + 1):
        got: list[Any] = []
        after: int | None = 0
        while after is not None:
            page = read(world, name, limit=limit, after=after)
            assert len(page[rows]) <= limit
            got += page[rows]
            after = page["next"]
        assert got == whole


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("charges", {"limit": "0"}),
        ("charges", {"limit": "10001"}),
        ("charges", {"limit": "-1"}),
        ("charges", {"after": "x"}),
        ("charges", {"after": "9" * 40}),
        ("charges", {"limit": "²"}),
        ("ledger", {"kind": "rumour"}),
        ("ledger", {"from": "yesterday"}),
        ("invoices", {"customer": "nobody"}),
        ("findings", {"visa": "many"}),
    ],
)
def test_a_wrong_field_is_named(name: str, fields: dict[str, str]) -> None:
    """Every refusal of a document says which field is wrong."""
    with pytest.raises(ControlError) as caught:
        read(small_world(), name, **fields)
    assert caught.value.field == next(iter(fields))


def test_deliveries_are_told_pending_tried_and_given_up() -> None:
    """A failed delivery waits for its next try; after the last one it is given up."""
    world = small_world()
    client(world).v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/x", "enabled_events": ["invoice.paid"]})
    renewal = START + 29 * DAY + 10 * HOUR
    world.advance_to(renewal + HOUR // 2)
    found = read(world, "deliveries")
    assert [row["type"] for row in found["pending"]] == ["invoice.paid"]
    assert found["pending"][0]["failed_tries"] == 2
    assert found["tries"][0]["status"] is None
    world.advance_to(world.now + 10 * DAY)
    later = read(world, "deliveries")
    assert (len(later["pending"]), later["counts"]["given_up"]) == (0, 2)


def test_findings_are_counted_and_their_figures_can_be_set() -> None:
    """A client that pays twice at once is found; with no spacing it is not."""
    world = small_world()
    invoice = failed_invoice(world)
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            client(world).v1.invoices.pay(invoice)
    found = read(world, "findings")
    assert (found["wrong"], found["counts"]) == (1, {"attempts_at_once": 1})
    assert read(world, "findings", code="charged_twice")["findings"] == []
    assert read(world, "findings", at_once=0)["wrong"] == 0
    assert read(world, "findings", visa=1)["counts"]["too_many_attempts"] == 2


def test_the_list_of_verbs_describes_every_verb_and_document() -> None:
    """What can be posted and read is told with the fields it takes, a sentence each."""
    told = read(small_world(), "verbs")
    assert set(told["verbs"]) == set(control_api.VERBS)
    assert set(told["documents"]) == set(DOCUMENTS)
    assert all(each["words"] for each in (*told["verbs"].values(), *told["documents"].values()))
    assert told["verbs"]["decline"]["required"] == {"customer": "text", "code": "text"}
    assert told["verbs"]["decline"]["optional"]["times"] == "number"


@pytest.mark.parametrize(
    ("document", "instant"),
    [
        ({"seconds": 5}, START + 5),
        ({"hours": 2}, START + 2 * HOUR),
        ({"days": 3}, START + 3 * DAY),
        ({"to": START + 9}, START + 9),
        ({"to": "2026-01-02T00:00:00Z"}, START + DAY),
        ({"to": "2026-01-02T01:00:00+01:00"}, START + DAY),
    ],
)
def test_how_far_the_clock_goes(document: dict[str, Any], instant: int) -> None:
    """Seconds, hours, days, and instants in numbers or words."""
    assert goal_of(document).instant(small_world()) == instant


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"days": 1, "hours": 1},
        {"weeks": 1},
        {"days": "1"},
        {"days": 1.5},
        {"days": -1},
        {"days": 10**6},
        {"to": START - 1},
        {"to": "tomorrow"},
        {"to": "2026-01-02T00:00:00"},
        {"until": "doomsday"},
        {"until": None},
    ],
)
def test_where_the_clock_does_not_go(document: dict[str, Any]) -> None:
    """Back, too far, or nowhere clear."""
    with pytest.raises(ControlError):
        goal_of(document).instant(small_world())


def test_until_the_next_event_stops_there() -> None:
    """It goes to the next thing that happens by itself, and no further."""
    world = small_world()
    with serving(world) as port:
        due = world.next_event_at()
        assert ask(port, "POST", "/_simulator/advance", {"until": "next_event"})[1]["now"] == due


def test_reset_begins_again() -> None:
    """The clock and the ledger are as they were; without a way to build the world it is refused."""
    world = small_world()
    conductor = Conductor(world, send=lambda _: 200, rebuild=small_world)
    before = world.ledger.digest()
    conductor.advance(START + 60 * DAY)
    assert conductor.world.ledger.digest() != before
    assert conductor.reset() == START
    assert conductor.world.ledger.digest() == before
    with serving(small_world()) as port:
        assert ask(port, "POST", "/_simulator/reset", {})[0] == 400
        assert ask(port, "POST", "/_simulator/reset", {"really": 1})[0] == 400


def test_errors_name_the_field() -> None:
    """A verb's refusal has Stripe's shape with `param`."""
    with serving(small_world()) as port:
        for name, body, param in (
            ("decline", {"customer": "ada"}, "code"),
            ("decline", {"customer": "nobody", "code": "x"}, "customer"),
            ("decline", {"customer": "ada", "code": 5}, "code"),
            ("decline", {"customer": "ada", "code": "x", "times": "2"}, "times"),
            ("decline", {"customer": "ada", "code": "x", "colour": "red"}, "colour"),
            ("advance", {"days": "many"}, "days"),
            ("follow", {"follower": "a", "as_of": "x"}, "as_of"),
        ):
            status, document, _ = ask(port, "POST", f"/_simulator/{name}", body)
            assert (status, document["error"]["param"]) == (400, param)
        status, document, _ = ask(port, "GET", "/_simulator/charges?limit=0")
        assert (status, document["error"]["param"]) == (400, "limit")
