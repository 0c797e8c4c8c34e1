"""The route table: method and path to handler, permission and parameters.

The one list of everything the simulator can be asked. May not contain behaviour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.simulator.paging import PAGING
from flexpay_reconcile.simulator.params import Shape
from flexpay_reconcile.simulator.resources import (
    accounts,
    charges,
    customers,
    events,
    invoice_payments,
    invoices,
    payment_intents,
    payment_methods,
    products,
    refunds,
    subscriptions,
    webhook_endpoints,
)

_NONE: Shape = {}
_EVENTS: Shape = {**PAGING, "created": "range", "type": "string", "types": "strings", "delivery_success": "bool"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint. `permission` None is open to every valid key."""

    method: str
    path: tuple[str, ...]
    handler: Callable[..., dict[str, Any]]
    permission: str | None
    shape: Shape


def _route(
    method: str, path: str, handler: Callable[..., dict[str, Any]], permission: str | None, shape: Shape = _NONE
) -> Route:
    return Route(
        method=method,
        path=tuple(path.split("/")),
        handler=handler,
        permission=permission,
        shape={**shape, "expand": "strings"},
    )


ROUTES: tuple[Route, ...] = (
    _route("GET", "account", accounts.retrieve, "rak_accounts_kyc_basic_read"),
    _route("POST", "customers", customers.create, "rak_customer_write", customers.CREATE),
    _route("GET", "customers", customers.listing, "rak_customer_read", customers.LIST),
    _route("GET", "customers/*", customers.retrieve, "rak_customer_read"),
    _route("POST", "customers/*", customers.update, "rak_customer_write", customers.UPDATE),
    _route(
        "GET",
        "customers/*/payment_methods",
        payment_methods.listing,
        "rak_payment_method_read",
        payment_methods.LIST_OF_CUSTOMER,
    ),
    _route("POST", "payment_methods", payment_methods.create, "rak_payment_method_write", payment_methods.CREATE),
    _route("GET", "payment_methods", payment_methods.listing, "rak_payment_method_read", payment_methods.LIST),
    _route("GET", "payment_methods/*", payment_methods.retrieve, "rak_payment_method_read"),
    _route(
        "POST", "payment_methods/*/attach", payment_methods.attach, "rak_payment_method_write", payment_methods.ATTACH
    ),
    _route("POST", "payment_methods/*/detach", payment_methods.detach, "rak_payment_method_write"),
    _route("POST", "products", products.create_product, "rak_product_write", products.PRODUCT),
    _route("GET", "products", products.list_products, "rak_product_read", PAGING),
    _route("GET", "products/*", products.retrieve_product, "rak_product_read"),
    _route("POST", "prices", products.create_price, "rak_plan_write", products.PRICE),
    _route("GET", "prices", products.list_prices, "rak_plan_read", {**PAGING, "product": "string"}),
    _route("GET", "prices/*", products.retrieve_price, "rak_plan_read"),
    _route("POST", "subscriptions", subscriptions.create, "rak_subscription_write", subscriptions.CREATE),
    _route("GET", "subscriptions", subscriptions.listing, "rak_subscription_read", subscriptions.LIST),
    _route("GET", "subscriptions/*", subscriptions.retrieve, "rak_subscription_read"),
    _route("POST", "subscriptions/*", subscriptions.update, "rak_subscription_write", subscriptions.UPDATE),
    _route("DELETE", "subscriptions/*", subscriptions.cancel, "rak_subscription_write", subscriptions.CANCEL),
    _route(
        "GET", "invoiceitems", subscriptions.list_invoice_items, "rak_invoice_read", {**PAGING, "customer": "string"}
    ),
    _route("GET", "invoices", invoices.listing, "rak_invoice_read", invoices.LIST),
    _route("GET", "invoices/*", invoices.retrieve, "rak_invoice_read"),
    _route("POST", "invoices/*", invoices.update, "rak_invoice_write", invoices.UPDATE),
    _route("POST", "invoices/*/pay", invoices.pay, "rak_invoice_write", invoices.PAY),
    _route("POST", "invoices/*/finalize", invoices.finalize, "rak_invoice_write", invoices.FINALIZE),
    _route("POST", "invoices/*/mark_uncollectible", invoices.mark_uncollectible, "rak_invoice_write"),
    _route("POST", "invoices/*/void", invoices.void, "rak_invoice_write"),
    _route("GET", "invoice_payments", invoice_payments.listing, "rak_invoice_read", invoice_payments.LIST),
    _route("GET", "invoice_payments/*", invoice_payments.retrieve, "rak_invoice_read"),
    _route("GET", "payment_intents", payment_intents.listing, "rak_payment_intent_read", payment_intents.LIST),
    _route("GET", "payment_intents/*", payment_intents.retrieve, "rak_payment_intent_read"),
    _route("GET", "charges", charges.listing, "rak_charge_read", charges.LIST),
    _route("GET", "charges/*", charges.retrieve, "rak_charge_read"),
    _route("POST", "refunds", refunds.create, "rak_charge_write", refunds.CREATE),
    _route("GET", "refunds", refunds.listing, "rak_charge_read", refunds.LIST),
    _route("GET", "refunds/*", refunds.retrieve, "rak_charge_read"),
    _route("GET", "events", events.listing, "rak_event_read", _EVENTS),
    _route("GET", "events/*", events.retrieve, "rak_event_read"),
    _route("POST", "webhook_endpoints", webhook_endpoints.create, "rak_webhook_write", webhook_endpoints.CREATE),
    _route("GET", "webhook_endpoints", webhook_endpoints.listing, "rak_webhook_read", webhook_endpoints.LIST),
    _route("GET", "webhook_endpoints/*", webhook_endpoints.retrieve, "rak_webhook_read"),
    _route("POST", "webhook_endpoints/*", webhook_endpoints.update, "rak_webhook_write", webhook_endpoints.UPDATE),
    _route("DELETE", "webhook_endpoints/*", webhook_endpoints.delete, "rak_webhook_write"),
)

_BY_SIZE: dict[tuple[str, int, str], list[Route]] = {}
for _each in ROUTES:
    _BY_SIZE.setdefault((_each.method, len(_each.path), _each.path[0]), []).append(_each)


def match(method: str, path: str) -> tuple[Route, list[str]] | None:
    """The route of a request and the ids in its path; None when there is none."""
    if not path.startswith("/v1/"):
        return None
    parts = path[4:].split("/")
    for route in _BY_SIZE.get((method, len(parts), parts[0]), ()):
        if all(want in ("*", part) for want, part in zip(route.path, parts, strict=True)):
            ids = [part for want, part in zip(route.path, parts, strict=True) if want == "*"]
            if all(ids):
                return route, ids
    return None
