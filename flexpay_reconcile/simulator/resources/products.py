"""Products and prices, as much of them as a subscription needs: a flat recurring price.

May not hold tiers, trials or usage.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.paging import PAGING, page
from flexpay_reconcile.simulator.params import Shape
from flexpay_reconcile.simulator.refusals import invalid, missing
from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.route import Route, route
from flexpay_reconcile.simulator.state import Account, Call, Obj, Simulation

INTERVALS = ("day", "week", "month", "year")
PRODUCT: Shape = {"name!": "string", "description": "string", "metadata": "map"}
PRICE: Shape = {
    "currency!": "string",
    "unit_amount!": "int",
    "product": "string",
    "product_data": {"name!": "string"},
    "recurring!": {"interval!": INTERVALS, "interval_count": "int"},
    "nickname": "string",
    "metadata": "map",
}


def make_product(sim: Simulation, account: Account, name: str, metadata: dict[str, str] | None = None) -> Obj:
    """A new product."""
    product = account.table("product").add(
        {
            "id": sim.new_id(account, "prod"),
            "object": "product",
            "active": True,
            "created": sim.now,
            "default_price": None,
            "description": None,
            "images": [],
            "livemode": account.livemode,
            "marketing_features": [],
            "metadata": metadata or {},
            "name": name,
            "package_dimensions": None,
            "shippable": None,
            "statement_descriptor": None,
            "tax_code": None,
            "type": "service",
            "unit_label": None,
            "updated": sim.now,
            "url": None,
        }
    )
    emit(sim, account, "product.created", product)
    return product


def make_price(
    sim: Simulation,
    account: Account,
    *,
    product: str,
    amount: int,
    currency: str,
    interval: str,
    count: int = 1,
    nickname: str | None = None,
    metadata: dict[str, str] | None = None,
) -> Obj:
    """A new recurring price in minor units."""
    price = account.table("price").add(
        {
            "id": sim.new_id(account, "price"),
            "object": "price",
            "active": True,
            "billing_scheme": "per_unit",
            "created": sim.now,
            "currency": currency.lower(),
            "custom_unit_amount": None,
            "livemode": account.livemode,
            "lookup_key": None,
            "metadata": metadata or {},
            "nickname": nickname,
            "product": product,
            "recurring": {
                "interval": interval,
                "interval_count": count,
                "usage_type": "licensed",
                "trial_period_days": None,
                "meter": None,
            },
            "tax_behavior": "unspecified",
            "tiers_mode": None,
            "transform_quantity": None,
            "type": "recurring",
            "unit_amount": amount,
            "unit_amount_decimal": str(amount),
        }
    )
    emit(sim, account, "price.created", price)
    return price


def create_product(call: Call) -> Obj:
    """POST /v1/products"""
    return make_product(call.sim, call.account, call.params["name"], call.params.get("metadata") or {})


def create_price(call: Call) -> Obj:
    """POST /v1/prices"""
    params = call.params
    if params["unit_amount"] < 0:
        raise invalid("Invalid non-negative integer", param="unit_amount", code="parameter_invalid_integer")
    if "product" in params:
        product = params["product"]
        if call.account.find("product", product) is None:
            raise missing("product", product, param="product", status=400)
    elif "product_data" in params:
        product = make_product(call.sim, call.account, params["product_data"]["name"])["id"]
    else:
        raise invalid(
            "You must specify either `product` or `product_data` when creating a price.",
            param="product",
            code="parameter_missing",
        )
    recurring = params["recurring"]
    return make_price(
        call.sim,
        call.account,
        product=product,
        amount=params["unit_amount"],
        currency=params["currency"],
        interval=recurring["interval"],
        count=recurring.get("interval_count", 1),
        nickname=params.get("nickname"),
        metadata=params.get("metadata") or {},
    )


def retrieve_product(call: Call, id_: str) -> Obj:
    """GET /v1/products/{id}"""
    found = call.account.find("product", id_)
    if found is None:
        raise missing("product", id_)
    return found


def retrieve_price(call: Call, id_: str) -> Obj:
    """GET /v1/prices/{id}"""
    found = call.account.find("price", id_)
    if found is None:
        raise missing("price", id_, param="price")
    return found


def list_products(call: Call) -> Obj:
    """GET /v1/products"""
    return page(call, "product", "/v1/products")


def list_prices(call: Call) -> Obj:
    """GET /v1/prices"""
    product = call.params.get("product")
    return page(call, "price", "/v1/prices", keep=lambda price: product is None or price["product"] == product)


ROUTES: tuple[Route, ...] = (
    route("POST", "products", create_product, "rak_product_write", PRODUCT),
    route("GET", "products", list_products, "rak_product_read", PAGING),
    route("GET", "products/*", retrieve_product, "rak_product_read"),
    route("POST", "prices", create_price, "rak_plan_write", PRICE),
    route("GET", "prices", list_prices, "rak_plan_read", {**PAGING, "product": "string"}),
    route("GET", "prices/*", retrieve_price, "rak_plan_read"),
)
