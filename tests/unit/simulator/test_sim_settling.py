"""How invoices end: payments that meet each other, credit that goes back, collection that stops, events that tell."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.findings import Code
from flexpay_reconcile.simulator.judge import judge
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator import subscribing
from tests.unit.simulator.dunned import FIRST, world_of
from tests.unit.simulator.helpers import DAY, START, client, failed_invoice, small_world
from tests.unit.simulator.payments import events
from tests.unit.simulator.test_sim_invoice_life import oneoff
from tests.unit.simulator.test_sim_judge import _Book
from tests.unit.simulator.test_sim_payment_debits import _renewed

ACCOUNT = "acct_1AcmeUS"


def _paid_by_card(api: Any, customer: str, amount: int) -> str:
    """A succeeded intent of the customer's, by a card of its own, that belongs to no invoice yet."""
    card = api.v1.payment_methods.attach("pm_card_visa", {"customer": customer}).id
    wanted = {"amount": amount, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    return str(api.v1.payment_intents.create({**wanted, "payment_method_types": ["card"]}).id)


def _transactions(api: Any, customer: str, type_: str) -> list[tuple[int, str | None, int]]:
    """Amount, invoice and ending balance of the customer's balance transactions of one type, oldest first."""
    rows = api.v1.customers.balance_transactions.list(customer, {"limit": 100}).data[::-1]
    return [(row.amount, row.invoice, row.ending_balance) for row in rows if row.type == type_]


def _codes(world: World) -> list[Code]:
    return [found.code for found in judge(world.ledger)]


def _processing(amount: int) -> tuple[World, Any, Any]:
    """A payment over `amount` is attached while a bank debit of 2900 for the same invoice is on its way."""
    world, invoice = _renewed("pm_usBankAccount_success")
    api = client(world)
    intent = _paid_by_card(api, api.v1.invoices.retrieve(invoice).customer, amount)
    return world, api, api.v1.invoices.attach_payment(invoice, {"payment_intent": intent})


def test_a_debit_that_succeeds_after_a_payment_of_the_whole_is_credited() -> None:
    """The second 2900 is the customer's credit, is told of, and the judge says that the invoice was charged twice."""
    world, api, paid = _processing(2900)
    assert (paid.status, paid.amount_paid, paid.amount_overpaid) == ("paid", 2900, 0)
    assert _codes(world) == []
    world.advance_to(world.now + 5 * DAY)
    paid = api.v1.invoices.retrieve(paid.id)
    assert (paid.status, paid.amount_paid, paid.amount_overpaid, paid.amount_remaining) == ("paid", 2900, 2900, 0)
    assert api.v1.customers.retrieve(paid.customer).balance == -2900
    assert _transactions(api, paid.customer, "invoice_overpaid") == [(-2900, paid.id, -2900)]
    (told,) = events(world, "invoice.overpaid", about=paid.id)
    assert told["data"]["object"]["amount_overpaid"] == 2900
    assert len(events(world, "invoice.paid", about=paid.id)) == 1
    statuses = {row.status for row in api.v1.invoice_payments.list({"invoice": paid.id}).data}
    assert statuses == {"paid"}
    assert _codes(world) == [Code.CHARGED_TWICE]


def test_a_debit_of_the_whole_after_a_payment_of_a_part_credits_the_part() -> None:
    """500 of 2900 were attached while the debit was on its way: when it succeeds, 500 are the customer's credit."""
    world, api, part = _processing(500)
    assert (part.status, part.amount_paid, part.amount_remaining) == ("open", 500, 2400)
    world.advance_to(world.now + 5 * DAY)
    paid = api.v1.invoices.retrieve(part.id)
    assert (paid.status, paid.amount_paid, paid.amount_overpaid, paid.amount_remaining) == ("paid", 2900, 500, 0)
    assert _transactions(api, paid.customer, "invoice_overpaid") == [(-500, paid.id, -500)]
    assert [row["data"]["object"]["amount_overpaid"] for row in events(world, "invoice.overpaid")] == [500]
    assert Code.CHARGED_TWICE in _codes(world)
    assert Code.AMOUNTS_DIFFER not in _codes(world)


def test_what_is_paid_too_much_writes_a_balance_transaction() -> None:
    """A payment of 1000 for 700: the customer's 300 are a transaction of the invoice, and the amounts agree."""
    world = small_world()
    api = client(world)
    invoice = api.v1.invoices.finalize_invoice(oneoff(api, world))
    intent = _paid_by_card(api, invoice.customer, 1000)
    api.v1.invoices.attach_payment(invoice.id, {"payment_intent": intent})
    assert _transactions(api, invoice.customer, "invoice_overpaid") == [(-300, invoice.id, -300)]
    assert Code.AMOUNTS_DIFFER not in _codes(world)


def test_the_amounts_of_an_invoice_paid_in_parts_are_judged() -> None:
    """Parts have ledger rows `part_paid`; their sum is held against what the invoice says, and a lost one is found."""
    world = small_world()
    api = client(world)
    invoice = api.v1.invoices.finalize_invoice(oneoff(api, world))
    api.v1.invoices.attach_payment(invoice.id, {"payment_intent": _paid_by_card(api, invoice.customer, 300)})
    api.v1.invoices.pay(invoice.id)
    rows = [(row["status"], row.get("amount")) for row in world.ledger.states_of(invoice.id)]
    assert rows[-2:] == [("part_paid", 300), ("paid", 700)]
    assert _codes(world) == []
    book = _Book()
    book.open(due=700)
    book.state("in_1", "part_paid", amount=200, detail="ch_9")
    book.charge(amount=400, status="succeeded")
    book.state("in_1", "paid", amount=700)
    assert Code.AMOUNTS_DIFFER in [found.code for found in judge(book.ledger)]


@pytest.mark.parametrize(("balance", "due", "given"), [(-300, 400, -300), (200, 900, 200)], ids=["credit", "debt"])
def test_voiding_gives_back_what_the_balance_gave_or_added(balance: int, due: int, given: int) -> None:
    """Applied credit comes back, and so does an applied debt, as `unapplied_from_invoice` of the invoice."""
    world = small_world()
    api = client(world)
    ada = world.sim.account(ACCOUNT, False).names["ada"]
    api.v1.customers.balance_transactions.create(ada, {"amount": balance, "currency": "usd"})
    invoice = api.v1.invoices.finalize_invoice(oneoff(api, world))
    assert (invoice.amount_due, api.v1.customers.retrieve(ada).balance) == (due, 0)
    api.v1.invoices.void_invoice(invoice.id)
    assert api.v1.customers.retrieve(ada).balance == given
    assert _transactions(api, ada, "unapplied_from_invoice") == [(given, invoice.id, given)]


def test_voiding_gives_nothing_where_nothing_was_applied() -> None:
    """No transaction, no event about the customer, the balance stays."""
    world = small_world()
    api = client(world)
    invoice = api.v1.invoices.finalize_invoice(oneoff(api, world))
    count = len(events(world, "customer.updated"))
    api.v1.invoices.void_invoice(invoice.id)
    assert api.v1.customers.retrieve(invoice.customer).balance == 0
    assert api.v1.customers.balance_transactions.list(invoice.customer).data == []
    assert len(events(world, "customer.updated")) == count


def test_cancelling_one_subscription_stops_collection_of_all_the_customers_invoices() -> None:
    """The other subscription's open invoice is collected no more; another customer's goes on."""
    world, api, invoice = world_of(retries="custom", rules=[20, 5])
    names = world.sim.account(ACCOUNT, False).names
    control.decline(world, "ben", "insufficient_funds")
    world.advance_to(FIRST + 11 * DAY)
    theirs = next(row["id"] for row in control.open_invoices(world) if row["customer"] == names["ben"])
    control.approve(world, "ada")
    other = subscribing.subscribe(api, owner=names["ada"])
    api.v1.subscriptions.cancel(other.id)
    stopped, going = api.v1.invoices.retrieve(invoice), api.v1.invoices.retrieve(theirs)
    assert (stopped.status, stopped.auto_advance, stopped.next_payment_attempt) == ("open", False, None)
    assert (going.status, going.auto_advance, going.next_payment_attempt is None) == ("open", True, False)
    told = events(world, "invoice.updated", about=invoice)[-1]["data"]["previous_attributes"]
    assert set(told) == {"auto_advance", "next_payment_attempt"}


def test_a_planned_try_of_another_subscriptions_invoice_is_taken_back() -> None:
    """`next_payment_attempt` of the sibling's invoice is null at once, and nothing is charged at that instant."""
    world, api, invoice = world_of(retries="custom", rules=[3])
    open_ = api.v1.invoices.retrieve(invoice)
    assert open_.next_payment_attempt is not None
    control.approve(world, "ada")
    other = subscribing.subscribe(api, owner=open_.customer)
    tries = len(world.ledger.charges)
    api.v1.subscriptions.cancel(other.id)
    assert api.v1.invoices.retrieve(invoice).next_payment_attempt is None
    world.advance_to(open_.next_payment_attempt + DAY)
    assert len(world.ledger.charges) == tries


def test_cancelling_stops_the_subscriptions_own_draft() -> None:
    """A draft of the cancelled subscription is not finalised by itself; the sibling's draft still is."""
    world = small_world()
    api = client(world)
    ada = world.sim.account(ACCOUNT, False).names["ada"]
    mine, sibling = (subscribing.subscribe(api, owner=ada) for _ in range(2))
    world.advance_to(START + 31 * DAY + 60)
    drafts = {
        row.parent.subscription_details.subscription: row.id
        for row in api.v1.invoices.list({"customer": ada, "status": "draft"}).data
    }
    assert {mine.id, sibling.id} <= set(drafts)
    api.v1.subscriptions.cancel(mine.id)
    stopped = api.v1.invoices.retrieve(drafts[mine.id])
    assert (stopped.auto_advance, stopped.automatically_finalizes_at) == (False, None)
    world.advance_to(world.now + 2 * DAY)
    assert api.v1.invoices.retrieve(drafts[mine.id]).status == "draft"
    assert api.v1.invoices.retrieve(drafts[sibling.id]).status == "paid"


def _told(before: dict[str, Any], event: dict[str, Any]) -> None:
    """`previous_attributes` names exactly the top-level fields whose values differ between two snapshots."""
    after, named = event["data"]["object"], event["data"]["previous_attributes"]
    differ = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    assert set(named) == differ
    for name, value in named.items():
        if isinstance(before[name], dict):
            assert {key: before[name][key] for key in value} == value
        else:
            assert before[name] == value


@pytest.mark.parametrize("move", ["pay", "pay_elsewhere", "out_of_band", "void", "uncollectible"])
def test_invoice_updated_names_every_field_that_changed(move: str) -> None:
    """Compared with the snapshot before: status, amounts, transitions, attempts: all that changed, and nothing else."""
    world = small_world(billing={"retries": "custom", "rules": [3]})
    invoice = failed_invoice(world)
    api = client(world)
    control.approve(world, "ada")
    before = dict(world.sim.account(ACCOUNT, False).get("invoice", invoice))
    assert before["next_payment_attempt"] is not None
    if move == "pay":
        api.v1.invoices.pay(invoice)
    elif move == "pay_elsewhere":
        control.pay_elsewhere(world, "ada")
    elif move == "out_of_band":
        api.v1.invoices.pay(invoice, {"paid_out_of_band": True})
    elif move == "void":
        api.v1.invoices.void_invoice(invoice)
    else:
        api.v1.invoices.mark_uncollectible(invoice)
    _told(before, events(world, "invoice.updated", about=invoice)[-1])
