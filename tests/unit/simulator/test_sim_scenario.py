"""Scenarios, generated cardholders, determinism, control."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
import stripe
import yaml

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.scenario.scenario import ScenarioError, build_world, env_of
from tests.unit.simulator.helpers import DAY, START, client, document, failed_invoice, send, small_world

ROOT = Path(__file__).parents[3]


def _book(world: str = "us-mixed", count: int = 400, seed: int = 7):
    made = document(
        customers={},
        books=[
            {
                "name": "members",
                "count": count,
                "price": "gold",
                "world": world,
                "time_zones": ["America/New_York", "America/Los_Angeles"],
            }
        ],
    )
    made["seed"] = seed
    return build_world(made)


def test_the_first_example_builds() -> None:
    """examples/01-one-account/scenario.yaml gives one account, two keys and three paying customers."""
    world = build_world(yaml.safe_load((ROOT / "examples/01-one-account/scenario.yaml").read_text()))
    assert set(env_of(world)) == {"ACME_US_STRIPE_PRIMARY", "ACME_US_STRIPE_FALLBACK"}
    assert control.counts(world)["subscriptions"] == {"active": 3}
    assert control.counts(world)["invoices"] == {"paid": 3}


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"colour": "red"}, "accounts.acct_1AcmeUS.colour"),
        ({"keys": [{"type": "restricted", "permissions": ["rak_nope"]}]}, "accounts.acct_1AcmeUS.keys[0].permissions"),
        ({"keys": [{"type": "own"}]}, "accounts.acct_1AcmeUS.keys[0].type"),
        ({"keys": [{"type": "standard", "secret": "rk_test_" + "x" * 20}]}, "accounts.acct_1AcmeUS.keys[0].secret"),
        (
            {"prices": {"gold": {"amount": -1, "currency": "usd", "interval": "month"}}},
            "accounts.acct_1AcmeUS.prices.gold.amount",
        ),
        ({"customers": {"ada": {"price": "silver"}}}, "accounts.acct_1AcmeUS.customers.ada.price"),
        ({"customers": {"ada": {"price": "gold", "card": "pm_card_nope"}}}, "accounts.acct_1AcmeUS.customers.ada.card"),
        (
            {"customers": {"ada": {"price": "gold", "started": "2027-01-01T00:00:00Z"}}},
            "accounts.acct_1AcmeUS.customers.ada.started",
        ),
        (
            {"customers": {"ada": {"price": "gold", "time_zone": "Mars/North"}}},
            "accounts.acct_1AcmeUS.customers.ada.time_zone",
        ),
        (
            {"customers": {"ada": {"price": "gold", "started": "2025-01-01T00:00:00"}}},
            "accounts.acct_1AcmeUS.customers.ada.started",
        ),
        (
            {"books": [{"name": "m", "count": 1, "price": "gold", "world": "moon"}]},
            "accounts.acct_1AcmeUS.books[0].world",
        ),
        (
            {"books": [{"name": "m", "count": 1, "price": "gold", "world": "us-mixed", "started_within_days": 10**9}]},
            "accounts.acct_1AcmeUS.books[0].started_within_days",
        ),
        ({"customers": {"ada": {"price": []}}}, "accounts.acct_1AcmeUS.customers.ada.price"),
        ({"livemode": "yes"}, "accounts.acct_1AcmeUS.livemode"),
    ],
)
def test_a_fault_in_a_scenario_names_its_path(change, path) -> None:
    """What is wrong is said with the path to it."""
    with pytest.raises(ScenarioError) as caught:
        build_world(document(**change))
    assert caught.value.path == path


def test_a_scenario_needs_version_start_and_accounts() -> None:
    """The three are required; other versions are refused."""
    for broken in (
        {},
        {"version": 2, "start": "2026-01-01T00:00:00Z", "accounts": {"acct_1": {}}},
        {"version": 1, "start": "soon", "accounts": {"acct_1": {}}},
        {"version": 1, "start": "9999-12-31T23:59:59Z", "accounts": {"acct_1": {}}},
        {"version": 1, "start": "0001-01-01T00:00:00+14:00", "accounts": {"acct_1": {}}},
        {"version": 1, "start": 10**30, "accounts": {"acct_1": {}}},
        {"version": 1, "start": "2026-01-01T00:00:00Z", "accounts": {}},
    ):
        with pytest.raises(ScenarioError):
            build_world(broken)


def test_the_same_scenario_and_calls_give_the_same_ledger() -> None:
    """Equal digests for equal stories; another seed gives another one."""
    digests = set()
    for seed in (7, 7, 8):
        world = _book(count=60, seed=seed)
        api = client(world)
        world.advance_to(START + 31 * DAY)
        for invoice in api.v1.invoices.list({"status": "open", "limit": 100}).data:
            send(world, "POST", f"/v1/invoices/{invoice.id}/pay", Idempotency_Key=f"k-{invoice.id}")
        digests.add(world.ledger.digest())
    assert len(digests) == 2


def test_another_process_tells_the_same_story() -> None:
    """No value hangs on Python's own hashing: two processes with different hash seeds agree on the ledger."""
    script = (
        "from tests.unit.simulator.test_sim_scenario import _book, START, DAY\n"
        "world = _book(count=120)\nworld.advance_to(START + 31 * DAY)\nprint(world.ledger.digest())"
    )
    told = {
        subprocess.run(
            [sys.executable, "-c", script],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
            env={**os.environ, "PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    }
    assert len(told) == 1
    assert len(told.pop().strip()) == 64


def test_issuers_do_not_depend_on_how_time_is_walked() -> None:
    """One leap and many small steps give the same charges."""
    leap, steps = _book(count=60), _book(count=60)
    leap.advance_to(START + 40 * DAY)
    for day in range(41):
        steps.advance_to(START + day * DAY)
    assert leap.ledger.digest() == steps.ledger.digest()


def test_a_generated_book_fails_like_a_real_one() -> None:
    """About one renewal in eight fails at first; most failures are funds or an unexplained refusal; some are hard."""
    world = _book(count=1500)
    world.advance_to(START + 31 * DAY)
    renewals = [row for row in world.ledger.charges if row["source"] == "stripe"]
    failed = [row for row in renewals if row["status"] == "failed"]
    assert 0.09 < len(failed) / len(renewals) < 0.16
    soft = sum(row["reason"] in ("insufficient_funds", "do_not_honor") for row in failed)
    hard = sum(
        row["reason"] in ("lost_card", "stolen_card", "pickup_card", "transaction_not_allowed") for row in failed
    )
    assert 0.6 < soft / len(failed) < 0.85
    assert 0.03 < hard / len(failed) < 0.25


def test_a_book_lives_two_months_quickly_and_never_pays_twice() -> None:
    """Sixty days of a book: renewals for everybody, at most one success an invoice."""
    world = _book(count=300)
    world.advance_to(START + 60 * DAY)
    assert max(world.ledger.successes_by_invoice().values()) == 1
    assert sum(control.counts(world)["invoices"].values()) > 800
    assert world.next_event_at() > world.now


def test_scripts_are_counted_and_replaced() -> None:
    """`times` declines so often and no more; approve lifts an open-ended script."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.decline(world, "ada", "do_not_honor", times=1)
    with pytest.raises(stripe.CardError, match="declined"):
        api.v1.invoices.pay(invoice)
    assert api.v1.invoices.pay(invoice).status == "paid"


def test_control_refuses_what_it_cannot_do() -> None:
    """Unknown customers, fields, cards and instants in the past are refused with words."""
    world = small_world()
    invoice = failed_invoice(world)
    ada = world.sim.account("acct_1AcmeUS", False).names["ada"]
    for attempt in (
        lambda: control.decline(world, "nobody", "x"),
        lambda: control.decline(world, "ada", ""),
        lambda: control.decline(world, "ada", "do_not_honor", times=0),
        lambda: control.replace_card(world, "ada", "pm_card_chargeDeclinedExpiredCard"),
        lambda: control.set_field(world, invoice, "status", "paid"),
        lambda: control.set_field(world, invoice, "next_payment_attempt", world.now),
        lambda: control.set_field(world, "xx_1", "metadata", {}),
        lambda: control.pay_elsewhere(world, "ben"),
        lambda: control.void_invoice(world, "in_none"),
    ):
        with pytest.raises(control.ControlError):
            attempt()
    assert control.customer_of(world, ada)[1]["id"] == control.customer_of(world, "acct_1AcmeUS/ada")[1]["id"] == ada


def test_the_ledger_rows_tell_who_charged() -> None:
    """Rows carry source, key and fingerprint; history is marked as such."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    api.v1.invoices.pay(invoice, options={"idempotency_key": "fp1:x"})
    rows = control.ledger_rows(world)
    assert [row["source"] for row in rows if row["invoice"] == invoice] == ["stripe", "request"]
    assert rows[-1]["idempotency_key"] == "fp1:x"
    assert rows[-1]["fingerprint"]
    assert {row["source"] for row in rows if row["created"] < START} == {"history"}


def test_chance_is_a_function_of_its_words() -> None:
    """Same words, same value; the values are spread over the range."""
    assert chance.uniform("a", 1) == chance.uniform("a", 1)
    values = [chance.uniform("b", n) for n in range(1000)]
    assert 0.45 < sum(values) / 1000 < 0.55
    assert chance.pick((("x", 1.0), ("y", 0.0)), "c") == "x"
    assert len({chance.token(24, n) for n in range(500)}) == 500
