"""Invoices that are sent, with due dates and reminders, and several payments for one invoice."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control
from tests.unit.simulator.helpers import DAY, HOUR, client, send, small_world
from tests.unit.simulator.test_sim_invoice_life import oneoff

ACCOUNT = "acct_1AcmeUS"


def _ada(world: Any) -> str:
    return str(world.sim.account(ACCOUNT, False).names["ada"])


def _types(api: Any, number: int = 100) -> list[str]:
    return [each.type for each in api.v1.events.list({"limit": number}).data[::-1]]


def test_a_sent_invoice_has_a_due_date_and_is_found_by_it() -> None:
    """Send finalises the draft and tells invoice.sent; lists filter by method and due date; nothing is charged."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world, collection_method="send_invoice", days_until_due=30)
    draft = api.v1.invoices.retrieve(invoice)
    assert (draft.due_date, draft.next_payment_attempt) == (draft.created + 30 * DAY, None)
    sent = api.v1.invoices.send_invoice(invoice)
    assert (sent.status, sent.number is not None, sent.next_payment_attempt) == ("open", True, None)
    assert _types(api, 2) == ["invoice.finalized", "invoice.sent"]
    for params, found in (
        ({"collection_method": "send_invoice"}, [invoice]),
        ({"due_date": {"gte": sent.due_date}}, [invoice]),
        ({"due_date": {"gt": sent.due_date}}, []),
        ({"collection_method": "charge_automatically", "status": "open"}, []),
    ):
        assert [row.id for row in api.v1.invoices.list(params).data] == found
    world.advance_to(world.now + 60 * DAY)
    assert api.v1.invoices.retrieve(invoice).attempt_count == 0
    assert api.v1.invoices.pay(invoice).status == "paid"
    with pytest.raises(stripe.InvalidRequestError, match="can't send an invoice that is paid"):
        api.v1.invoices.send_invoice(invoice)


def test_what_is_charged_automatically_cannot_be_sent() -> None:
    """Stripe's sentence for the wrong collection method."""
    world = small_world()
    api = client(world)
    with pytest.raises(stripe.InvalidRequestError, match="if its collection method is 'send_invoice'"):
        api.v1.invoices.send_invoice(oneoff(api, world))


def test_reminders_and_the_end_of_an_invoice_that_is_not_paid() -> None:
    """will_be_due before, overdue after the due date by the settings, then uncollectible with payment_not_received."""
    world = small_world(billing={"will_be_due_days": 7, "overdue_days": 3, "invoice": "uncollectible"})
    api = client(world)
    invoice = oneoff(api, world, collection_method="send_invoice", days_until_due=30)
    start = world.now
    api.v1.invoices.send_invoice(invoice)
    world.advance_to(start + 32 * DAY)
    wanted = ["invoice.will_be_due", "invoice.overdue", "invoice.marked_uncollectible"]
    told = api.v1.events.list({"types": wanted}).data
    assert [(each.type, each.created) for each in told] == [("invoice.will_be_due", start + 23 * DAY)]
    assert api.v1.customers.retrieve(_ada(world)).delinquent is True
    world.advance_to(start + 33 * DAY)
    assert [each.type for each in api.v1.events.list({"types": wanted}).data[::-1]] == wanted
    found = api.v1.invoices.retrieve(invoice)
    assert found.status_details.uncollectible.reason == "payment_not_received"


def test_a_paid_sent_invoice_is_not_reminded_of() -> None:
    """No reminder, no delinquency, no end."""
    world = small_world(billing={"will_be_due_days": 7, "overdue_days": 3, "invoice": "uncollectible"})
    api = client(world)
    invoice = oneoff(api, world, collection_method="send_invoice", days_until_due=30)
    api.v1.invoices.send_invoice(invoice)
    api.v1.invoices.pay(invoice)
    world.advance_to(world.now + 40 * DAY)
    assert api.v1.events.list({"types": ["invoice.will_be_due", "invoice.overdue"]}).data == []
    assert api.v1.invoices.retrieve(invoice).status == "paid"


def test_a_draft_changes_its_method_and_due_date() -> None:
    """To send_invoice with days, and back again without a due date; wrong pairs are refused."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    with pytest.raises(stripe.InvalidRequestError, match="you must specify"):
        api.v1.invoices.update(invoice, {"collection_method": "send_invoice"})
    with pytest.raises(stripe.InvalidRequestError, match="only specify `days_until_due`"):
        api.v1.invoices.update(invoice, {"days_until_due": 3})
    changed = api.v1.invoices.update(invoice, {"collection_method": "send_invoice", "days_until_due": 3})
    assert changed.due_date == changed.created + 3 * DAY
    back = api.v1.invoices.update(invoice, {"collection_method": "charge_automatically"})
    assert (back.collection_method, back.due_date) == ("charge_automatically", None)


def _attached(api: Any, world: Any, amount: int) -> str:
    """A payment intent of ada's that succeeded, and belongs to no invoice yet."""
    customer = _ada(world)
    card = api.v1.payment_methods.list({"customer": customer}).data[0].id
    wanted = {
        "amount": amount,
        "currency": "usd",
        "customer": customer,
        "payment_method": card,
        "payment_method_types": ["card"],
        "confirm": True,
    }
    return str(api.v1.payment_intents.create(wanted).id)


def test_an_invoice_is_paid_in_parts() -> None:
    """An attached payment lowers what remains; our own pay then charges the rest, and several payments are listed."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    intent = _attached(api, world, 300)
    part = api.v1.invoices.attach_payment(invoice, {"payment_intent": intent})
    assert (part.status, part.amount_paid, part.amount_remaining, part.amount_due) == ("open", 300, 400, 700)
    with pytest.raises(stripe.InvalidRequestError, match="already attached"):
        api.v1.invoices.attach_payment(invoice, {"payment_intent": intent})
    paid = api.v1.invoices.pay(invoice)
    assert (paid.status, paid.amount_paid, paid.amount_remaining) == ("paid", 700, 0)
    assert world.ledger.charges[-1]["amount"] == 400
    rows = api.v1.invoice_payments.list({"invoice": invoice}).data
    assert sorted((row.amount_paid, row.is_default, row.status) for row in rows) == [
        (300, False, "paid"),
        (400, True, "paid"),
    ]
    by_intent = {"payment": {"type": "payment_intent", "payment_intent": intent}}
    assert api.v1.invoice_payments.list(by_intent).data[0].amount_paid == 300


def test_a_payment_of_exactly_what_remains_pays() -> None:
    """Nothing is left and nothing is too much: paid, without credit."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    paid = api.v1.invoices.attach_payment(invoice, {"payment_intent": _attached(api, world, 700)})
    assert (paid.status, paid.amount_remaining, paid.amount_overpaid) == ("paid", 0, 0)
    assert api.v1.events.list({"type": "invoice.overpaid"}).data == []


def test_what_is_paid_too_much_becomes_credit() -> None:
    """amount_overpaid, the customer's balance and invoice.overpaid tell of it; the open intent is canceled."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    paid = api.v1.invoices.attach_payment(invoice, {"payment_intent": _attached(api, world, 1000)})
    assert (paid.status, paid.amount_paid, paid.amount_remaining, paid.amount_overpaid) == ("paid", 700, 0, 300)
    assert api.v1.customers.retrieve(_ada(world)).balance == -300
    assert _types(api, 1) == ["invoice.overpaid"]
    statuses = {row.status for row in api.v1.invoice_payments.list({"invoice": invoice}).data}
    assert statuses == {"paid", "canceled"}


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("", "payment_intent"),
        ("payment_intent=pi_none", "payment_intent"),
    ],
)
def test_a_wrong_attachment_is_refused(body: str, param: str) -> None:
    """A missing or unknown intent is named."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    code, answer, _ = send(world, "POST", f"/v1/invoices/{invoice}/attach_payment", body=body)
    assert (code, answer["error"]["param"]) == (400, param)


def test_invoice_payments_are_listed_by_all_their_filters() -> None:
    """invoice, payment, status and created narrow; a payment intent without its type is refused."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    world.advance_to(world.now + HOUR)
    other = oneoff(api, world)
    api.v1.invoices.finalize_invoice(other)
    api.v1.invoices.pay(other)
    listed = api.v1.invoice_payments.list
    assert [row.invoice for row in listed({"invoice": invoice}).data] == [invoice]
    assert invoice in [row.invoice for row in listed({"status": "open"}).data]
    assert [row.invoice for row in listed({"created": {"gte": world.now}}).data] == [other]
    assert listed({"payment": {"type": "payment_record"}}).data == []
    code, answer, _ = send(world, "GET", "/v1/invoice_payments?payment[payment_intent]=pi_1")
    assert (code, answer["error"]["code"]) == (400, "parameter_missing")
    assert send(world, "GET", "/v1/invoice_payments?invoice=in_none")[0] == 400
    assert send(world, "GET", "/v1/invoice_payments?status=late")[0] == 400


def test_a_canceled_intent_is_replaced_by_the_next_try() -> None:
    """Out of band and void aside, an intent that was canceled gives way to a new default one."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    api.v1.invoices.finalize_invoice(invoice)
    account = world.sim.account(ACCOUNT, False)
    row = api.v1.invoice_payments.list({"invoice": invoice}).data[0]
    account.get("payment_intent", row.payment.payment_intent)["status"] = "canceled"
    control.decline(world, "ada", "insufficient_funds")
    for _ in range(2):
        with pytest.raises(stripe.CardError):
            api.v1.invoices.pay(invoice)
    rows = api.v1.invoice_payments.list({"invoice": invoice}).data
    assert [one.is_default for one in rows] == [True, False]
