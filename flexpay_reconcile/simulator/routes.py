"""The route table: every endpoint of every resource. The one list of what the simulator can be asked.

May not contain behaviour.
"""

from __future__ import annotations

from flexpay_reconcile.simulator.protocol.route import Route
from flexpay_reconcile.simulator.resources import (
    accounts,
    balances,
    charges,
    customer_deletion,
    customers,
    disputes,
    events,
    fraud_warnings,
    intent_requests,
    invoice_attach,
    invoice_create,
    invoice_item_create,
    invoice_items,
    invoice_moves,
    invoice_payments,
    invoices,
    item_requests,
    payment_intents,
    payment_methods,
    prices,
    products,
    radar,
    refunds,
    reviews,
    setup_intents,
    subscriptions,
    test_clocks,
    webhook_endpoints,
)

ROUTES: tuple[Route, ...] = tuple(
    each
    for module in (
        accounts,
        balances,
        charges,
        customer_deletion,
        customers,
        disputes,
        events,
        fraud_warnings,
        intent_requests,
        invoice_attach,
        invoice_create,
        invoice_item_create,
        invoice_items,
        invoice_moves,
        invoice_payments,
        invoices,
        item_requests,
        payment_intents,
        payment_methods,
        prices,
        products,
        radar,
        refunds,
        reviews,
        setup_intents,
        subscriptions,
        test_clocks,
        webhook_endpoints,
    )
    for each in module.ROUTES
)

_BY_SIZE: dict[tuple[str, int, str], list[Route]] = {}
for _each in ROUTES:
    _BY_SIZE.setdefault((_each.method, len(_each.path), _each.path[0]), []).append(_each)


_NO_IDS = frozenset({"search", "create_preview", "upcoming"})
"""Endpoints of Stripe that are not here, and stand where an id stands."""


def match(method: str, path: str) -> tuple[Route, list[str]] | None:
    """The route of a request and the ids in its path; None when there is none."""
    if not path.startswith("/v1/"):
        return None
    parts = path[4:].split("/")
    for route in _BY_SIZE.get((method, len(parts), parts[0]), ()):
        if all(want in ("*", part) for want, part in zip(route.path, parts, strict=True)):
            ids = [part for want, part in zip(route.path, parts, strict=True) if want == "*"]
            if all(ids) and _NO_IDS.isdisjoint(ids):
                return route, ids
    return None
