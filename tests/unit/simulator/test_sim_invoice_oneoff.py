"""One-off invoices: drafts and their items, lines, sending and due dates, several payments for one invoice."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator import control, control_api
from tests.unit.simulator.helpers import DAY, HOUR, client, error_of, send, small_world
from tests.unit.simulator.test_sim_invoice_life import oneoff

ACCOUNT = "acct_1AcmeUS"


def _ada(world: Any) -> str:
    return str(world.sim.account(ACCOUNT, False).names["ada"])


def _types(api: Any, number: int = 100) -> list[str]:
    return [each.type for each in api.v1.events.list({"limit": number}).data[::-1]]


def test_a_draft_leaves_pending_items_alone_unless_asked() -> None:
    """Excluded by default, included when asked for; the item then names its invoice and its line names the item."""
    world = small_world()
    api = client(world)
    item = api.v1.invoice_items.create({"customer": _ada(world), "amount": 500, "currency": "usd"})
    empty = api.v1.invoices.create({"customer": _ada(world)})
    assert (empty.total, empty.lines.data, empty.auto_advance, empty.status) == (0, [], False, "draft")
    assert api.v1.invoice_items.retrieve(item.id).invoice is None
    full = api.v1.invoices.create({"customer": _ada(world), "pending_invoice_items_behavior": "include"})
    assert (full.total, full.amount_due, full.currency, full.billing_reason) == (500, 500, "usd", "manual")
    assert api.v1.invoice_items.retrieve(item.id).invoice == full.id
    line = full.lines.data[0]
    assert (line.amount, line.parent.invoice_item_details.invoice_item, line.invoice) == (500, item.id, full.id)
    assert _types(api, 3) == ["invoiceitem.created", "invoice.created", "invoice.created"]


def test_items_put_on_a_draft_move_its_sums() -> None:
    """Creating, changing and deleting an item of a draft changes its lines and totals, each told as invoice.updated."""
    world = small_world()
    api = client(world)
    draft = api.v1.invoices.create({"customer": _ada(world)}).id
    price = api.v1.prices.list().data[0].id
    first = api.v1.invoice_items.create({"customer": _ada(world), "invoice": draft, "amount": 300, "currency": "usd"})
    api.v1.invoice_items.create(
        {"customer": _ada(world), "invoice": draft, "pricing": {"price": price}, "quantity": 2, "metadata": {"a": "b"}}
    )
    assert api.v1.invoices.retrieve(draft).total == 300 + 2 * 2900
    changed = api.v1.invoice_items.update(first.id, {"amount": -100, "description": "rebate"})
    assert (changed.amount, changed.description) == (-100, "rebate")
    assert api.v1.invoices.retrieve(draft).amount_remaining == 5700
    api.v1.invoice_items.delete(first.id)
    found = api.v1.invoices.retrieve(draft)
    assert (found.total, [line.quantity for line in found.lines.data]) == (5800, [2])
    update = api.v1.events.list({"type": "invoice.updated"}).data[0]
    assert update.data.previous_attributes["total"] == 5700
    assert _types(api, 2) == ["invoiceitem.deleted", "invoice.updated"]
    assert send(world, "GET", f"/v1/invoiceitems/{first.id}")[0] == 404


def test_items_of_a_finalized_invoice_are_fixed() -> None:
    """No item can be added, changed or deleted once its invoice is open."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    item = api.v1.invoice_items.list({"customer": _ada(world)}).data[0].id
    api.v1.invoices.finalize_invoice(invoice)
    for ask in (
        lambda: api.v1.invoice_items.create({"customer": _ada(world), "invoice": invoice, "amount": 1}),
        lambda: api.v1.invoice_items.update(item, {"amount": 5}),
        lambda: api.v1.invoice_items.delete(item),
    ):
        with pytest.raises(stripe.InvalidRequestError) as caught:
            ask()
        assert error_of(caught).code == "invoice_not_editable"


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("amount=5", "customer"),
        ("customer={ada}", "amount"),
        ("customer={ada}&amount=5&quantity=2", "quantity"),
        ("customer={ada}&amount=5&pricing[price]=price_none", "pricing[price]"),
        ("customer={ada}&amount=5&invoice=in_none", "invoice"),
        ("customer={ada}&amount=5&subscription=sub_none", "subscription"),
        ("customer={ada}&unit_amount_decimal=5&quantity=-1", "quantity"),
        ("customer={ada}&unit_amount_decimal=5.5", "unit_amount_decimal"),
        ("customer={ada}&amount=5&period[start]=1", "period[end]"),
    ],
)
def test_a_wrong_item_is_refused_with_its_parameter(body: str, param: str) -> None:
    """Each refusal is a 400 that names the parameter."""
    world = small_world()
    code, answer, _ = send(world, "POST", "/v1/invoiceitems", body=body.replace("{ada}", _ada(world)))
    assert (code, answer["error"]["param"]) == (400, param)


@pytest.mark.parametrize(
    ("body", "param"),
    [
        ("", "customer"),
        ("customer=cus_none", "customer"),
        ("customer={ada}&subscription=sub_none", "subscription"),
        ("customer={ada}&days_until_due=3", "days_until_due"),
        ("customer={ada}&due_date=1999999999", "due_date"),
        ("customer={ada}&collection_method=send_invoice", "days_until_due"),
        ("customer={ada}&collection_method=send_invoice&days_until_due=-1", "days_until_due"),
        ("customer={ada}&collection_method=send_invoice&days_until_due=1&due_date=1999999999", "due_date"),
        ("customer={ada}&collection_method=send_invoice&due_date=1", "due_date"),
        ("customer={ada}&automatically_finalizes_at=1999999999", "automatically_finalizes_at"),
        ("customer={ada}&auto_advance=true&automatically_finalizes_at=1", "automatically_finalizes_at"),
        ("customer={ada}&default_payment_method=pm_none", "default_payment_method"),
        ("customer={ada}&pending_invoice_items_behavior=some", "pending_invoice_items_behavior"),
    ],
)
def test_a_wrong_draft_is_refused_with_its_parameter(body: str, param: str) -> None:
    """Each refusal is a 400 that names the parameter."""
    world = small_world()
    code, answer, _ = send(world, "POST", "/v1/invoices", body=body.replace("{ada}", _ada(world)))
    assert (code, answer["error"]["param"]) == (400, param)


def test_a_draft_for_a_subscription_takes_in_what_waits_for_it() -> None:
    """Its items alone; without any there is nothing to invoice."""
    world = small_world()
    api = client(world)
    subscription = api.v1.subscriptions.list({"customer": _ada(world)}).data[0].id
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.invoices.create({"customer": _ada(world), "subscription": subscription})
    assert error_of(caught).code == "invoice_no_subscription_line_items"
    api.v1.invoice_items.create({"customer": _ada(world), "amount": 111, "currency": "usd"})
    api.v1.invoice_items.create(
        {"customer": _ada(world), "amount": 222, "currency": "usd", "subscription": subscription}
    )
    made = api.v1.invoices.create({"subscription": subscription})
    assert (made.total, made.parent.subscription_details.subscription) == (222, subscription)
    assert len(api.v1.invoice_items.list({"customer": _ada(world)}).data) == 2


def test_a_deleted_draft_gives_its_items_back() -> None:
    """They wait again; the invoice is gone from lists and cannot be read."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    assert api.v1.invoices.delete(invoice).deleted is True
    assert api.v1.invoice_items.list({"customer": _ada(world)}).data[0].invoice is None
    assert invoice not in [row.id for row in api.v1.invoices.list({"customer": _ada(world)}).data]
    assert invoice not in [row.id for row in api.v1.invoices.list().data]
    assert api.v1.events.list({"type": "invoice.deleted"}).data[0].data.object.id == invoice


def test_lines_are_listed_in_pages() -> None:
    """Cursors in both directions go through all lines in the invoice's order."""
    world = small_world()
    api = client(world)
    draft = api.v1.invoices.create({"customer": _ada(world)}).id
    for amount in range(1, 13):
        api.v1.invoice_items.create({"customer": _ada(world), "invoice": draft, "amount": amount, "currency": "usd"})
    first = api.v1.invoices.line_items.list(draft)
    assert [line.amount for line in first.data] == list(range(1, 11))
    assert first.has_more is True
    rest = api.v1.invoices.line_items.list(draft, {"starting_after": first.data[-1].id})
    assert ([line.amount for line in rest.data], rest.has_more) == ([11, 12], False)
    back = api.v1.invoices.line_items.list(draft, {"ending_before": rest.data[0].id, "limit": 3})
    assert ([line.amount for line in back.data], back.has_more) == ([8, 9, 10], True)
    assert send(world, "GET", f"/v1/invoices/{draft}/lines?starting_after=il_none")[0] == 400
    assert send(world, "GET", f"/v1/invoices/{draft}/lines?limit=0")[0] == 400
    assert send(world, "GET", "/v1/invoices/in_none/lines")[0] == 404


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


def test_finalisation_can_fail_and_be_repaired() -> None:
    """The API answers 400, the event tells of it, the draft keeps the error and waits; repaired, it goes on."""
    world = small_world()
    api = client(world)
    invoice = oneoff(api, world)
    control_api.post(world, "block-finalization", {"customer": "ada"})
    with pytest.raises(stripe.InvalidRequestError) as caught:
        api.v1.invoices.finalize_invoice(invoice)
    assert error_of(caught).code == "customer_tax_location_invalid"
    assert _types(api, 1) == ["invoice.finalization_failed"]
    draft = api.v1.invoices.retrieve(invoice)
    assert (draft.status, draft.last_finalization_error.code) == ("draft", "customer_tax_location_invalid")
    control_api.post(world, "allow-finalization", {"customer": "ada"})
    again = api.v1.invoices.finalize_invoice(invoice)
    assert (again.status, again.last_finalization_error) == ("open", None)
