"""The status page: what it shows, that it escapes, that it loads and runs nothing, and that only its own form acts."""

from __future__ import annotations

import base64
import hashlib
import http.client
from html.parser import HTMLParser
from urllib.parse import urlencode

import pytest

from flexpay_reconcile.simulator.control import control
from flexpay_reconcile.simulator.door.status_page import POLICY, page
from flexpay_reconcile.simulator.scenario.scenario import env_of
from flexpay_reconcile.simulator.world import World
from tests.unit.simulator.helpers import DAY, START, client, failed_invoice, small_world
from tests.unit.simulator.serving import serving

EVIL = "<script>alert('x')</script>\"'><img src=http://evil.example/x onerror=alert(1)>"
VOID = {"meta", "br", "input", "img", "link", "hr"}


class _Reader(HTMLParser):
    """Collects elements, attributes and text; knows whether tags are balanced."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str, str | None]] = []
        self.text = ""
        self.style = ""
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attrs]
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.wrong.append(tag)

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "style":
            self.style += data
        else:
            self.text += data


def _evil_world() -> World:
    """Every text that a user of the API can choose is hostile."""
    world = small_world(name=EVIL[:100])
    world.name, world.description = EVIL, EVIL
    api = client(world)
    customer = control.customer_of(world, "ada")[1]["id"]
    api.v1.customers.update(customer, {"name": EVIL, "email": "a@example.com", "metadata": {"x": EVIL}})
    api.v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/<script>", "enabled_events": ["invoice.payment_failed"], "description": EVIL}
    )
    failed_invoice(world)
    return world


def test_the_page_shows_the_world() -> None:
    """Clock, next event, account, endpoints, counts, failing invoice, events, findings."""
    world = small_world()
    client(world).v1.webhook_endpoints.create({"url": "http://127.0.0.1:9/hook", "enabled_events": ["charge.failed"]})
    invoice = failed_invoice(world)
    world.ledger.state(world.now, "acct_1AcmeUS", invoice, "paid", amount=1)
    read = _Reader(page(world, ["daemon-1"]))
    assert read.wrong == []
    for words in (
        "2026-01-31T00:00:00Z",
        "acct_1AcmeUS",
        "http://127.0.0.1:9/hook (enabled)",
        invoice,
        "2900 usd",
        "customer.subscription.updated",
        "daemon-1",
        "amounts_differ",
        "1 wrong.",
        "PRIMARY=rk_test_",
    ):
        assert words in read.text, words


def test_whatever_a_customer_is_called_the_page_is_the_same_page() -> None:
    """Hostile names become text: the elements and attributes are those of a harmless world."""
    harmless = small_world()
    client(harmless).v1.webhook_endpoints.create(
        {"url": "http://127.0.0.1:9/ok", "enabled_events": ["invoice.payment_failed"]}
    )
    customer = control.customer_of(harmless, "ada")[1]["id"]
    client(harmless).v1.customers.update(customer, {"name": "Ada", "email": "a@example.com", "metadata": {"x": "y"}})
    failed_invoice(harmless)
    evil, good = _Reader(page(_evil_world(), [EVIL])), _Reader(page(harmless, ["daemon"]))
    assert evil.tags == good.tags
    assert evil.attributes == good.attributes
    assert evil.wrong == []
    assert EVIL in evil.text


def test_no_key_is_shown_whole() -> None:
    """API keys are masked and signing secrets absent."""
    world = _evil_world()
    text = page(world)
    account = world.sim.accounts[("acct_1AcmeUS", False)]
    assert account.secrets
    for secret in [*env_of(world).values(), *account.secrets.values()]:
        assert secret not in text


def test_the_page_loads_and_runs_nothing() -> None:
    """No script, no address of another server, no inline handler; the policy allows the page's own style alone."""
    read = _Reader(page(_evil_world()))
    assert not {"script", "img", "link", "iframe", "object", "base"} & set(read.tags)
    for tag, name, value in read.attributes:
        assert name in {"lang", "charset", "method", "action", "name", "value"}, (tag, name)
        assert name != "action" or value == "/"
    digest = base64.b64encode(hashlib.sha256(read.style.encode()).digest()).decode()
    assert f"style-src 'sha256-{digest}'" in POLICY
    assert "default-src 'none'" in POLICY
    assert "unsafe" not in POLICY


def _send(port: int, method: str, fields: dict[str, str] | None = None, **headers: str) -> tuple[int, dict[str, str]]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    try:
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        body = None if fields is None else urlencode(fields)
        connection.request(method, "/", body, {"Content-Type": "application/x-www-form-urlencoded", **lines})
        answer = connection.getresponse()
        answer.read()
        return answer.status, {name.lower(): value for name, value in answer.headers.items()}
    finally:
        connection.close()


def test_the_form_moves_the_clock_for_the_page_itself_only() -> None:
    """From its own origin it acts and goes back to the page; from nowhere or elsewhere it is refused."""
    world = small_world()
    with serving(world) as port:
        own = f"http://127.0.0.1:{port}"
        for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec_Fetch_Site": "none"}):
            assert _send(port, "POST", {"seconds": "3600"}, **headers)[0] == 403
        assert world.now == START
        status, headers = _send(port, "POST", {"seconds": str(DAY)}, Origin=own)
        assert (status, headers["location"], world.now) == (303, "/", START + DAY)
        due = world.next_event_at()
        assert _send(port, "POST", {"until": "next_event"}, Origin=own)[0] == 303
        assert world.now == due


@pytest.mark.parametrize("fields", [{"seconds": "x"}, {"seconds": "-1"}, {"days": "1"}, {}, {"until": "x"}])
def test_a_form_of_another_shape_is_refused(fields: dict[str, str]) -> None:
    """Only the page's own buttons mean something."""
    world = small_world()
    with serving(world) as port:
        assert _send(port, "POST", fields, Origin=f"http://127.0.0.1:{port}")[0] == 400
        assert world.now == START


def test_the_pages_headers_forbid_what_it_does_not_need() -> None:
    """Content-Security-Policy, no framing, no sniffing, no caching."""
    with serving(small_world()) as port:
        status, headers = _send(port, "GET")
        assert status == 200
        assert headers["content-security-policy"] == POLICY
        assert headers["x-frame-options"] == "DENY"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
