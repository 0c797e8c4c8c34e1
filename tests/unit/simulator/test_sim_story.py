"""Scenario grammar: dated stories, scripted requests, references, several subscriptions; faults with their paths."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.control.references import WORDS, resolved
from flexpay_reconcile.simulator.scenario import playthrough
from flexpay_reconcile.simulator.scenario.scenario import ScenarioError, build_world
from flexpay_reconcile.simulator.scenario.scenario_checks import moment
from flexpay_reconcile.simulator.scenario.scenario_story import StoryError
from tests.unit.simulator.helpers import DAY, HOUR, START, document, small_world

PATH = "accounts.acct_1AcmeUS"


def with_top(**values: Any) -> dict[str, Any]:
    """The small scenario with keys at its top."""
    return {**document(), **values}


def test_a_moment_is_an_instant_or_an_offset() -> None:
    """`+3d`, `+1d12h`, `+90m`, an instant; nothing before the start, nothing else."""
    assert moment("+3d", "x", START) == START + 3 * DAY
    assert moment("+1d12h30m5s", "x", START) == START + DAY + 12 * HOUR + 1805
    assert moment("2026-01-02T00:00:00Z", "x", START) == START + DAY
    assert moment(START, "x", START) == START
    for wrong in ("+", "+3", "3d", "+3w", "+-1d", "+9999d", "2025-12-31T23:59:59Z", START - 1, True, None, "+1d 2h"):
        with pytest.raises(ScenarioError):
            moment(wrong, "x", START)


def test_a_story_is_told_by_the_agenda() -> None:
    """Each step happens at its instant, whichever way time passes."""
    story = [
        {"at": "+20d", "do": "decline", "customer": "ada", "code": "insufficient_funds"},
        {"at": "+35d", "do": "approve", "customer": "ada"},
        {"at": "+31d", "do": "pay-elsewhere", "customer": "ada"},
    ]
    world = build_world(with_top(story=story))
    assert world.next_event_at() is not None
    world.advance_to(START + 30 * DAY)
    assert len(control.open_invoices(world)) == 1
    world.advance_to(START + 31 * DAY)
    assert control.open_invoices(world) == []
    assert [row["source"] for row in world.ledger.charges][-1] == "customer"


def test_a_step_that_cannot_be_done_says_which() -> None:
    """A story that does not fit the world stops with the step's path."""
    world = build_world(with_top(story=[{"at": "+1d", "do": "pay-elsewhere", "customer": "ada"}]))
    with pytest.raises(StoryError, match=r"story\[0\]: pay-elsewhere: .*no open invoice"):
        world.advance_to(START + 2 * DAY)


@pytest.mark.parametrize(
    ("top", "path"),
    [
        ({"story": {}}, "story"),
        ({"story": [{"do": "approve", "customer": "ada"}]}, "story[0].at"),
        ({"story": [{"at": "+1d", "customer": "ada"}]}, "story[0].do"),
        ({"story": [{"at": "+1d", "do": "dance"}]}, "story[0].do"),
        ({"story": [{"at": "+1d", "do": "approve"}]}, "story[0].customer"),
        ({"story": [{"at": "+1d", "do": "approve", "customer": "eve"}]}, "story[0].customer"),
        ({"story": [{"at": "+1d", "do": "approve", "customer": "ada", "colour": "red"}]}, "story[0].colour"),
        ({"story": [{"at": "+1d", "do": "void", "invoice": "{ada.nothing}"}]}, "story[0].invoice"),
        ({"story": [{"at": "+1d", "do": "void", "invoice": "{eve.invoice}"}]}, "story[0].invoice"),
        ({"requests": [{"get": "/v1/invoices"}]}, "requests[0].at"),
        ({"requests": [{"at": "+1d"}]}, "requests[0]"),
        ({"requests": [{"at": "+1d", "get": "/v1/x", "post": "/v1/x"}]}, "requests[0]"),
        ({"requests": [{"at": "+1d", "get": "/v2/x"}]}, "requests[0].get"),
        ({"requests": [{"at": "+1d", "get": "/v1/x", "key": "NOPE"}]}, "requests[0].key"),
        ({"requests": [{"at": "+1d", "get": "/v1/x", "expect": "ok"}]}, "requests[0].expect"),
        ({"requests": [{"at": "+1d", "get": "/v1/invoices/{eve.invoice}"}]}, "requests[0].get"),
        ({"requests": [{"at": "+1d", "post": "/v1/x", "params": {"a": ["{ada.x}"]}}]}, "requests[0].params.a[0]"),
        ({"days": 0}, "days"),
        ({"days": 10**6}, "days"),
        ({"name": 3}, "name"),
        ({"plot": []}, "plot"),
    ],
)
def test_a_fault_in_story_or_requests_names_its_path(top, path) -> None:
    """What is wrong is said when the world is built, not on the tenth day."""
    with pytest.raises(ScenarioError) as caught:
        build_world(with_top(**top))
    assert caught.value.path == path


def test_requests_are_made_in_order_through_the_given_door() -> None:
    """Nested parameters become form text; headers carry key, idempotency key, account and version."""
    made = [
        {"at": "+2d", "get": "/v1/invoices", "params": {"created": {"gte": 5}, "expand": ["data.customer"]}},
        {
            "at": "+1d",
            "post": "/v1/customers/{ada.customer}",
            "params": {"metadata": {"a": True}, "name": None},
            "key": "STANDARD",
            "idempotency_key": "k1",
            "account": "acct_1AcmeUS",
            "stripe_version": "2026-10-28.endive",
            "expect": 200,
        },
    ]
    world = build_world(with_top(requests=made, days=3))
    seen = []

    def door(method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        seen.append((method, path, headers, body, world.now))
        return playthrough.caller(world)(method, path, headers, body)

    result = playthrough.run(world, call=door)
    ada = resolved(world, "{ada.customer}")
    assert [entry[1] for entry in seen] == [
        f"/v1/customers/{ada}",
        "/v1/invoices?created%5Bgte%5D=5&expand%5B0%5D=data.customer",
    ]
    assert seen[0][3] == b"metadata%5Ba%5D=true&name="
    assert seen[0][2]["Idempotency-Key"] == "k1"
    assert seen[0][2]["Stripe-Account"] == "acct_1AcmeUS"
    assert [entry[4] for entry in seen] == [START + DAY, START + 2 * DAY]
    assert result.surprises == ()
    assert world.now == START + 3 * DAY
    assert result.digest == playthrough.run(build_world(with_top(requests=made, days=3))).digest


def test_a_surprise_is_told() -> None:
    """A status other than the expected one is a surprise; a broken connection has status 0."""
    made = [
        {"at": "+1d", "get": "/v1/invoices/in_none", "expect": 200},
        {"at": "+2d", "get": "/v1/invoices", "expect": 0},
    ]
    faults = [{"at": "+1d12h", "do": "fault", "kind": "lost_answer"}]
    result = playthrough.run(build_world(with_top(requests=made, story=faults)), days=2)
    assert [reply.status for reply in result.replies] == [404, 0]
    assert [reply.status for reply in result.surprises] == [404]


def test_what_lies_after_the_end_is_not_asked() -> None:
    """Playing fewer days than the scenario has leaves the later requests out."""
    made = [{"at": "+1d", "get": "/v1/invoices"}, {"at": "+9d", "get": "/v1/invoices"}]
    assert len(playthrough.run(build_world(with_top(requests=made)), days=2).replies) == 1


def test_references_stand_for_ids_of_the_moment() -> None:
    """Each word finds its object; unknown words and missing objects are refused with words."""
    world = small_world()
    for word in set(WORDS) - {"open_invoice", "refund", "dispute"}:
        prefix = str(resolved(world, f"{{ada.{word}}}")).partition("_")[0]
        assert prefix in ("cus", "sub", "pm", "in", "ch", "pi")
    for wrong in ("{ada.open_invoice}", "{ada.refund}", "{ada.shoe_size}", "{eve.invoice}"):
        with pytest.raises(ControlError):
            resolved(world, wrong)
    assert resolved(world, {"a": ["{x}", 3]}) == {"a": ["{x}", 3]}


def test_a_customer_may_have_several_subscriptions() -> None:
    """Each with its own price, quantity and start; one customer, one card, an invoice for each."""
    prices = {
        "gold": {"amount": 2900, "currency": "usd", "interval": "month"},
        "seat": {"amount": 500, "currency": "usd", "interval": "week"},
    }
    subscriptions = [
        {"price": "gold", "started": "2025-12-05T09:00:00Z"},
        {"price": "seat", "quantity": 3, "started": "2025-12-30T09:00:00Z"},
    ]
    world = small_world(prices=prices, customers={"ada": {"subscriptions": subscriptions}})
    account = world.sim.account("acct_1AcmeUS", False)
    rows = list(account.table("subscription").rows.values())
    assert {row["customer"] for row in rows} == {account.names["ada"]}
    assert len(account.table("payment_method").rows) == 1
    world.advance_to(START + 10 * DAY)
    amounts = [row["amount"] for row in world.ledger.charges if row["source"] == "stripe"]
    assert sorted(amounts) == [1500, 2900]


@pytest.mark.parametrize(
    ("customer", "path"),
    [
        ({}, "price"),
        ({"price": "gold", "subscriptions": [{"price": "gold"}]}, "price"),
        ({"subscriptions": []}, "subscriptions"),
        ({"subscriptions": [{"price": "tin"}]}, "subscriptions[0].price"),
        ({"subscriptions": [{"price": "gold", "quantity": 0}]}, "subscriptions[0].quantity"),
        ({"subscriptions": [{"price": "gold", "days_until_due": 3}]}, "subscriptions[0].days_until_due"),
        ({"subscriptions": [{"price": "gold", "collection_method": "x"}]}, "subscriptions[0].collection_method"),
        ({"subscriptions": [{"price": "gold", "started": "2026-02-01T00:00:00Z"}]}, "subscriptions[0].started"),
    ],
)
def test_a_fault_in_subscriptions_names_its_path(customer, path) -> None:
    """Either `price` or `subscriptions`, each entry checked."""
    with pytest.raises(ScenarioError) as caught:
        small_world(customers={"ada": customer})
    assert caught.value.path == f"{PATH}.customers.ada.{path}"
