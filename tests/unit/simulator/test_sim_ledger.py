"""The ledger: every charge, refund, dispute and change of state, with its cause, queryable, and lean."""

from __future__ import annotations

import json
import tracemalloc
from typing import Any

import pytest
import yaml

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.issuers import worlds
from flexpay_reconcile.simulator.ledger import Ledger, when
from flexpay_reconcile.simulator.scenario import playthrough
from flexpay_reconcile.simulator.scenario.scenario import build_world, env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, HOUR, START, client, failed_invoice, small_world

WITH_STATUS = ("invoice", "subscription", "payment_intent", "dispute")


def _lived(world: World) -> str:
    """A failed renewal, a paid retry, a refund, a cancellation, cards and endpoints coming and going; the invoice."""
    api = client(world)
    endpoint = api.v1.webhook_endpoints.create({"url": "https://a.example/x", "enabled_events": ["invoice.paid"]})
    api.v1.webhook_endpoints.update(endpoint.id, {"disabled": True})
    api.v1.webhook_endpoints.delete(endpoint.id)
    invoice = failed_invoice(world)
    control.replace_card(world, "ada", "pm_card_visa_debit")
    api.v1.invoices.pay(invoice, options={"idempotency_key": "once"})
    charge = next(row for row in world.ledger.of(invoice) if row["kind"] == "charge" and row["status"] == "succeeded")
    api.v1.refunds.create({"charge": charge["id"], "amount": 100})
    control.cancel_subscription(world, "ben")
    world.advance_to(world.now + 40 * DAY)
    control.decline(world, "ada", "requires_action")
    world.advance_to(world.now + 40 * DAY)
    other = control.open_invoices(world)[0]["id"]
    api.v1.invoices.mark_uncollectible(other)
    api.v1.invoices.void_invoice(other)
    customer = world.sim.accounts[("acct_1AcmeUS", False)].names["ada"]
    method = api.v1.payment_methods.list({"customer": customer}).data[0]
    api.v1.payment_methods.detach(method.id)
    return invoice


def _missing(world: World) -> list[tuple[str, Any, Any]]:
    """Objects whose present status is not the last one the ledger knows."""
    found = []
    for account in world.sim.accounts.values():
        for kind in WITH_STATUS:
            for row in account.table(kind).rows.values():
                known = [each["status"] for each in world.ledger.states_of(row["id"]) if " " not in each["status"]]
                if not known or known[-1] != row["status"]:
                    found.append((row["id"], row["status"], known))
        for row in account.table("payment_method").rows.values():
            known = [each["status"] for each in world.ledger.states_of(row["id"])]
            if (known[-1:] == ["attached"]) is not (row["customer"] is not None):
                found.append((row["id"], row["customer"], known))
    return found


def test_the_ledger_knows_the_present_status_of_every_object() -> None:
    """After a varied life the last recorded state of each object is the one it has."""
    world = small_world()
    _lived(world)
    assert _missing(world) == []


def test_an_unreported_change_of_state_is_found_missing() -> None:
    """The check above can fail: a status changed past the ledger shows."""
    world = small_world()
    account = world.sim.accounts[("acct_1AcmeUS", False)]
    row = next(iter(account.table("subscription").rows.values()))
    row["status"] = "paused"
    assert [each[0] for each in _missing(world)] == [row["id"]]


def test_states_are_told_in_order_with_their_cause() -> None:
    """Draft and open by Stripe, paid by a request with its key's name and idempotency key."""
    world = small_world()
    invoice = _lived(world)
    rows = world.ledger.states_of(invoice)
    assert [row["status"] for row in rows] == ["draft", "open", "paid"]
    assert [row["source"] for row in rows] == ["stripe", "stripe", "request"]
    assert (rows[-1]["key_name"], rows[-1]["idempotency_key"]) == ("Standard", "once")
    assert rows[-1]["request"].startswith("req_")
    assert rows[0]["amount"] == 2900
    assert rows[0]["detail"].startswith("sub_")
    subscription = control.customer_of(world, "ben")[0].table("subscription")
    ben = subscription.rows[subscription.by("customer", control.customer_of(world, "ben")[1]["id"])[0]]["id"]
    assert world.ledger.states_of(ben)[-1]["status"] == "canceled"
    assert world.ledger.states_of(ben)[-1]["source"] == "dashboard"


def test_endpoints_and_cards_leave_their_states() -> None:
    """Enabled, disabled, deleted; attached by the customer, detached by a request."""
    world = small_world()
    _lived(world)
    states = [(row["object"][:3], row["status"], row["source"]) for row in world.ledger.rows if row["kind"] == "state"]
    assert [each[1] for each in states if each[0] == "we_"] == ["enabled", "disabled", "deleted"]
    cards = [(each[1], each[2]) for each in states if each[0] == "pm_"]
    assert ("attached", "customer") in cards
    assert cards[-1] == ("detached", "request")


def test_queries_agree_with_the_rows() -> None:
    """`of`, `charges_of` and `between` give what a walk over all rows gives, also after more has happened."""
    world = small_world()
    for _ in range(2):
        invoice = _lived(world) if world.now == START else failed_invoice_later(world)
        ledger = world.ledger
        rows = list(ledger.rows)
        assert ledger.of(invoice) == [row for row in rows if invoice in (row.get("invoice"), row.get("object"))]
        customer = control.customer_of(world, "ada")[1]["id"]
        assert ledger.charges_of(customer) == [row for row in rows if row.get("customer") == customer]
        a, b = START + 29 * DAY, START + 31 * DAY
        assert ledger.between(a, b) == [row for row in rows if a <= when(row) < b]
        assert ledger.between(a, b)
        assert len(ledger.rows) == len(rows)
        assert ledger.rows[-1] == rows[-1]
        assert ledger.rows[2:5] == rows[2:5]
    with pytest.raises(IndexError):
        ledger.rows[len(rows)]
    assert ledger.states_of("in_nobody") == []


def failed_invoice_later(world: World) -> str:
    """Another month passes; the newest invoice of ada."""
    control.approve(world, "ada")
    world.advance_to(world.now + 31 * DAY)
    account, customer = control.customer_of(world, "ada")
    return account.table("invoice").by("customer", customer["id"])[-1]


def test_the_digest_is_the_same_however_often_it_is_asked() -> None:
    """Taken at every step or once at the end: one hash; a row more, another hash."""
    asked, unasked = small_world(), small_world()
    for world in (asked, unasked):
        for _ in range(5):
            world.advance_to(world.now + 10 * DAY)
            if world is asked:
                world.ledger.digest()
    assert asked.ledger.digest() == unasked.ledger.digest()
    before = asked.ledger.digest()
    asked.ledger.state(asked.now, "acct_1AcmeUS", "in_x", "paid")
    assert asked.ledger.digest() != before


def test_all_rows_are_json() -> None:
    """Each row can be written out as it is."""
    world = small_world()
    _lived(world)
    assert json.loads(json.dumps(list(world.ledger.rows)))
    assert env_of(world)["PRIMARY"] not in json.dumps(list(world.ledger.rows))


def test_a_year_of_a_big_book_fits_in_memory() -> None:
    """A charge with the five changes of state around it takes less than 1 kB: 120,000 of them less than 120 MB."""
    ledger = Ledger()
    small = small_world()
    small.advance_to(START + 30 * DAY + HOUR)
    row = dict(small.ledger.charges[-1])
    number = 5000
    names = [[f"{prefix}_{each}" for prefix in ("in", "pi", "ch")] for each in range(number)]
    tracemalloc.start()
    try:
        for invoice, intent, charge in names:
            for object_, status in ((invoice, "draft"), (invoice, "open"), (intent, "requires_payment_method")):
                ledger.state(START, "acct_1AcmeUS", object_, status, amount=2900, detail="sub_1")
            ledger.charge({**row, "id": charge, "invoice": invoice, "payment_intent": intent})
            for object_, status in ((intent, "succeeded"), (invoice, "paid")):
                ledger.state(START, "acct_1AcmeUS", object_, status)
        used = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert used / number < 1000


@pytest.mark.parametrize("name", sorted(worlds.scenario_texts()))
def test_every_packaged_scenario_leaves_nothing_unrecorded(name: str) -> None:
    """Disputes, bank debits, schedules of Stripe's own: the ledger's last word is what the object says."""
    world = build_world(yaml.safe_load(worlds.scenario_texts()[name]))
    world.deliver = lambda *_: 200
    playthrough.run(world)
    assert _missing(world) == []
    charges = {row["id"]: row["status"] for row in world.ledger.charges}
    disputes = {row["id"] for row in world.ledger.disputes}
    refunds = {row["id"]: row["status"] for row in world.ledger.refunds}
    for account in world.sim.accounts.values():
        assert {row["id"]: row["status"] for row in account.table("charge").rows.values()}.items() <= charges.items()
        assert set(account.table("dispute").rows) <= disputes
        for row in account.table("refund").rows.values():
            states = [each["status"] for each in world.ledger.states_of(row["id"])]
            assert (states or [refunds[row["id"]]])[-1] == row["status"]
