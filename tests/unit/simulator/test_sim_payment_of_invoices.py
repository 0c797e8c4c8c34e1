"""The payment intents of invoices: confirmed by the customer, challenged, and ended with their invoice."""

from __future__ import annotations

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, client, failed_invoice, small_world
from tests.unit.simulator.payments import events, new_customer, price, refused, types_since, verb


def test_an_invoices_intent_is_not_cancelled_but_voided() -> None:
    """The intent of an invoice ends with its invoice: void_invoice."""
    world = small_world()
    v1 = client(world).v1
    invoice = failed_invoice(world)
    payment = v1.invoice_payments.list({"invoice": invoice}).data[0].payment.payment_intent
    assert refused(v1.payment_intents.cancel, payment).http_status == 400
    assert refused(v1.payment_intents.update, payment, {"amount": 1}).http_status == 400
    v1.invoices.void_invoice(invoice)
    gone = v1.payment_intents.retrieve(payment)
    assert (gone.status, gone.cancellation_reason) == ("canceled", "void_invoice")


def test_an_invoice_is_paid_by_confirming_its_intent() -> None:
    """Stripe.js pays an invoice by its payment intent: the invoice is paid."""
    world = small_world()
    v1 = client(world).v1
    invoice = failed_invoice(world)
    payment = v1.invoice_payments.list({"invoice": invoice}).data[0].payment.payment_intent
    control.approve(world, "ada")
    ada = v1.invoices.retrieve(invoice).customer
    card = v1.customers.retrieve(ada).invoice_settings.default_payment_method
    assert v1.payment_intents.confirm(payment, {"payment_method": card}).status == "succeeded"
    assert v1.invoices.retrieve(invoice).status == "paid"


def test_an_invoice_asks_for_3ds_and_is_paid_by_it() -> None:
    """402 invoice_payment_intent_requires_action, invoice.payment_action_required; authenticated, it is paid."""
    world = small_world()
    v1 = client(world).v1
    invoice = failed_invoice(world, "requires_action")
    error = refused(v1.invoices.pay, invoice)
    assert (error.http_status, error.error.type) == (402, "card_error")
    assert error.error.code == "invoice_payment_intent_requires_action"
    assert error.error.payment_intent["status"] == "requires_action"
    assert events(world, "invoice.payment_action_required", about=invoice)
    count = len(events(world))
    assert verb(world, "authenticate", customer="ada")["status"] == "succeeded"
    assert v1.invoices.retrieve(invoice).status == "paid"
    told = types_since(world, count)
    assert told[:3] == ["charge.succeeded", "payment_intent.succeeded", "invoice_payment.paid"]
    assert "invoice.paid" in told
    assert "customer.subscription.updated" in told
    assert len(world.ledger.successes_by_invoice())
    assert world.ledger.successes_by_invoice()[invoice] == 1


def test_a_failed_challenge_leaves_the_invoice_open() -> None:
    """The intent says payment_intent_authentication_failure; attempt_count does not rise for the customer's own try."""
    world = small_world()
    v1 = client(world).v1
    invoice = failed_invoice(world, "requires_action")
    before = v1.invoices.retrieve(invoice).attempt_count
    verb(world, "authenticate", customer="ada", outcome="failed")
    after = v1.invoices.retrieve(invoice)
    assert (after.status, after.attempt_count) == ("open", before)
    payment = v1.invoice_payments.list({"invoice": invoice, "expand": ["data.payment.payment_intent"]}).data[0]
    assert payment.payment.payment_intent.last_payment_error.code == "payment_intent_authentication_failure"


def test_a_refused_subscription_says_why_on_its_intent() -> None:
    """`subscriptions.create` with a failing card stays incomplete with an open first invoice."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world, "pm_card_chargeCustomerFail")
    wanted = {"customer": customer, "items": [{"price": price(world)}], "payment_behavior": "allow_incomplete"}
    made = v1.subscriptions.create({**wanted, "expand": ["latest_invoice"]})
    assert (made.status, made.latest_invoice.status) == ("incomplete", "open")


def test_a_card_authenticated_once_renews_by_itself() -> None:
    """4000002500003155 is challenged on the first invoice; after that renewals pay while the customer is away."""
    world = small_world()
    v1 = client(world).v1
    customer, _ = new_customer(world, "pm_card_authenticationRequiredOnSetup")
    wanted = {"customer": customer, "items": [{"price": price(world)}], "payment_behavior": "allow_incomplete"}
    made = v1.subscriptions.create(wanted)
    verb(world, "authenticate", customer=customer)
    assert v1.subscriptions.retrieve(made.id).status == "active"
    world.advance_to(world.now + 32 * DAY)
    assert [row.status for row in v1.invoices.list({"customer": customer}).data] == ["paid", "paid"]
    assert len(events(world, "payment_intent.requires_action")) <= 1
