"""The error cases that concern invoices, row by row: what a client meets when it pays, voids or marks one."""

from __future__ import annotations

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, client, error_of, failed_invoice, send, small_world


def test_row_pay_already_paid() -> None:
    """400 invalid_request_error "Invoice is already paid", without a code; sent again, the same; nothing charged."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    api.v1.invoices.pay(invoice)
    charges = len(world.ledger.charges)
    for _ in range(2):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.v1.invoices.pay(invoice)
        error = error_of(caught)
        assert (caught.value.http_status, error.type, error.code) == (400, "invalid_request_error", None)
        assert error.message == "Invoice is already paid"
    assert len(world.ledger.charges) == charges


def test_row_pay_voided() -> None:
    """400 "Voided invoices cannot be paid."."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    api.v1.invoices.void_invoice(invoice)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.invoices.pay(invoice)
    assert (caught.value.http_status, error_of(caught).message) == (400, "Voided invoices cannot be paid.")


def test_row_pay_uncollectible() -> None:
    """Allowed: declined it stays uncollectible, approved it is paid."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    api.v1.invoices.mark_uncollectible(invoice)
    with pytest.raises(stripe.CardError):
        api.v1.invoices.pay(invoice)
    assert api.v1.invoices.retrieve(invoice).status == "uncollectible"
    control.approve(world, "ada")
    assert api.v1.invoices.pay(invoice).status == "paid"


@pytest.mark.parametrize("verb", ["void", "mark_uncollectible"])
@pytest.mark.parametrize("status", ["paid", "void"])
def test_row_void_or_mark_what_is_not_open(status: str, verb: str) -> None:
    """400 in Stripe's sentence; the invoice stays what it is."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    if status == "paid":
        control.approve(world, "ada")
        api.v1.invoices.pay(invoice)
    else:
        api.v1.invoices.void_invoice(invoice)
    code, answer, _ = send(world, "POST", f"/v1/invoices/{invoice}/{verb}")
    assert code == 400
    assert answer["error"]["message"] == "You can only pass in open invoices. This invoice isn't open."
    assert api.v1.invoices.retrieve(invoice).status == status


@pytest.mark.parametrize("path", ["", "/pay", "/void", "/mark_uncollectible", "/finalize", "/send", "/attach_payment"])
def test_row_unknown_invoice(path: str) -> None:
    """404 resource_missing with the id in the message and the parameter, before anything else is looked at."""
    code, answer, _ = send(small_world(), "POST", f"/v1/invoices/in_none{path}")
    error = answer["error"]
    assert (code, error["code"], error["param"]) == (404, "resource_missing", "invoice")
    assert error["message"] == "No such invoice: 'in_none'"


def test_row_no_payment_method() -> None:
    """400 resource_missing in Stripe's sentence; with a card attached and default, the same pay succeeds."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    customer = api.v1.invoices.retrieve(invoice).customer
    api.v1.payment_methods.detach(api.v1.payment_methods.list({"customer": customer}).data[0].id)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.invoices.pay(invoice)
    assert (caught.value.http_status, error_of(caught).code) == (400, "resource_missing")
    assert error_of(caught).message.startswith(
        "This customer has no attached payment source or default payment method."
    )
    control.replace_card(world, "ada", "pm_card_visa")
    assert api.v1.invoices.pay(invoice).status == "paid"


def test_row_3d_secure_needed() -> None:
    """402 card_error invoice_payment_intent_requires_action; the customer is sent to hosted_invoice_url."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.decline(world, "ada", "requires_action")
    with pytest.raises(stripe.CardError) as caught:
        api.v1.invoices.pay(invoice)
    error = error_of(caught)
    assert (caught.value.http_status, error.type) == (402, "card_error")
    assert error.code == "invoice_payment_intent_requires_action"
    assert api.v1.invoices.retrieve(invoice).hosted_invoice_url.startswith("https://invoice.stripe.com/")


def test_row_decline_is_saved_under_its_key_and_a_new_key_is_a_new_attempt() -> None:
    """402 card_declined: the same key answers the same without a charge, another key charges again."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    tried = len(world.ledger.charges)
    for key, charges in (("fp1:1", 1), ("fp1:1", 1), ("fp1:2", 2)):
        with pytest.raises(stripe.CardError) as caught:
            api.v1.invoices.pay(invoice, options={"idempotency_key": key})
        assert (error_of(caught).code, error_of(caught).decline_code) == ("card_declined", "insufficient_funds")
        assert len(world.ledger.charges) == tried + charges


def test_row_unknown_outcome_is_found_by_reading() -> None:
    """After a 500 that hid a payment: the invoice is paid, its payment names the charge, the same key replays the 500."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    world.sim.faults.add("500_executed", method="POST", path="/v1/invoices/*/pay")
    options = {"idempotency_key": "fp1:9", "max_network_retries": 0}
    for _ in range(2):
        with pytest.raises(stripe.APIError):
            api.v1.invoices.pay(invoice, options=options)
    assert api.v1.invoices.retrieve(invoice).amount_remaining == 0
    payments = {"invoice": invoice, "expand": ["data.payment.payment_intent.latest_charge"]}
    charge = api.v1.invoice_payments.list(payments).data[0].payment.payment_intent.latest_charge
    assert (charge.status, charge.id) == ("succeeded", world.ledger.charges[-1]["id"])
    assert world.ledger.successes_by_invoice()[invoice] == 1


def test_row_canceled_subscription() -> None:
    """400 invalid_canceled_subscription_fields for an update; it can still be read, and its metadata written."""
    world = small_world()
    api = client(world)
    subscription = api.v1.subscriptions.list().data[0].id
    api.v1.subscriptions.cancel(subscription)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.subscriptions.update(subscription, {"cancel_at_period_end": True})
    assert (caught.value.http_status, error_of(caught).code) == (400, "invalid_canceled_subscription_fields")
    assert error_of(caught).message == "A canceled subscription can only update its cancellation_details and metadata."
    assert api.v1.subscriptions.retrieve(subscription).status == "canceled"
    assert api.v1.subscriptions.update(subscription, {"metadata": {"a": "1"}}).metadata["a"] == "1"


def test_row_canceled_subscription_deleted_again() -> None:
    """A second DELETE is answered as for a subscription that never was: 404 resource_missing of `id`."""
    world = small_world()
    api = client(world)
    subscription = api.v1.subscriptions.list().data[0].id
    assert api.v1.subscriptions.cancel(subscription).status == "canceled"
    told = len(api.v1.events.list({"limit": 100}).data)
    for id_ in (subscription, "sub_none"):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            api.v1.subscriptions.cancel(id_)
        error = error_of(caught)
        assert (caught.value.http_status, error.code, error.param) == (404, "resource_missing", "id")
        assert error.message == f"No such subscription: '{id_}'"
    assert len(api.v1.events.list({"limit": 100}).data) == told


def test_row_declined_cards_cannot_be_passed_to_pay_either() -> None:
    """A card that does not attach belongs to no customer, so pay refuses it: 400, and nothing is charged."""
    world = small_world()
    api = client(world)
    invoice = failed_invoice(world)
    tried = len(world.ledger.charges)
    made = api.v1.payment_methods.create({"type": "card", "card": {"token": "tok_visa_chargeDeclinedLostCard"}})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.invoices.pay(invoice, {"payment_method": made.id})
    assert caught.value.http_status == 400
    assert len(world.ledger.charges) == tried


@pytest.mark.parametrize(("tries", "status"), [(8, "canceled"), (4, "canceled")])
def test_row_smart_retries_end_within_a_month(tries: int, status: str) -> None:
    """With Smart Retries on, a month later the final state is reached: the reason to have them off in a rehearsal."""
    world = small_world(billing={"retries": "smart", "tries": tries, "subscription": "canceled"})
    invoice = failed_invoice(world)
    api = client(world)
    subscription = api.v1.invoices.retrieve(invoice).parent.subscription_details.subscription
    world.advance_to(world.now + 30 * DAY)
    assert api.v1.subscriptions.retrieve(subscription).status == status


@pytest.mark.parametrize(
    ("token", "first", "last"),
    [("pm_card_pendingRefund", "pending", "succeeded"), ("pm_card_refundFail", "succeeded", "failed")],
)
def test_row_refunds_that_change_later(token: str, first: str, last: str) -> None:
    """The refund of such a card changes its status by itself, which refund.updated or refund.failed tells."""
    world = small_world()
    api = client(world)
    control.replace_card(world, "ada", token)
    world.advance_to(world.now + 30 * DAY)
    charge = next(row["id"] for row in world.ledger.charges[::-1] if row["customer"] == _ada(world))
    refund = api.v1.refunds.create({"charge": charge})
    assert refund.status == first
    world.advance_to(world.now + 15 * DAY)
    assert api.v1.refunds.retrieve(refund.id).status == last
    told = {each.type for each in api.v1.events.list({"types": ["refund.updated", "refund.failed"]}).data}
    assert ("refund.failed" in told) is (last == "failed")
    assert told


def _ada(world: World) -> str:
    return world.sim.account("acct_1AcmeUS", False).names["ada"]
