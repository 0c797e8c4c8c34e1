"""Lists and expansion: cursors, limits, stability while objects are added, paths, depth, permissions."""

from __future__ import annotations

from typing import Any

import pytest
import stripe
from hypothesis import given, settings
from hypothesis import strategies as st

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import client, failed_invoice, send, small_world


def many(number: int) -> tuple[World, list[str]]:
    """A world with so many products more; their ids, newest first, the world's own included."""
    world = small_world()
    for count in range(number):
        client(world).v1.products.create({"name": f"P{count}"})
    account = world.sim.accounts[("acct_1AcmeUS", False)]
    return world, account.table("product").order[::-1]


def ids(page: Any) -> list[str]:
    """The ids on a page."""
    return [row.id for row in page.data]


def test_ten_rows_unless_told_otherwise_and_has_more_says_so() -> None:
    """Newest first; exactly four keys; has_more is false on the last page."""
    world, order = many(24)
    page = client(world).v1.products.list()
    assert ids(page) == order[:10]
    assert page.has_more is True
    document = send(world, "GET", "/v1/products?limit=100")[1]
    assert set(document) == {"object", "data", "has_more", "url"}
    assert (len(document["data"]), document["has_more"], document["url"]) == (25, False, "/v1/products")
    assert client(world).v1.products.list({"limit": 25}).has_more is False


@settings(max_examples=40, deadline=None)
@given(limit=st.integers(1, 12), size=st.integers(0, 30))
def test_walking_forwards_and_backwards_shows_every_row_once(limit: int, size: int) -> None:
    """starting_after to the end, then ending_before back to the start: each row once each way, in order."""
    world, order = many(size)
    api = client(world)
    assert [row.id for row in api.v1.products.list({"limit": limit}).auto_paging_iter()] == order
    back: list[str] = []
    cursor = order[-1]
    while True:
        page = api.v1.products.list({"limit": limit, "ending_before": cursor})
        back = ids(page) + back
        if not page.has_more:
            break
        cursor = page.data[0].id
    assert back == order[:-1]


def test_pages_are_stable_while_objects_are_added() -> None:
    """What is created in between turns up in no later page and shifts nothing."""
    world, order = many(10)
    api = client(world)
    page = api.v1.products.list({"limit": 4})
    seen = ids(page)
    while page.has_more:
        api.v1.products.create({"name": "in between"})
        page = api.v1.products.list({"limit": 4, "starting_after": seen[-1]})
        seen += ids(page)
    assert seen == order


@pytest.mark.parametrize("limit", ["0", "-1", "101", "9999999", "ten", ""])
def test_limits_outside_one_to_a_hundred_are_refused(limit: str) -> None:
    """400 with the parameter named."""
    status, body, _ = send(small_world(), "GET", f"/v1/products?limit={limit}")
    assert (status, body["error"]["param"]) == (400, "limit")


def test_cursors_must_exist_and_be_one() -> None:
    """An unknown cursor is 400 resource_missing, of another kind too; two cursors are refused, an unknown one first."""
    world, order = many(3)
    customer = client(world).v1.customers.list().data[0].id
    for name in ("starting_after", "ending_before"):
        for cursor in ("prod_none", customer):
            status, body, _ = send(world, "GET", f"/v1/products?{name}={cursor}")
            assert (status, body["error"]["code"], body["error"]["param"]) == (400, "resource_missing", name)
    both = f"/v1/products?starting_after={order[0]}&ending_before="
    assert "Please pass in only one" in send(world, "GET", both + order[1])[1]["error"]["message"]
    assert "No such product: 'prod_none'" in send(world, "GET", both + "prod_none")[1]["error"]["message"]


def test_expansion_goes_four_levels_deep_and_no_further() -> None:
    """`data` counts as a level: four are fine, five are refused with the path."""
    world = small_world()
    invoice = failed_invoice(world)
    deepest = "data.payment.payment_intent.latest_charge"
    page = client(world).v1.invoice_payments.list({"invoice": invoice, "expand": [deepest]})
    assert page.data[0].payment.payment_intent.latest_charge.status == "failed"
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        client(world).v1.invoice_payments.list({"invoice": invoice, "expand": [deepest + ".customer"]})


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        ("/v1/invoices/{}", "status", "This property cannot be expanded (status)."),
        ("/v1/invoices/{}", "nothing", "This property cannot be expanded (nothing)."),
        ("/v1/invoices/{}", "customer.nothing", "This property cannot be expanded (customer.nothing)."),
        ("/v1/invoices", "customer", "You may want to try expanding 'data.customer' instead."),
        ("/v1/invoices", "data.status", "This property cannot be expanded (data.status)."),
        ("/v1/invoices/{}", "", "cannot be expanded"),
        ("/v1/invoices/{}", "customer..name", "cannot be expanded"),
    ],
)
def test_what_cannot_be_expanded_is_refused(path: str, query: str, message: str) -> None:
    """Never silently ignored; on a list the better path is suggested."""
    world = small_world()
    invoice = failed_invoice(world)
    status, body, _ = send(world, "GET", f"{path.format(invoice)}?expand[]={query}")
    assert status == 400
    assert message in body["error"]["message"]


def test_expansion_of_data_alone_changes_nothing() -> None:
    """`expand[]=data` is accepted as Stripe accepts it."""
    world = small_world()
    plain = send(world, "GET", "/v1/invoices")[1]
    assert send(world, "GET", "/v1/invoices?expand[]=data")[1] == plain


def test_several_paths_share_what_they_have_in_common() -> None:
    """Two paths through one object both show."""
    world = small_world()
    invoice = failed_invoice(world)
    shown = client(world).v1.invoices.retrieve(
        invoice, {"expand": ["customer", "payments.data.payment.payment_intent"]}
    )
    assert shown.customer.object == "customer"
    assert shown.payments.data[0].payment.payment_intent.object == "payment_intent"
    assert isinstance(client(world).v1.invoices.retrieve(invoice).customer, str)


def test_expansion_works_on_answers_to_writes() -> None:
    """The paid invoice comes with its customer and payments."""
    world = small_world()
    invoice = failed_invoice(world)
    control.approve(world, "ada")
    paid = client(world).v1.invoices.pay(invoice, {"expand": ["customer", "payments"]})
    assert paid.customer.email == "ada@example.com"
    assert {row.status for row in paid.payments.data} == {"paid"}


def test_row_403_for_an_expansion_without_permission() -> None:
    """The whole request fails with the permission that is missing."""
    world = small_world()
    with pytest.raises(stripe.PermissionError, match="rak_payment_method_read"):
        client(world, "PRIMARY").v1.invoices.list({"limit": 1, "expand": ["data.default_payment_method"]})


def test_an_object_that_is_gone_expands_to_its_stump() -> None:
    """What an id still names after a deletion shows as deleted."""
    world = small_world()
    invoice = failed_invoice(world)
    account = world.sim.accounts[("acct_1AcmeUS", False)]
    customer = account.get("invoice", invoice)["customer"]
    account.table("customer").remove(customer)
    shown = send(world, "GET", f"/v1/invoices/{invoice}?expand[]=customer")[1]["customer"]
    assert shown == {"id": customer, "object": "customer", "deleted": True}
