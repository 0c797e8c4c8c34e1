"""Faults per request: scripted and seeded, through the SDK in process and over HTTP."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control, control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.protocol import corruption
from flexpay_reconcile.simulator.protocol.faults import FAMILIES, KINDS, NoAnswer
from flexpay_reconcile.simulator.scenario.scenario import env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import client, error_of, failed_invoice, send, small_world

PAY = "/v1/invoices/*/pay"
EXECUTED = {
    "lost_answer",
    "connection_reset_mid_body",
    "500_executed",
    "504_html",
    "truncated",
    "slow",
    "wrong_version",
    "new_enum",
    "missing_field",
}
SAVED_AS = {"500": 500, "500_executed": 500}


def payable() -> tuple[World, str]:
    """A world with an open invoice that would be paid now."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    return world, invoice


def raw(world: World, method: str, path: str, **headers: str) -> Any:
    """The bare answer of a request with the standard key."""
    lines = {"Authorization": f"Bearer {env_of(world)['STANDARD']}"}
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    return world.handle(method, path, lines, b"")


@pytest.mark.parametrize("kind", list(KINDS))
def test_every_kind_executes_what_it_says_and_its_key_replays_what_was_saved(kind: str) -> None:
    """Executed or not, answered or not: afterwards the same key gives the saved 500 or the one payment."""
    world, invoice = payable()
    world.sim.faults.add(kind, method="POST", path=PAY)
    before = len(world.ledger.charges)
    if kind in FAMILIES["silence"]:
        with pytest.raises(NoAnswer) as caught:
            raw(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
        assert caught.value.executed is (kind in EXECUTED)
    else:
        raw(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
    assert (len(world.ledger.charges) - before == 1) is (kind in EXECUTED)
    status, body, headers = send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
    assert status == SAVED_AS.get(kind, 200)
    assert ("Idempotent-Replayed" in headers) is (kind in EXECUTED or kind == "500")
    assert status == 500 or body["status"] == "paid"
    paid = kind in EXECUTED or kind != "500"
    assert world.ledger.successes_by_invoice().get(invoice, 0) == int(paid)


def test_every_kind_is_in_exactly_one_family_and_says_what_it_does() -> None:
    """Families cover the kinds without overlap; every description says whether the request was executed."""
    members = Counter(kind for kinds in FAMILIES.values() for kind in kinds)
    assert members == Counter(list(KINDS))
    for kind, words in KINDS.items():
        assert ("; executed" in words) is (kind in EXECUTED)


@pytest.mark.parametrize(
    ("kind", "error"),
    [
        ("refused", stripe.APIConnectionError),
        ("timeout_before", stripe.APIConnectionError),
        ("lost_answer", stripe.APIConnectionError),
        ("connection_reset_mid_body", stripe.APIConnectionError),
        ("500", stripe.APIError),
        ("500_executed", stripe.APIError),
        ("500_unsaved", stripe.APIError),
        ("502_html", stripe.APIError),
        ("503_html", stripe.APIError),
        ("504_html", stripe.APIError),
        ("truncated", stripe.APIError),
        ("429", stripe.RateLimitError),
        ("429_lock", stripe.RateLimitError),
        ("409", stripe.APIError),
    ],
)
def test_row_connection_errors_and_5xx_through_the_sdk(kind: str, error: type[stripe.StripeError]) -> None:
    """What the caller of the real SDK sees of each fault."""
    world, invoice = payable()
    world.sim.faults.add(kind, path=PAY)
    with pytest.raises(error) as caught:
        client(world).v1.invoices.pay(invoice)
    assert type(caught.value) is error
    if kind.endswith("_html"):
        assert caught.value.http_status == int(kind[:3])
        assert caught.value.request_id is None
    assert client(world).v1.invoices.retrieve(invoice).status == ("paid" if kind in EXECUTED else "open")


def test_row_5xx_may_hide_an_executed_payment() -> None:
    """500_executed: charged, answered 500, and the key goes on answering 500; only a read tells the truth."""
    world, invoice = payable()
    world.sim.faults.add("500_executed", path=PAY)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            client(world).v1.invoices.pay(invoice, options={"idempotency_key": "k1"})
        assert caught.value.http_status == 500
    assert client(world).v1.invoices.retrieve(invoice).status == "paid"
    assert world.ledger.successes_by_invoice()[invoice] == 1


def test_row_connection_error_leaves_the_key_in_flight_for_as_long_as_told() -> None:
    """lost_answer with seconds: the same key is 409 until then, and replays the payment afterwards."""
    world, invoice = payable()
    world.sim.faults.add("lost_answer", path=PAY, seconds=90)
    api = client(world)
    with pytest.raises(stripe.APIConnectionError):
        api.v1.invoices.pay(invoice, options={"idempotency_key": "k1"})
    with pytest.raises(stripe.APIError) as caught:
        api.v1.invoices.pay(invoice, options={"idempotency_key": "k1"})
    assert (caught.value.http_status, error_of(caught).code) == (409, "idempotency_key_in_use")
    world.advance_to(world.now + 90)
    assert api.v1.invoices.pay(invoice, options={"idempotency_key": "k1"}).status == "paid"
    assert world.ledger.successes_by_invoice()[invoice] == 1


def test_a_truncated_body_is_half_of_the_answer() -> None:
    """The bytes are a true beginning of the answer and no JSON."""
    world, invoice = payable()
    whole = raw(world, "GET", f"/v1/invoices/{invoice}").body
    world.sim.faults.add("truncated")
    half = raw(world, "GET", f"/v1/invoices/{invoice}").body
    assert half == whole[: len(whole) // 2]
    with pytest.raises(json.JSONDecodeError):
        json.loads(half)


def test_a_proxys_page_is_html_without_a_word_of_stripe() -> None:
    """Neither request id nor clock: as a proxy that never reached Stripe answers."""
    world = small_world()
    world.sim.faults.add("502_html")
    answer = raw(world, "GET", "/v1/charges")
    assert answer.headers["Content-Type"] == "text/html"
    assert "Request-Id" not in answer.headers
    assert b"502 Bad Gateway" in answer.body


def test_another_versions_shape() -> None:
    """wrong_version: invoices with `subscription` and `paid` at the top, subscriptions with their periods."""
    world, invoice = payable()
    world.sim.faults.add("wrong_version", times=3)
    answer = raw(world, "GET", f"/v1/invoices/{invoice}")
    found = json.loads(answer.body)
    assert answer.headers["Stripe-Version"] == corruption.OLD_VERSION
    assert found["subscription"].startswith("sub_")
    assert found["paid"] is False
    assert "parent" not in found
    row = client(world).v1.subscriptions.list().data[0]
    assert row.current_period_end > row.current_period_start
    assert "current_period_end" not in row["items"].data[0]
    assert client(world).v1.charges.list().data[0].invoice is None
    assert "parent" in client(world).v1.invoices.retrieve(invoice)


def test_words_stripe_did_not_have_before() -> None:
    """new_enum: status, outcome, decline codes and event types become a new word; what is stored does not."""
    world, invoice = payable()
    world.sim.faults.add("new_enum", times=3)
    api = client(world)
    assert api.v1.invoices.retrieve(invoice).status == corruption.NEW_WORD
    charge = api.v1.charges.list().data[0]
    assert (charge.status, charge.outcome.type) == (corruption.NEW_WORD, corruption.NEW_WORD)
    assert api.v1.events.list().data[0].type.endswith(f".{corruption.NEW_WORD}")
    control.decline(world, "ada", "insufficient_funds")
    world.sim.faults.add("new_enum")
    with pytest.raises(stripe.CardError) as caught:
        api.v1.invoices.pay(invoice)
    assert error_of(caught).decline_code == corruption.NEW_WORD
    assert api.v1.invoices.retrieve(invoice).status == "open"


def test_a_field_that_is_missing() -> None:
    """missing_field takes status, or the one named, from an object, from every row of a list, or from an error."""
    world, invoice = payable()
    world.sim.faults.add("missing_field")
    assert "status" not in json.loads(raw(world, "GET", f"/v1/invoices/{invoice}").body)
    world.sim.faults.add("missing_field", field="amount_due")
    rows = json.loads(raw(world, "GET", "/v1/invoices").body)["data"]
    assert rows
    assert all("amount_due" not in row for row in rows)
    world.sim.faults.add("missing_field", field="has_more")
    assert "has_more" not in json.loads(raw(world, "GET", "/v1/invoices").body)
    world.sim.faults.add("missing_field", field="code")
    assert "code" not in json.loads(raw(world, "GET", "/v1/invoices/in_none").body)["error"]


def test_a_slow_answer_in_process_leaves_the_clock_alone() -> None:
    """In process nothing waits: the answer says how long it would be held back."""
    world, invoice = payable()
    world.sim.faults.add("slow", seconds=40, path=PAY)
    before = world.now
    answer = raw(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")
    assert (answer.status, world.now) == (200, before)
    assert (answer.held.seconds, answer.held.key) == (40, "k1")
    assert send(world, "POST", f"/v1/invoices/{invoice}/pay", Idempotency_Key="k1")[0] == 200


def test_a_storm_has_a_reason_and_an_end() -> None:
    """429 with times and reason, set by control: so many refusals, then none."""
    world = small_world()
    control_api.post(world, "fault", {"kind": "429", "times": 5, "reason": "global-concurrency", "method": "get"})
    answers = [send(world, "GET", "/v1/charges") for _ in range(6)]
    assert [status for status, _, _ in answers] == [429] * 5 + [200]
    assert answers[0][2]["Stripe-Rate-Limited-Reason"] == "global-concurrency"


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "429", "reason": "bad-mood"},
        {"kind": "earthquake"},
        {"kind": "500", "nth": 0},
        {"kind": "slow", "seconds": -1},
        {"kind": "slow", "seconds": "4"},
        {"kind": "500", "colour": "red"},
    ],
)
def test_control_refuses_faults_that_make_no_sense(given: dict[str, Any]) -> None:
    """Unknown kinds, reasons and fields, and counts out of range, are told."""
    with pytest.raises(ControlError):
        control_api.post(small_world(), "fault", given)
