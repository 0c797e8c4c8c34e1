"""What must neither appear nor vanish: sums too large, refunded or captured in part, other currencies, other customers.

And what is gone with a test clock, or was paid by somebody else meanwhile.
"""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.findings import Code
from flexpay_reconcile.simulator.judge import judge
from flexpay_reconcile.simulator.ledger import Ledger
from flexpay_reconcile.simulator.resources import collection
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.payments import events, new_customer, verb
from tests.unit.simulator.test_sim_invoice_life import oneoff

TOO_MUCH = 100_000_000


def _debited() -> tuple[World, Any, str, str]:
    """Ada's renewal is being debited from a bank account; world, client, invoice, customer."""
    customers = {
        "ada": {"card": "pm_usBankAccount_insufficientFunds", "price": "gold", "started": "2025-11-30T09:00:00Z"}
    }
    world = small_world(customers=customers)
    world.advance_to(START + 29 * DAY + 11 * 3600)
    (invoice,) = control.open_invoices(world)
    return world, client(world), str(invoice["id"]), str(invoice["customer"])


def _paid_intent(api: Any, customer: str, amount: int, method: str = "pm_card_visa", **more: Any) -> Any:
    card = api.v1.payment_methods.attach(method, {"customer": customer}).id
    wanted = {"amount": amount, "currency": "usd", "customer": customer, "payment_method": card, "confirm": True}
    return api.v1.payment_intents.create({**wanted, "payment_method_types": ["card"], **more})


@pytest.mark.parametrize("what", ["items", "intent", "balance", "price"])
def test_sums_have_eight_digits_at_most(what: str) -> None:
    """More is refused before anything is written, and the ledger goes on."""
    world = small_world()
    api = client(world)
    customer, _ = new_customer(world)
    asked = {"amount": TOO_MUCH, "currency": "usd"}
    calls = {
        "items": lambda: api.v1.invoice_items.create({**asked, "customer": customer}),
        "intent": lambda: api.v1.payment_intents.create(asked),
        "balance": lambda: api.v1.customers.balance_transactions.create(customer, asked),
        "price": lambda: api.v1.prices.create(
            {"currency": "usd", "unit_amount": TOO_MUCH, "product": api.v1.products.create({"name": "x"}).id}
        ),
    }
    with pytest.raises(stripe.InvalidRequestError) as refused:
        calls[what]()
    assert refused.value.code == "amount_too_large"
    world.advance_to(world.now + 40 * DAY)
    assert world.ledger.digest()


def test_a_number_that_no_column_holds_leaves_the_ledger_whole() -> None:
    """The refusal comes before the first column is written: the rows before and after it can be read."""
    ledger = Ledger()
    ledger.state(1, "acct_1", "in_1", "open", amount=5)
    with pytest.raises(OverflowError):
        ledger.state(2, "acct_1", "in_1", "paid", amount=2**63)
    ledger.state(3, "acct_1", "in_1", "void", amount=5)
    assert [row["status"] for row in ledger.rows] == ["open", "void"]


def test_the_judge_sees_a_charge_over_more_than_was_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    """One charge of 99.00 for an invoice over 29.00 is told as amounts that differ, whatever the invoice says."""
    real = collection._intent

    def greedy(sim: Any, account: Any, invoice: Any) -> Any:
        intent = real(sim, account, invoice)
        intent["amount"] = 9900
        return intent

    monkeypatch.setattr(collection, "_intent", greedy)
    world = small_world()
    world.advance_to(START + 29 * DAY + 11 * 3600)
    assert Code.AMOUNTS_DIFFER in {each.code for each in judge(world.ledger)}


def test_a_debit_that_comes_back_after_somebody_paid_changes_nothing() -> None:
    """The invoice stays paid, nothing is told of a failed payment, and the intent cannot be confirmed any more."""
    world, api, invoice, customer = _debited()
    intent = _paid_intent(api, customer, 2900)
    api.v1.invoices.attach_payment(invoice, {"payment_intent": intent.id})
    world.advance_to(world.now + 6 * DAY)
    paid = api.v1.invoices.retrieve(invoice, {"expand": ["payments"]})
    assert (paid.status, paid.amount_overpaid) == ("paid", 0)
    assert not events(world, "invoice.payment_failed")
    assert api.v1.customers.retrieve(customer).delinquent is False
    (default,) = [row for row in paid.payments.data if row.is_default]
    assert api.v1.payment_intents.retrieve(default.payment.payment_intent).status == "canceled"
    with pytest.raises(stripe.InvalidRequestError):
        api.v1.payment_intents.confirm(default.payment.payment_intent, {"payment_method": "pm_card_visa"})


def test_a_partial_capture_brings_what_was_captured() -> None:
    """5,000 authorised and 1,000 captured pay 1,000 of an invoice, and nothing is left over."""
    world = small_world()
    api = client(world)
    customer = api.v1.customers.list().data[0].id
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    customer = api.v1.invoices.retrieve(invoice).customer
    held = _paid_intent(api, customer, 5000, capture_method="manual")
    captured = api.v1.payment_intents.capture(held.id, {"amount_to_capture": 100})
    assert captured.amount_received == 100
    part = api.v1.invoices.attach_payment(invoice, {"payment_intent": held.id})
    assert (part.status, part.amount_paid) == ("open", 100)


def test_what_was_refunded_pays_nothing() -> None:
    """A payment that was given back cannot be attached."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    intent = _paid_intent(api, api.v1.invoices.retrieve(invoice).customer, 700)
    api.v1.refunds.create({"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError, match="was refunded"):
        api.v1.invoices.attach_payment(invoice, {"payment_intent": intent.id})


def test_an_intent_given_to_another_customer_does_not_charge_the_first_ones_card() -> None:
    """The card belongs to somebody else then, and the confirmation is refused."""
    world = small_world()
    api = client(world)
    first, card = new_customer(world)
    second, _ = new_customer(world)
    intent = api.v1.payment_intents.create(
        {"amount": 700, "currency": "usd", "customer": first, "payment_method": card, "payment_method_types": ["card"]}
    )
    with pytest.raises(stripe.InvalidRequestError, match="belongs to a Customer"):
        api.v1.payment_intents.update(intent.id, {"customer": second})
        api.v1.payment_intents.confirm(intent.id)


def test_a_balance_is_kept_in_one_currency() -> None:
    """Credit in another currency than the customer's is refused, and pays no invoice."""
    world = small_world()
    api = client(world)
    customer, _ = new_customer(world)
    api.v1.customers.balance_transactions.create(customer, {"amount": -500, "currency": "usd"})
    with pytest.raises(stripe.InvalidRequestError, match="own currency"):
        api.v1.customers.balance_transactions.create(customer, {"amount": -500, "currency": "eur"})
    api.v1.invoice_items.create({"customer": customer, "amount": 900, "currency": "eur"})
    made = api.v1.invoices.create(
        {"customer": customer, "currency": "eur", "pending_invoice_items_behavior": "include"}
    )
    assert api.v1.invoices.finalize_invoice(made.id).amount_due == 900
    assert api.v1.customers.retrieve(customer).balance == -500


def test_an_invoice_paid_in_part_is_not_voided() -> None:
    """The part would be lost."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    intent = _paid_intent(api, api.v1.invoices.retrieve(invoice).customer, 300)
    api.v1.invoices.attach_payment(invoice, {"payment_intent": intent.id})
    with pytest.raises(stripe.InvalidRequestError, match="paid in part"):
        api.v1.invoices.void_invoice(invoice)


def test_what_was_on_its_way_is_gone_with_its_clock() -> None:
    """A debit and a refund of a customer who went over to a clock that is deleted: the world goes on."""
    world, api, _, customer = _debited()
    intent = _paid_intent(api, customer, 700)
    api.v1.refunds.create({"payment_intent": intent.id})
    clock = api.v1.test_helpers.test_clocks.create({"frozen_time": world.now, "customer": customer})
    api.v1.test_helpers.test_clocks.delete(clock.id)
    world.advance_to(world.now + 60 * DAY)
    assert api.v1.customers.list().data == []


def test_a_debit_on_its_way_goes_over_to_the_clock() -> None:
    """It is not answered in the world's time any more, but when the clock is advanced."""
    world, api, invoice, customer = _debited()
    clock = api.v1.test_helpers.test_clocks.create({"frozen_time": world.now, "customer": customer})
    world.advance_to(world.now + 8 * DAY)
    assert api.v1.charges.list({"customer": customer}).data[0].status == "pending"
    api.v1.test_helpers.test_clocks.advance(clock.id, {"frozen_time": clock.frozen_time + 8 * DAY})
    world.advance_to(world.now + 3600)
    assert api.v1.charges.list({"customer": customer}).data[0].status == "failed"
    assert api.v1.invoices.retrieve(invoice).status == "open"


def test_verbs_act_in_the_time_of_the_clock() -> None:
    """A customer on a clock pays, and is cancelled, at the clock's time."""
    world = small_world()
    api = client(world)
    then = START + 400 * DAY
    clock = api.v1.test_helpers.test_clocks.create({"frozen_time": then})
    customer = api.v1.customers.create({"test_clock": clock.id}).id
    api.v1.invoice_items.create({"customer": customer, "amount": 900, "currency": "usd"})
    made = api.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    api.v1.invoices.finalize_invoice(made.id)
    verb(world, "pay-elsewhere", customer=customer)
    assert api.v1.invoices.retrieve(made.id).status_transitions.paid_at == then


@pytest.mark.parametrize("change", [{"amount": 500}, {"description": "other"}])
def test_an_item_of_a_proration_on_a_draft_can_be_changed_and_deleted(change: dict[str, Any]) -> None:
    """The draft's line follows the item, and goes with it."""
    world = small_world()
    api = client(world)
    customer, _ = new_customer(world)
    product = api.v1.products.create({"name": "Plan"}).id
    cheap, dear = (
        api.v1.prices.create(
            {"currency": "usd", "unit_amount": amount, "product": product, "recurring": {"interval": "month"}}
        ).id
        for amount in (1000, 9000)
    )
    sub = api.v1.subscriptions.create({"customer": customer, "items": [{"price": cheap}]})
    world.advance_to(world.now + 10 * DAY)
    item = sub["items"].data[0].id
    api.v1.subscription_items.update(item, {"price": dear})
    made = api.v1.invoices.create({"customer": customer, "pending_invoice_items_behavior": "include"})
    rows = [row for row in api.v1.invoice_items.list({"customer": customer}).data if row.proration]
    assert rows
    before = api.v1.invoices.retrieve(made.id).total
    try:
        api.v1.invoice_items.update(rows[0].id, change)
    except stripe.InvalidRequestError:
        assert "amount" in change  # Stripe's rule may forbid it; a traceback may not
    api.v1.invoice_items.delete(rows[0].id)
    left = api.v1.invoices.retrieve(made.id)
    assert left.total != before
    assert len(left.lines.data) == len(rows) - 1


def test_nothing_is_set_to_be_collected_of_a_paid_invoice() -> None:
    """The verb `set` refuses to make a paid invoice advance."""
    world = small_world()
    world.advance_to(START + 29 * DAY + 11 * 3600)
    paid = next(row for row in client(world).v1.invoices.list().data if row.status == "paid")
    with pytest.raises(ControlError, match="nothing is collected"):
        control.set_field(world, paid.id, "auto_advance", True)
