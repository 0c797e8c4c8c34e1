"""One-off invoices: drafts and their items, lines, deletion, and a finalisation that fails."""

from __future__ import annotations

from typing import Any

import pytest
import stripe

from flexpay_reconcile.simulator.control import control_api
from tests.unit.simulator.helpers import client, error_of, send, small_world
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
