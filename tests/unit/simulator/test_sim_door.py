"""The HTTP door keeps to itself: foreign pages, methods, endless and huge requests, too many connections, no HTTP."""

from __future__ import annotations

import http.client
import json

import pytest

from flexpay_reconcile.simulator.scenario.scenario import env_of
from tests.unit.simulator.helpers import START, small_world
from tests.unit.simulator.serving import ask, exchange, serving


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Origin": "https://127.0.0.1:{port}"},
        {"Origin": "http://127.0.0.1:1"},
        {"Origin": "http://localhost:{port}"},
        {"Origin": "null"},
        {"Sec_Fetch_Site": "cross-site"},
        {"Sec_Fetch_Site": "same-site"},
        {"Host": "evil.example:{port}"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": ""},
    ],
)
def test_another_sites_page_cannot_reach_the_control_interface(headers: dict[str, str]) -> None:
    """Foreign origins and rebound names get 403 for reading and acting, and nothing happens."""
    world = small_world()
    with serving(world) as port:
        lines = {name: value.format(port=port) for name, value in headers.items()}
        assert ask(port, "POST", "/_simulator/advance", {"days": 1}, **lines)[0] == 403
        assert ask(port, "GET", "/_simulator/state", **lines)[0] == 403
        assert ask(port, "GET", "/", **lines)[0] == 403
        assert world.now == START
        own = {"Origin": f"http://127.0.0.1:{port}", "Sec_Fetch_Site": "same-origin"}
        assert ask(port, "POST", "/_simulator/advance", {"days": 1}, **own)[0] == 200


def test_methods_are_told() -> None:
    """HEAD is GET without a body, OPTIONS and 405 say what is allowed, and nothing grants another site anything."""
    with serving(small_world()) as port:
        status, body, headers = ask(port, "HEAD", "/_simulator/state")
        assert (status, body) == (200, b"")
        assert int(headers["content-length"]) > 100
        status, body, headers = ask(port, "OPTIONS", "/_simulator/state")
        assert (status, body, headers["allow"]) == (204, b"", "GET, HEAD, OPTIONS")
        assert not any(name.lower().startswith("access-control") for name in headers)
        status, document, headers = ask(port, "DELETE", "/_simulator/state")
        assert (status, headers["allow"]) == (405, "GET, HEAD, OPTIONS")
        assert document["error"]["type"] == "invalid_request_error"
        assert ask(port, "GET", "/_simulator/decline")[0] == 405
        assert ask(port, "PUT", "/")[0] == 405
        assert ask(port, "GET", "/_simulator/../state")[0] == 404


def test_a_body_of_ten_megabytes_is_refused_unread() -> None:
    """413 in Stripe's shape; a client that asks first is refused before it sends, and one that says nothing is cut."""
    world = small_world()
    head = f"POST /v1/customers HTTP/1.1\r\nHost: 127.0.0.1\r\nAuthorization: Bearer {env_of(world)['STANDARD']}\r\n"
    with serving(world) as port:
        status, document, _ = ask(port, "POST", "/v1/customers", "a" * 10_000_000)
        assert (status, document["error"]["type"]) == (413, "invalid_request_error")
        asking = f"{head}Content-Length: 10000000000\r\nExpect: 100-continue\r\n\r\n".encode()
        assert exchange(port, asking).startswith(b"HTTP/1.1 413")
        chunk = b"fffff\r\n" + b"a" * 0xFFFFF + b"\r\n"
        chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + chunk * 3 + b"0\r\n\r\n"
        assert exchange(port, chunked).startswith(b"HTTP/1.1 413")


def test_half_a_request_is_not_waited_for_for_ever(monkeypatch: pytest.MonkeyPatch) -> None:
    """A head that never ends is cut off, a body that never ends is answered 408, an idle beginner is cut off."""
    monkeypatch.setattr("flexpay_reconcile.simulator.door.server.HEAD_SECONDS", 0.05)
    monkeypatch.setattr("flexpay_reconcile.simulator.door.door.BODY_SECONDS", 0.05)
    with serving(small_world()) as port:
        assert exchange(port, b"GET / HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Slow: ") == b""
        assert exchange(port, b"") == b""
        slow = exchange(port, b"POST /_simulator/advance HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\n{")
        assert slow.startswith(b"HTTP/1.1 408")
        assert ask(port, "GET", "/_simulator/clock")[0] == 200


def test_one_connection_too_many_is_closed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Beyond the bound a connection is closed at once; the others go on."""
    monkeypatch.setattr("flexpay_reconcile.simulator.door.server.MOST_CONNECTIONS", 1)
    with serving(small_world()) as port:
        first = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        for _ in range(2):
            first.request("GET", "/_simulator/clock")
            assert first.getresponse().read()
        assert exchange(port, b"") == b""
        first.request("GET", "/_simulator/clock")
        assert first.getresponse().read()
        first.close()


def test_what_is_no_http_gets_a_stripe_shaped_error() -> None:
    """Rubbish is 400 with an error object."""
    with serving(small_world()) as port:
        head, _, body = exchange(port, b"\x16\x03\x01 what\r\n\r\n").partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 400")
        assert json.loads(body)["error"]["type"] == "invalid_request_error"
