"""Bank debits of invoices: pending for days, then paid or returned; and the test's word on them."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.issuers import banks
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.payments import charges_of, events, new_customer, price, refused, types_since, verb


def _customers(bank: str) -> dict[str, Any]:
    return {"ada": {"card": bank, "price": "gold", "started": "2025-11-30T09:00:00Z"}}


def _renewed(bank: str, **changes: Any) -> tuple[World, str]:
    """Ada's renewal is being debited from this test account; the world and her open invoice."""
    world = small_world(customers=_customers(bank), **changes)
    world.advance_to(START + 29 * DAY + 11 * 3600)
    (invoice,) = control.open_invoices(world)
    return world, str(invoice["id"])


def test_a_renewal_is_debited_and_paid_days_later() -> None:
    """Open with a processing intent and a pending charge; then charge, intent, invoice and subscription are settled."""
    world, invoice = _renewed("pm_usBankAccount_success")
    v1 = client(world).v1
    open_ = v1.invoices.retrieve(invoice, {"expand": ["payments.data.payment.payment_intent"]})
    intent = open_.payments.data[0].payment.payment_intent
    assert (open_.status, open_.attempted, open_.attempt_count) == ("open", True, 1)
    assert (intent.status, intent.last_payment_error) == ("processing", None)
    charge = charges_of(world, open_.customer)[0]
    assert (charge.status, charge.paid, charge.failure_code) == ("pending", False, None)
    assert charge.id.startswith("py_")
    assert charge.payment_method_details.type == "us_bank_account"
    assert [row["type"] for row in events(world, "payment_intent.processing", "charge.pending")] == [
        "charge.pending",
        "payment_intent.processing",
    ]
    assert not events(world, "invoice.payment_failed")
    assert v1.subscriptions.list({}).data[0].status == "active"
    count = len(events(world))
    world.advance_to(world.now + 4 * DAY)
    assert types_since(world, count)[:3] == ["charge.succeeded", "payment_intent.succeeded", "invoice_payment.paid"]
    assert v1.invoices.retrieve(invoice).status == "paid"
    assert world.ledger.successes_by_invoice()[invoice] == 1
    assert [row["status"] for row in world.ledger.of(invoice) if row["kind"] == "charge"] == ["pending", "succeeded"]


@pytest.mark.parametrize(
    ("bank", "code", "network_code"),
    [
        ("pm_usBankAccount_insufficientFunds", "insufficient_funds", "R01"),
        ("pm_usBankAccount_accountClosed", "account_closed", "R02"),
        ("pm_usBankAccount_noAccount", "no_account", "R03"),
        ("pm_usBankAccount_debitNotAuthorized", "debit_not_authorized", "R10"),
    ],
)
def test_a_returned_debit_fails_the_invoice_days_later(bank: str, code: str, network_code: str) -> None:
    """charge.failed with the bank's code, invoice.payment_failed by Stripe itself, and the subscription past due."""
    world, invoice = _renewed(bank)
    v1 = client(world).v1
    count = len(events(world))
    world.advance_to(world.now + 4 * DAY)
    told = types_since(world, count)
    assert told[:3] == ["charge.failed", "payment_intent.payment_failed", "invoice.payment_failed"]
    assert {row["request"]["id"] for row in events(world)[count:]} == {None}
    failed = v1.invoices.retrieve(invoice)
    assert (failed.status, failed.attempt_count) == ("open", 1)
    charge = charges_of(world, failed.customer)[0]
    assert (charge.status, charge.failure_code) == ("failed", code)
    assert (charge.outcome.network_decline_code, charge.outcome.reason) == (network_code, code)
    assert v1.subscriptions.list({"status": "all"}).data[0].status == "past_due"


def test_pay_answers_200_open_and_refuses_a_second_payment_meanwhile() -> None:
    """A manual payment by bank leaves the invoice open and processing; another one is refused, not charged."""
    world = small_world(customers=_customers("pm_card_chargeCustomerFail"))
    world.advance_to(START + 29 * DAY + 11 * 3600)
    (invoice,) = control.open_invoices(world)
    v1 = client(world).v1
    bank = v1.payment_methods.attach("pm_usBankAccount_success", {"customer": invoice["customer"]})
    paying = v1.invoices.pay(invoice["id"], {"payment_method": bank.id})
    assert paying.status == "open"
    before = len(charges_of(world, invoice["customer"]))
    assert refused(v1.invoices.pay, invoice["id"]).http_status == 400
    assert len(charges_of(world, invoice["customer"])) == before
    world.advance_to(world.now + 4 * DAY)
    assert v1.invoices.retrieve(invoice["id"]).status == "paid"


def test_a_test_may_say_what_the_bank_answers() -> None:
    """`settle-debit` settles now; a script of the customer decides what the bank says in its own time."""
    world, invoice = _renewed("pm_usBankAccount_processing")
    world.advance_to(world.now + 10 * DAY)
    assert client(world).v1.invoices.retrieve(invoice).status == "open"
    verb(world, "settle-debit", customer="ada", outcome="failed", code="insufficient_funds")
    assert charges_of(world, world.sim.accounts[("acct_1AcmeUS", False)].names["ada"])[0].failure_code == (
        "insufficient_funds"
    )
    with pytest.raises(ControlError):
        verb(world, "settle-debit", customer="ada", outcome="succeeded")
    world, invoice = _renewed("pm_usBankAccount_success")
    control.decline(world, "ada", "debit_not_authorized")
    world.advance_to(world.now + 4 * DAY)
    assert client(world).v1.invoices.retrieve(invoice).status == "open"
    (event,) = events(world, "charge.failed")
    assert event["data"]["object"]["failure_code"] == "debit_not_authorized"


def test_the_scenario_may_shorten_the_days() -> None:
    """`payments: {debit_days: 1}`."""
    world, invoice = _renewed("pm_usBankAccount_success", payments={"debit_days": 1})
    world.advance_to(world.now + DAY)
    assert client(world).v1.invoices.retrieve(invoice).status == "paid"


def test_a_disputed_debit_is_lost_at_once() -> None:
    """A bank debit is paid and then taken back for good: created, withdrawn, closed as lost."""
    world, invoice = _renewed("pm_usBankAccount_dispute")
    world.advance_to(world.now + 5 * DAY)
    v1 = client(world).v1
    assert v1.invoices.retrieve(invoice).status == "paid"
    (dispute,) = v1.disputes.list({}).data
    assert (dispute.status, dispute.reason) == ("lost", "debit_not_authorized")
    told = [row["type"] for row in events(world) if row["type"].startswith("charge.dispute")]
    assert told == ["charge.dispute.created", "charge.dispute.funds_withdrawn", "charge.dispute.closed"]


def test_a_debit_on_its_way_can_be_cancelled_with_its_intent() -> None:
    """Cancelling a processing intent: its charge fails when the bank's time comes, and nothing is paid."""
    world = small_world()
    customer, bank = new_customer(world, "pm_usBankAccount_success")
    v1 = client(world).v1
    given = {"amount": 100, "currency": "usd", "customer": customer, "payment_method": bank, "confirm": True}
    made = v1.payment_intents.create(given)
    assert v1.payment_intents.cancel(made.id).status == "canceled"
    world.advance_to(world.now + 5 * DAY)
    assert charges_of(world, customer)[0].status == "failed"
    assert v1.payment_intents.retrieve(made.id).status == "canceled"


def test_a_subscription_by_bank_begins() -> None:
    """A first invoice by bank debit is processing; when the bank pays, the subscription is active."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world, "pm_usBankAccount_success")
    made = v1.subscriptions.create({"customer": customer, "items": [{"price": price(world)}]})
    world.advance_to(world.now + 5 * DAY)
    assert v1.subscriptions.retrieve(made.id).status == "active"
    assert v1.invoices.list({"customer": customer}).data[0].status == "paid"


def test_refunds_of_debits_are_pending_first() -> None:
    """The money goes back by bank: pending, a day later succeeded."""
    world, invoice = _renewed("pm_usBankAccount_success")
    world.advance_to(world.now + 5 * DAY)
    v1 = client(world).v1
    charge = charges_of(world, v1.invoices.retrieve(invoice).customer)[0]
    refund = v1.refunds.create({"charge": charge.id})
    assert (refund.status, refund.pending_reason) == ("pending", "processing")
    world.advance_to(world.now + DAY)
    assert v1.refunds.retrieve(refund.id).status == "succeeded"


@pytest.mark.parametrize("number", banks.ACH_NUMBERS)
def test_each_ach_test_account_answers_as_documented(number: str) -> None:
    """The debit is processing first; days later it succeeds, fails with the account's own code, or stays."""
    world = small_world()
    v1 = client(world).v1
    account = banks.us_account(number)
    details = {"account_number": number, "routing_number": banks.ACH_ROUTING, "account_holder_type": "individual"}
    made = v1.payment_methods.create(
        {"type": "us_bank_account", "us_bank_account": details, "billing_details": {"name": "Jenny"}}
    )
    _debited(world, made.id, account)


@pytest.mark.parametrize("iban", banks.IBANS)
def test_each_sepa_test_account_answers_as_documented(iban: str) -> None:
    """The same for SEPA Direct Debit by IBAN."""
    world = small_world()
    details = {"name": "Jenny", "email": "jenny@example.com"}
    made = client(world).v1.payment_methods.create(
        {"type": "sepa_debit", "sepa_debit": {"iban": iban}, "billing_details": details}
    )
    _debited(world, made.id, banks.sepa_account(iban))


def _debited(world: World, method: str, account: banks.BankAccount) -> None:
    v1 = client(world).v1
    customer, _ = new_customer(world, method)
    wanted = {"amount": 5000, "currency": "eur" if account.kind == "sepa_debit" else "usd", "customer": customer}
    types = {"payment_method_types": [account.kind]}
    intent = v1.payment_intents.create({**wanted, **types, "payment_method": method, "confirm": True})
    assert intent.status == "processing"
    assert charges_of(world, customer)[0].status == "pending"
    world.advance_to(world.now + account.days * DAY)
    (charge,) = charges_of(world, customer)
    intent = v1.payment_intents.retrieve(intent.id)
    if account.behaviour == "processing":
        assert (charge.status, intent.status) == ("pending", "processing")
    elif account.behaviour == "fail":
        assert (charge.status, charge.failure_code) == ("failed", account.code)
        assert intent.status == "requires_payment_method"
        assert intent.last_payment_error.code == account.code
    else:
        assert (charge.status, intent.status) == ("succeeded", "succeeded")
        assert charge.disputed is (account.behaviour == "dispute")
        assert bool(events(world, "charge.dispute.created")) is (account.behaviour == "dispute")


@pytest.mark.parametrize("token", banks.TOKENS)
def test_each_bank_token_can_be_attached(token: str) -> None:
    """`pm_usBankAccount…` and the SEPA names stand for bank accounts wherever a payment method is asked for."""
    world = small_world()
    _, method = new_customer(world, token)
    kind = "us_bank_account" if "usBank" in token else "sepa_debit"
    assert client(world).v1.payment_methods.retrieve(method).type == kind
