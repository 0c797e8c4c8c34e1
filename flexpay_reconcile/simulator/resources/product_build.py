"""How a product looks.

May not know prices.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.resources.events import emit
from flexpay_reconcile.simulator.state import Account, Obj, Simulation


def make_product(
    sim: Simulation, account: Account, name: str, metadata: dict[str, str] | None = None, **values: Any
) -> Obj:
    """A new product; `values` are further fields."""
    product: Obj = {
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
        **values,
    }
    account.table("product").add(product)
    emit(sim, account, "product.created", product)
    return product
