"""The account, events, webhook endpoints, and every kind of refusal a request can meet at the door."""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.routes import ROUTES
from tests.conformance.tours.guide import HOOK, Guide


def tour(guide: Guide) -> None:
    """Everything that can be asked about the account itself, and what is refused before a resource is reached."""
    v1 = guide.v1
    guide.read(v1.accounts.retrieve_current())
    wanted: Any = {
        "url": HOOK,
        "enabled_events": ["invoice.paid", "charge.failed"],
        "api_version": "2026-10-28.endive",
        "description": "d",
        "metadata": {"a": "b"},
        "connect": False,
    }
    endpoint = guide.read(v1.webhook_endpoints.create(wanted))
    guide.read(v1.webhook_endpoints.update(endpoint.id, {"disabled": True, "description": ""}))
    guide.read(v1.webhook_endpoints.retrieve(endpoint.id))
    guide.read(v1.webhook_endpoints.list({"limit": 5}))
    guide.read(v1.webhook_endpoints.delete(endpoint.id))
    guide.read(v1.customers.create({"name": "Event"}))
    guide.wait(1)
    for params in ({}, {"type": "customer.*"}, {"types": ["customer.created"], "delivery_success": True, "limit": 5}):
        asked: Any = params
        page = guide.read(v1.events.list(asked))
    guide.read(v1.events.retrieve(page.data[0].id))
    _refusals(guide)


def _refusals(guide: Guide) -> None:
    v1, world = guide.v1, guide.world
    guide.refused(lambda: v1.invoices.retrieve("in_nowhere"), 404, "resource_missing")
    guide.refused(lambda: v1.invoices.list({"limit": 1000}), 400)
    unknown: Any = {"nonsense": 1}
    guide.refused(lambda: v1.customers.create(unknown), 400, "parameter_unknown")
    guide.refused(lambda: v1.invoices.retrieve("in_nowhere", {"expand": ["a.b.c.d.e"]}), 404)
    guide.refused(lambda: v1.customers.list({"expand": ["data.nonsense"]}), 400)
    restricted = guide.with_key("PRIMARY").v1
    guide.refused(restricted.products.list, 403)
    guide.refused(guide.with_key("sk_" + "test_" + "x" * 24).v1.customers.list, 401)
    for method, path, body in (
        ("GET", "/v1/nonsense", ""),
        ("GET", "/nonsense", ""),
        ("PUT", "/v1/customers", ""),
        ("POST", "/v1/customers", "a[b]=1&a=2"),
        ("POST", "/v1/customers", "metadata=1"),
        ("POST", "/v1/customers", "x" * (10 * 1024 * 1024)),
        ("GET", "/v1/customers?limit=a", ""),
    ):
        assert guide.raw(method, path, body)[0] >= 400, (method, path)
    assert guide.raw("GET", "/v1/customers", Authorization="")[0] == 401
    assert guide.raw("GET", "/v1/customers", Stripe_Version="2019-01-01")[0] == 400
    for kind in ("500", "429", "429_lock", "409"):
        world.sim.faults.add(kind)
        assert guide.raw("POST", "/v1/customers", "name=a", Idempotency_Key=f"fault {kind}")[0] >= 400
    assert guide.raw("POST", "/v1/customers", "name=a", Idempotency_Key="one")[0] == 200
    assert guide.raw("POST", "/v1/customers", "name=a", Idempotency_Key="one")[0] == 200  # replayed
    assert guide.raw("POST", "/v1/customers", "name=b", Idempotency_Key="one")[0] == 400
    _named(guide)


def _named(guide: Guide) -> None:
    """Refusals that name the parameter they are about: of every endpoint with an id, and of a few others."""
    for route in ROUTES:
        if "*" in route.path:
            path = "/v1/" + "/".join("nowhere" if part == "*" else part for part in route.path)
            status, _ = guide.raw(route.method, path)
            assert status in (400, 403, 404), (route.method, path, status)
        if route.method == "GET" and "limit" in route.shape:
            for query in (
                "limit=0",
                "starting_after=nowhere",
                "ending_before=nowhere",
                "nonsense=1",
                "limit=1&limit[a]=2",
            ):
                path = "/v1/" + "/".join("nowhere" if part == "*" else part for part in route.path)
                assert guide.raw("GET", f"{path}?{query}")[0] >= 400, (path, query)
