"""The items of a subscription as requests name them: checked, and turned into changes.

Facts: OpenAPI 2026-05-27.dahlia; mixed intervals are for the flexible mode alone (docs: billing-mode/compare). The
sentences of the refusals are third-party reports or inferred. May not write anything.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.simulator.protocol.params import Shape, merge_metadata
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid, missing
from flexpay_reconcile.simulator.resources.subscription_build import items_of
from flexpay_reconcile.simulator.state import Account, Obj

NEW: Shape = {"price!": "string", "quantity": "int", "metadata": "map"}
CHANGED: Shape = {"id": "string", "price": "string", "quantity": "int", "deleted": "bool", "metadata": "map"}
MOST = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What becomes of one item: `old` None adds one, `deleted` takes it away."""

    old: Obj | None
    price: Obj
    quantity: int
    metadata: dict[str, str]
    deleted: bool = False

    @property
    def touches_money(self) -> bool:
        """Whether it is more than a change of metadata."""
        if self.old is None or self.deleted:
            return True
        return bool(self.price["id"] != self.old["price"]["id"] or self.quantity != self.old["quantity"])


def price_of(account: Account, id_: str, param: str) -> Obj:
    """A price that can be subscribed to."""
    price = account.find("price", id_)
    if price is None:
        raise missing("price", id_, param=param, status=400)
    if price["recurring"] is None:
        raise invalid(
            "The price specified is set to `type=one_time` but this field only accepts prices with `type=recurring`.",
            param=param,
        )
    if not price["active"]:
        raise invalid("The price specified is inactive. This field only accepts active prices.", param=param)
    return price


def quantity_of(given: dict[str, Any], param: str, default: int = 1) -> int:
    """A quantity of at least one."""
    quantity = int(given.get("quantity", default))
    if quantity < 1:
        raise invalid("Invalid positive integer", param=param, code="parameter_invalid_integer")
    return quantity


def wanted(account: Account, given: list[dict[str, Any]], *, flexible: bool) -> list[tuple[Obj, int, dict[str, str]]]:
    """The prices, quantities and metadata of a new subscription."""
    if not 1 <= len(given) <= MOST:
        raise invalid(f"A subscription has between 1 and {MOST} items.", param="items")
    found = []
    for number, each in enumerate(given):
        price = price_of(account, each["price"], f"items[{number}][price]")
        quantity = quantity_of(each, f"items[{number}][quantity]")
        found.append((price, quantity, merge_metadata({}, each.get("metadata") or {})))
    check_together([price for price, _, _ in found], flexible=flexible)
    return found


def changes(account: Account, subscription: Obj, given: list[dict[str, Any]], *, flexible: bool) -> list[Change]:
    """The changes a request asks for; refuses them all when the items they leave do not fit together."""
    rows = {item["id"]: item for item in items_of(subscription)}
    found = [_change(account, rows, each, f"items[{number}]") for number, each in enumerate(given)]
    named = [change.old["id"] for change in found if change.old is not None]
    if len(set(named)) != len(named):
        raise invalid("The same subscription item is named twice.", param="items")
    left = [item["price"] for id_, item in rows.items() if id_ not in named]
    left += [change.price for change in found if not change.deleted]
    if not left:
        raise invalid(
            "A subscription must have at least one active plan. In order to cancel the subscription, please use the "
            "cancel API endpoint.",
            param="items",
        )
    if len(left) > MOST:
        raise invalid(f"A subscription has between 1 and {MOST} items.", param="items")
    check_together(left, flexible=flexible)
    if left[0]["currency"] != subscription["currency"]:
        raise _currencies()
    return found


def _change(account: Account, rows: dict[str, Obj], given: dict[str, Any], param: str) -> Change:
    id_ = given.get("id")
    if id_ is None:
        if "price" not in given or given.get("deleted"):
            raise invalid(f"Missing required param: {param}[price].", param=f"{param}[price]", code="parameter_missing")
        return Change(
            old=None,
            price=price_of(account, given["price"], f"{param}[price]"),
            quantity=quantity_of(given, f"{param}[quantity]"),
            metadata=merge_metadata({}, given.get("metadata") or {}),
        )
    old = rows.get(id_)
    if old is None:
        raise missing("subscription_item", id_, param=f"{param}[id]", status=400)
    moved = given.get("price", old["price"]["id"]) != old["price"]["id"]
    price = price_of(account, given["price"], f"{param}[price]") if moved else old["price"]
    return Change(
        old=old,
        price=price,
        # A new price begins with quantity 1 unless one is given (OpenAPI: subscription items).
        quantity=quantity_of(given, f"{param}[quantity]", 1 if moved else old["quantity"]),
        metadata=merge_metadata(old["metadata"], given.get("metadata", {})),
        deleted=bool(given.get("deleted")),
    )


def interval_of(price: Obj) -> tuple[str, int]:
    """How often a price is billed."""
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def check_together(prices: list[Obj], *, flexible: bool) -> None:
    """Refuse prices that cannot stand on one subscription."""
    if len({price["currency"] for price in prices}) > 1:
        raise _currencies()
    if not flexible and len({interval_of(price) for price in prices}) > 1:
        raise invalid(
            "Currency and interval fields must match across all plans on this subscription. Found mismatch in interval "
            "field.",
            param="items",
        )
    ids = [price["id"] for price in prices]
    twice = next((id_ for id_ in ids if ids.count(id_) > 1), None)
    if twice is not None:
        raise invalid(f"Cannot add multiple subscription items with the same plan: {twice}", param="items")


def _currencies() -> Refusal:
    return invalid(
        "Currency and interval fields must match across all plans on this subscription. Found mismatch in currency "
        "field.",
        param="items",
    )
