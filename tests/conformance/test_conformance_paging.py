"""Every list the simulator has, walked row by row in both directions: what the schema of a list cannot say."""

from __future__ import annotations

from typing import Any

import pytest

from flexpay_reconcile.simulator.protocol.route import Route
from flexpay_reconcile.simulator.routes import ROUTES
from tests.conformance.inspection import TOURS
from tests.conformance.tours.guide import DAY, START, Guide

Lived = tuple[Guide, dict[str, str]]
LISTS = tuple(each for each in ROUTES if each.method == "GET" and "limit" in each.shape)
FEW = frozenset({"/v1/accounts", "/v1/reviews"})
"""Lists that have a single row in the world of the tours: one connected account, one payment held for review."""


@pytest.fixture(scope="module")
def lived() -> Lived:
    """A world in which much has happened, and what in it has rows of its own."""
    made = Guide(lambda found, example: None)
    for name in ("book", "renewals", "disputes", "instruments", "radar", "drafts", "intents", "plans"):
        TOURS[name](made)
    customer, _ = made.new_customer()
    for number in range(3):
        made.wait(1)
        item: Any = {"customer": customer, "amount": 100 + number, "currency": "usd"}
        made.v1.invoice_items.create(item)
        row: Any = {"amount": -number - 1, "currency": "usd"}
        made.v1.customers.balance_transactions.create(customer, row)
        made.v1.payment_methods.attach("pm_card_visa", {"customer": customer})
        endpoint: Any = {"url": "http://127.0.0.1:9/x", "enabled_events": ["charge.failed"]}
        made.v1.webhook_endpoints.create(endpoint)
    values: Any = {"alias": "addresses", "name": "Addresses", "item_type": "ip_address"}
    ids = {"value_list": made.v1.radar.value_lists.create(values).id}
    for number in range(3):
        row = {"value_list": ids["value_list"], "value": f"192.0.2.{number}"}
        made.v1.radar.value_list_items.create(row)
    drawn: Any = {"customer": customer, "pending_invoice_items_behavior": "include"}
    invoice = made.v1.invoices.create(drawn)
    subscribed: Any = {"customer": customer, "items": [{"price": made.price()}, {"price": made.price()}]}
    ids.update(customers=customer, invoices=invoice.id, subscription=made.v1.subscriptions.create(subscribed).id)
    for number in range(3):
        made.v1.test_helpers.test_clocks.create({"frozen_time": made.world.now + number * DAY})
    return made, ids


def _path(ids: dict[str, str], route: Route) -> tuple[str, str]:
    """The path of a list that has rows, and the filter it cannot do without."""
    parts = [ids[route.path[0]] if part == "*" else part for part in route.path]
    asked = ""
    for name in ("subscription", "value_list"):
        if f"{name}!" in route.shape:
            asked = f"&{name}={ids[name]}"
    return "/v1/" + "/".join(parts), asked


def _page(guide: Guide, path: str, query: str) -> dict[str, Any]:
    status, found = guide.raw("GET", f"{path}?{query}")
    assert status == 200, (path, query, found)
    assert found["url"] == path
    return found


@pytest.mark.parametrize("route", LISTS, ids=lambda route: "/".join(route.path))
def test_a_list_walked_row_by_row_is_the_list(lived: Lived, route: Route) -> None:
    """Forwards and backwards, one row a page: the same rows, newest first, and `has_more` says whether there are more."""
    guide, ids = lived
    path, asked = _path(ids, route)
    whole = _page(guide, path, f"limit=100{asked}")
    rows = [row["id"] for row in whole["data"]]
    assert len(rows) > 1 or (path in FEW and rows), path
    assert not whole["has_more"] or len(rows) == 100
    if "created" in whole["data"][0] and route.path[-1] != "lines":
        times = [row["created"] for row in whole["data"] if row["created"] >= START]
        assert times == sorted(times, reverse=True)
    more = whole["has_more"]
    walked, cursor = [], ""
    for number in range(min(len(rows), 8)):
        found = _page(guide, path, f"limit=1{asked}{cursor}")
        walked += [row["id"] for row in found["data"]]
        assert found["has_more"] is (number < len(rows) - 1 or more)
        cursor = f"&starting_after={walked[-1]}"
    assert walked == rows[: len(walked)]
    back = _page(guide, path, f"limit=1{asked}&ending_before={rows[len(walked) - 1]}")
    assert [row["id"] for row in back["data"]] == rows[len(walked) - 2 : len(walked) - 1] * (len(walked) > 1)
    assert back["has_more"] is (len(walked) > 2)
    few = _page(guide, path, f"limit={len(rows) - 1 or 1}{asked}")
    assert few["has_more"] is (len(rows) > 1 or more)


@pytest.mark.parametrize(
    "route", [each for each in LISTS if "created" in each.shape], ids=lambda route: "/".join(route.path)
)
def test_a_list_narrowed_by_its_instant_is_that_part_of_the_list(lived: Lived, route: Route) -> None:
    """`created` by equality and by each bound gives the rows of the whole list that fit."""
    guide, ids = lived
    path, asked = _path(ids, route)
    field = "date" if path == "/v1/invoiceitems" else "created"
    rows = _page(guide, path, f"limit=100{asked}")["data"]
    if field not in rows[0]:
        pytest.skip("its rows show no instant")
    at = rows[len(rows) // 2][field]
    for word, fits in (
        ("=", lambda t: t == at),
        ("[gt]=", lambda t: t > at),
        ("[gte]=", lambda t: t >= at),
        ("[lt]=", lambda t: t < at),
        ("[lte]=", lambda t: t <= at),
    ):
        found = _page(guide, path, f"limit=100{asked}&created{word}{at}")["data"]
        wanted = [row["id"] for row in rows if fits(row[field])]
        assert [row["id"] for row in found][: len(wanted)] == wanted, word
        assert all(fits(row[field]) for row in found), word


def test_every_list_is_walked() -> None:
    """The routes that page are the ones walked here."""
    assert len(LISTS) >= 20
