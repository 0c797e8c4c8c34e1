"""Products and prices: made, changed, found, put out of use; and the list of invoice items."""

from __future__ import annotations

import pytest
import stripe

from tests.unit.simulator.helpers import DAY, START, client, small_world
from tests.unit.simulator.subscribing import again, customer, price, subscribe


def test_a_product_is_changed_and_put_out_of_use() -> None:
    """Fields, the event with what was before, and the filters of the list."""
    world = small_world()
    api = client(world)
    made = api.v1.products.create({"name": "Gold", "id": "gold-plan", "unit_label": "seat", "url": "https://a.example"})
    assert (made.id, made.active, made.unit_label) == ("gold-plan", True, "seat")
    world.advance_to(START + 60)
    told = api.v1.products.update(made.id, {"active": False, "url": "", "metadata": {"a": "b"}})
    assert (told.active, told.url, told.metadata["a"], told.updated) == (False, None, "b", START + 60)
    event = api.v1.events.list({"type": "product.updated"}).data[0]
    assert event.data.previous_attributes["active"] is True
    assert [row.id for row in api.v1.products.list({"active": False}).data] == [made.id]
    assert made.id not in [row.id for row in api.v1.products.list({"active": True}).data]
    assert [row.id for row in api.v1.products.list({"ids": [made.id]}).data] == [made.id]
    with pytest.raises(stripe.InvalidRequestError, match="already exists"):
        api.v1.products.create({"name": "Again", "id": made.id})
    with pytest.raises(stripe.InvalidRequestError, match="No such product"):
        api.v1.products.retrieve("prod_none")


def test_a_default_price_comes_with_the_product_and_can_be_another() -> None:
    """Made from its data, expandable, changed to another price of the same product only."""
    api = client(small_world())
    data = {"currency": "usd", "unit_amount": 900, "recurring": {"interval": "year"}}
    made = api.v1.products.create({"name": "Gold", "default_price_data": data, "expand": ["default_price"]})
    assert (made.default_price.unit_amount, made.default_price.recurring.interval) == (900, "year")
    other = api.v1.prices.create({"currency": "usd", "unit_amount": 950, "product": made.id}).id
    assert api.v1.products.update(made.id, {"default_price": other}).default_price == other
    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        api.v1.products.update(made.id, {"default_price": price(api)})


def test_a_product_is_deleted_when_it_has_no_prices() -> None:
    """With one it is refused; without, it is gone."""
    api = client(small_world())
    empty = api.v1.products.create({"name": "Empty"}).id
    assert api.v1.products.delete(empty).deleted is True
    with pytest.raises(stripe.InvalidRequestError, match="No such product"):
        api.v1.products.retrieve(empty)
    with pytest.raises(stripe.InvalidRequestError, match="user-created prices"):
        api.v1.products.delete(api.v1.prices.retrieve(price(api)).product)


def test_prices_once_and_in_fractions() -> None:
    """Without `recurring` it is paid once; a fraction of a cent leaves `unit_amount` null and is billed rounded."""
    api = client(small_world())
    product = api.v1.products.create({"name": "Parts"}).id
    once = api.v1.prices.create({"currency": "usd", "unit_amount": 500, "product": product})
    assert (once.type, once.recurring, str(once.unit_amount_decimal)) == ("one_time", None, "500")
    fine = api.v1.prices.create(
        {"currency": "USD", "unit_amount_decimal": "33.50", "product": product, "recurring": {"interval": "month"}}
    )
    assert (fine.unit_amount, str(fine.unit_amount_decimal), fine.currency) == (None, "33.5", "usd")
    sub = api.v1.subscriptions.create({"customer": customer(api), "items": [{"price": fine.id, "quantity": 3}]})
    assert api.v1.invoices.retrieve(sub.latest_invoice).amount_paid == 101
    for wanted, words in (
        ({"unit_amount": 1, "unit_amount_decimal": "1"}, "either"),
        ({}, "either"),
        ({"unit_amount": -1}, "non-negative"),
        ({"unit_amount_decimal": "1,5"}, "Invalid decimal"),
        ({"unit_amount": 1, "recurring": {"interval": "year", "interval_count": 4}}, "three years"),
    ):
        with pytest.raises(stripe.InvalidRequestError, match=words):
            api.v1.prices.create({"currency": "usd", "product": product, **wanted})


def test_a_price_is_renamed_and_put_out_of_use() -> None:
    """What it costs stays; subscriptions to it go on and show the new name from their next period."""
    world = small_world()
    api = client(world)
    plan = price(api)
    sub = subscribe(api, plan)
    told = api.v1.prices.update(plan, {"active": False, "nickname": "Old gold", "metadata": {"a": "b"}})
    assert (told.active, told.nickname, told.unit_amount) == (False, "Old gold", 3000)
    assert plan not in [row.id for row in api.v1.prices.list({"limit": 100}).data]
    assert [row.id for row in api.v1.prices.list({"active": False}).data] == [plan]
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter"):
        api.v1.prices.update(plan, {"unit_amount": 1})
    world.advance_to(START + 32 * DAY)
    renewed = again(api, sub)
    assert (renewed.status, renewed["items"].data[0].price.nickname) == ("active", "Old gold")


def test_prices_are_found_by_key_kind_and_interval() -> None:
    """A lookup key is one price's; it goes over to another only when that is asked for."""
    api = client(small_world())
    week = price(api, 100, "week", lookup_key="standard")
    with pytest.raises(stripe.InvalidRequestError, match="already uses that lookup key"):
        price(api, 200, lookup_key="standard")
    moved = price(api, 200, lookup_key="standard", transfer_lookup_key=True)
    assert api.v1.prices.retrieve(week).lookup_key is None
    assert [row.id for row in api.v1.prices.list({"lookup_keys": ["standard"]}).data] == [moved]
    assert [row.id for row in api.v1.prices.list({"recurring": {"interval": "week"}}).data] == [week]
    once = api.v1.prices.create({"currency": "eur", "unit_amount": 5, "product_data": {"name": "Once"}}).id
    assert [row.id for row in api.v1.prices.list({"type": "one_time"}).data] == [once]
    assert [row.id for row in api.v1.prices.list({"currency": "eur"}).data] == [once]
    with pytest.raises(stripe.InvalidRequestError, match="No such price"):
        api.v1.prices.retrieve("price_none")


def test_invoice_items_are_listed_by_what_became_of_them() -> None:
    """Waiting, on an invoice, of an invoice, by their date."""
    world = small_world()
    api = client(world)
    sub = subscribe(api)
    world.advance_to(START + 5 * DAY)
    item = sub["items"].data[0].id
    api.v1.subscriptions.update(sub.id, {"items": [{"id": item, "quantity": 2}]})
    world.advance_to(START + 32 * DAY)
    bill = again(api, sub).latest_invoice
    owner = {"customer": sub.customer}
    assert api.v1.invoice_items.list({**owner, "pending": True}).data == []
    assert len(api.v1.invoice_items.list({**owner, "pending": False}).data) == 2
    assert len(api.v1.invoice_items.list({"invoice": bill}).data) == 2
    assert api.v1.invoice_items.list({**owner, "created": {"gt": START + 6 * DAY}}).data == []
    shown = api.v1.invoice_items.list({**owner, "expand": ["data.invoice"], "limit": 1}).data[0]
    assert shown.invoice.id == bill
