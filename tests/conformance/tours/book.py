"""Customers, their cards, products and prices."""

from __future__ import annotations

from typing import Any

from tests.conformance.tours.guide import Guide


def tour(guide: Guide) -> None:
    """Everything that can be asked about who pays, with what, and for what."""
    v1 = guide.v1
    created: Any = {
        "name": "Carla Example",
        "email": "carla@example.com",
        "phone": "+15555550100",
        "description": "tour",
        "address": {"city": "Oslo", "country": "NO", "line1": "1 Way", "postal_code": "0150"},
        "metadata": {"plan": "gold"},
        "preferred_locales": ["nb", "en"],
    }
    carla = guide.read(v1.customers.create(created))
    guide.read(v1.customers.update(carla.id, {"metadata": {"plan": ""}, "phone": ""}))
    guide.read(v1.customers.retrieve(carla.id))
    for params in ({}, {"limit": 1}, {"email": "carla@example.com"}, {"created": {"gte": 1}}):
        listed: Any = params
        guide.read(v1.customers.list(listed))
    _cards(guide, carla.id)
    _catalogue(guide)
    _balance(guide, carla.id)
    if guide.knows("customers/*", "DELETE"):
        customer, _ = guide.new_customer()
        guide.read(v1.subscriptions.create({"customer": customer, "items": [{"price": guide.price()}]}))
        guide.read(v1.customers.delete(customer))
        guide.read(v1.customers.retrieve(customer))
        guide.read(v1.invoices.list({"limit": 3, "expand": ["data.customer"]}))


def _balance(guide: Guide, customer: str) -> None:
    if not guide.knows("customers/*/balance_transactions"):
        return
    rows = guide.v1.customers.balance_transactions
    wanted: Any = {"amount": -500, "currency": "usd", "description": "credit", "metadata": {"a": "b"}}
    made = guide.read(rows.create(customer, wanted))
    guide.read(rows.retrieve(customer, made.id))
    guide.read(rows.list(customer, {"limit": 2}))


def _cards(guide: Guide, customer: str) -> None:
    v1 = guide.v1
    visa = guide.read(v1.payment_methods.attach("pm_card_visa", {"customer": customer}))
    made: Any = {"type": "card", "card": {"token": "tok_mastercard"}, "billing_details": {"name": "Carla"}}
    master = guide.read(v1.payment_methods.create(made))
    guide.read(v1.payment_methods.attach(master.id, {"customer": customer}))
    guide.read(v1.payment_methods.retrieve(master.id))
    guide.read(v1.payment_methods.list({"customer": customer, "type": "card"}))
    guide.read(v1.customers.payment_methods.list(customer))
    if guide.knows("customers/*/payment_methods/*"):
        guide.read(v1.customers.payment_methods.retrieve(customer, master.id))
    if guide.knows("payment_methods/*", "POST"):
        changed: Any = {
            "billing_details": {"name": "C"},
            "card": {"exp_month": 5, "exp_year": 2040},
            "metadata": {"a": "b"},
        }
        guide.read(v1.payment_methods.update(master.id, changed))
    default: Any = {"invoice_settings": {"default_payment_method": visa.id}}
    guide.read(v1.customers.update(customer, default))
    wide: Any = {"expand": ["invoice_settings.default_payment_method"]}
    guide.read(v1.customers.retrieve(customer, wide))
    guide.read(v1.payment_methods.detach(visa.id))
    guide.refused(lambda: v1.payment_methods.detach(visa.id), 400)
    guide.refused(lambda: v1.payment_methods.attach("pm_card_chargeDeclined", {"customer": customer}), 402)


def _catalogue(guide: Guide) -> None:
    v1 = guide.v1
    product = guide.read(v1.products.create({"name": "Tour", "description": "d", "metadata": {"a": "b"}}))
    guide.read(v1.products.retrieve(product.id))
    guide.read(v1.products.list({"limit": 2}))
    recurring: Any = {"interval": "week", "interval_count": 2}
    for more in ({"product": product.id}, {"product_data": {"name": "Inline"}, "nickname": "n"}):
        wanted: Any = {"currency": "eur", "unit_amount": 700, "recurring": recurring, **more}
        price = guide.read(v1.prices.create(wanted))
    guide.read(v1.prices.retrieve(price.id, {"expand": ["product"]}))
    guide.read(v1.prices.list({"product": product.id}))
    if guide.knows("prices/*", "POST"):
        guide.read(v1.prices.update(price.id, {"nickname": "m", "metadata": {"a": "b"}}))
    if guide.knows("products/*", "POST"):
        guide.read(v1.products.update(product.id, {"description": "e", "metadata": {"a": "c"}}))
    if guide.knows("products/*", "DELETE"):
        guide.read(v1.products.delete(guide.read(v1.products.create({"name": "Gone"})).id))
