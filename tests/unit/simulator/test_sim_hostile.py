"""Hostile requests: whatever is sent, the answer is Stripe's error object with the right status, never an exception."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexpay_reconcile.simulator.routes import ROUTES
from flexpay_reconcile.simulator.scenario.scenario import env_of
from flexpay_reconcile.simulator.world import MAX_BODY, World
from tests.unit.simulator.helpers import START, failed_invoice, small_world
from tests.unit.simulator.serving import exchange, serving

TYPES = {"api_error", "card_error", "idempotency_error", "invalid_request_error"}
WORLD = small_world()
INVOICE = failed_invoice(WORLD)
KEY = env_of(WORLD)["STANDARD"]
IDS = [id_ for account in WORLD.sim.accounts.values() for table in account.tables.values() for id_ in table.rows][:200]
ODD = ("", "0", "-1", "99999999999999999", "999999999999999999999999", "null", "NaN", "1e9", "\x00", "²", "é" * 300)
WORDS = st.sampled_from([*ODD, "true", "usd", "pm_card_visa", "tok_visa", "now", "month", str(START), *IDS[::7]])


def ask(method: str, path: str, body: bytes = b"", world: World = WORLD, **headers: str) -> tuple[int, Any]:
    """Ask, and check that the answer has Stripe's shape."""
    lines = {"Authorization": f"Bearer {KEY}"}
    lines.update({name.replace("_", "-"): value for name, value in headers.items()})
    answer = world.handle(method, path, lines, body)
    document = json.loads(answer.body)
    if answer.status != 200:
        assert set(document) == {"error"}
        assert document["error"]["type"] in TYPES
        assert document["error"]["message"]
        assert len(answer.body) < 20_000
    assert answer.headers["Request-Id"].startswith("req_")
    return answer.status, document


def fields(rule: Any) -> st.SearchStrategy[Any]:
    """Values for a parameter: mostly of the right form, always with odd contents."""
    if isinstance(rule, dict):
        return st.fixed_dictionaries({}, optional={name.rstrip("!"): fields(inner) for name, inner in rule.items()})
    if isinstance(rule, list):
        return st.lists(fields(rule[0]), max_size=2)
    if isinstance(rule, tuple):
        return st.one_of(st.sampled_from(rule), WORDS)
    if rule == "strings":
        return st.lists(WORDS, max_size=2)
    if rule == "map":
        return st.dictionaries(st.sampled_from(["a", "0", ""]), WORDS, max_size=2)
    if rule in ("int", "range"):
        return st.one_of(st.integers(-5, 200).map(str), st.integers(START - 10**8, START + 10**9).map(str), WORDS)
    return st.one_of(WORDS, st.dictionaries(st.just("x"), WORDS, max_size=1))


def form(value: Any, path: str) -> list[str]:
    """A structure as form pairs."""
    if isinstance(value, dict):
        return [pair for name, item in value.items() for pair in form(item, f"{path}[{quote(name)}]" if path else name)]
    if isinstance(value, list):
        return [pair for number, item in enumerate(value) for pair in form(item, f"{path}[{number}]")]
    return [f"{path}={quote(value)}"]


@st.composite
def requests_of_every_route(draw: st.DrawFn) -> tuple[str, str, str]:
    """A request to some route, with ids that may be of other kinds and parameters that may be anything."""
    route = draw(st.sampled_from(ROUTES))
    ids = st.one_of(st.sampled_from(IDS), st.sampled_from([word or "x" for word in ODD]))
    path = "/v1/" + "/".join(quote(draw(ids), safe="") if part == "*" else part for part in route.path)
    given_ = draw(fields({name: rule for name, rule in route.shape.items() if name != "expand"}))
    return route.method, path, "&".join(form(given_, ""))


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=requests_of_every_route())
def test_every_route_answers_whatever_its_parameters_hold(request: tuple[str, str, str]) -> None:
    """Right and wrong types, huge and negative numbers, NULs, ids of other kinds: 200 or a Stripe error."""
    method, path, text = request
    status, _ = (
        ask(method, path, text.encode()) if method == "POST" else ask(method, f"{path}?{text}" if text else path)
    )
    assert status in (200, 400, 402, 403, 404)


@settings(max_examples=300, deadline=None)
@given(method=st.sampled_from(["GET", "POST", "DELETE"]), path=st.text(max_size=60), body=st.binary(max_size=200))
def test_any_path_and_any_body(method: str, path: str, body: bytes) -> None:
    """Paths nobody knows are 404 or 400, bodies nobody can read 400."""
    assert ask(method, "/v1/" + path, body)[0] in (200, 400, 402, 404)
    assert ask("POST", "/v1/customers", body)[0] in (200, 400)


@settings(max_examples=200, deadline=None)
@given(value=st.text(max_size=80), name=st.sampled_from(["Stripe_Version", "Stripe_Account", "Idempotency_Key"]))
def test_any_header(value: str, name: str) -> None:
    """Headers of every kind are accepted or refused."""
    headers: dict[str, Any] = {name: value}
    assert ask("POST", "/v1/customers", **headers)[0] in (200, 400, 403, 409)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer",
        "Bearer ",
        "Basic",
        "Basic ====",
        "Basic OnB3",
        "Digest abc",
        "Bearer rk_test_",
        "Bearer sk_test_" + "x" * 100_000,
        "Bearer \x00\x01",
        "Bearer ключ",
        "Bearer null",
        "bearer",
        "Token " + KEY,
        "Bearer pk_test_" + "x" * 24,
        "Bearer " + "rk_" + "live_" + "x" * 24,
        "Basic " + "/" * 10_000,
    ],
)
def test_bad_authentication_of_every_kind_is_401(authorization: str) -> None:
    """Never 200, never an exception, and what is no key is not printed back whole."""
    status, document = ask("GET", "/v1/charges", Authorization=authorization)
    assert status == 401
    assert document["error"]["type"] == "invalid_request_error"
    assert "x" * 24 not in document["error"]["message"]


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("POST", "/v1/customers", b"name=" + b"a" * 10_000_000, 413),
        ("GET", "/v1/charges?x=" + "a" * 100_000, b"", 400),
        ("POST", "/v1/customers", "&".join(f"p{n}=1" for n in range(100_000)).encode(), 400),
        ("POST", "/v1/customers", "&".join(f"metadata[k{n}]=1" for n in range(900)).encode(), 400),
        ("POST", "/v1/customers", b"metadata" + b"[a]" * 1000 + b"=1", 400),
        ("POST", "/v1/customers", b"metadata[a" * 100_000, 400),
        ("POST", "/v1/customers", b"\xff\xfe\x00name=1", 400),
        ("POST", "/v1/customers", b"name=%ff%fe", 400),
        ("POST", "/v1/customers", b"name[]=1&name[]=2", 400),
        ("POST", "/v1/customers", b"name[a][b][c]=1", 400),
        ("POST", "/v1/customers", b"[]=1", 400),
        ("POST", "/v1/customers", b"=1", 400),
        ("GET", "/v1/invoices?limit=-99999999999", b"", 400),
        ("GET", "/v1/invoices?created[gte]=" + "9" * 5000, b"", 400),
        ("GET", "/v1/invoices?expand[]=" + "a." * 5000, b"", 400),
        ("GET", "/v1/invoices?" + "&".join("expand[]=data.customer" for _ in range(1001)), b"", 400),
        ("GET", "/v1/invoices/cus_1", b"", 404),
        ("GET", "/v1/invoices/..%2f..%2fetc%2fpasswd", b"", 404),
        ("GET", "/v1/../../../etc/passwd", b"", 404),
        ("GET", "/v1//charges", b"", 404),
        ("GET", "/v2/core/events", b"", 404),
        ("GET", "/_simulator/clock", b"", 404),
        ("GET", "", b"", 404),
        ("GET", "?", b"", 404),
        ("PUT", "/v1/customers", b"", 404),
        ("PATCH", "/v1/customers", b"", 404),
        ("BREW", "/v1/coffee", b"", 404),
        ("G" * 5000, "/v1/customers", b"", 404),
        ("DELETE", "/v1/customers", b"", 404),
    ],
)
def test_hostile_bodies_paths_and_methods(method: str, path: str, body: bytes, status: int) -> None:
    """Size, number, depth, encoding, traversal and method: each its own refusal."""
    assert ask(method, path, body)[0] == status


def test_ids_of_other_kinds_are_not_found() -> None:
    """Every id of the world asked for under another noun is 404 resource_missing."""
    for id_ in IDS:
        noun = "charges" if not id_.startswith("ch_") else "invoices"
        status, document = ask("GET", f"/v1/{noun}/{id_}")
        assert (status, document["error"]["code"]) == (404, "resource_missing")


def test_a_mistake_of_the_simulator_surfaces_in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """No guard hides a bug: what a handler raises reaches the test."""
    monkeypatch.setattr("flexpay_reconcile.simulator.requests.expand", _broken)
    with pytest.raises(ZeroDivisionError):
        ask("GET", "/v1/invoices?expand[]=data.customer")


def _broken(*_: Any) -> None:
    raise ZeroDivisionError


def test_over_http_a_mistake_is_stripes_500_and_told_on_stderr(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The caller sees api_error without a word of the code; whoever runs the simulator sees the traceback."""
    monkeypatch.setattr("flexpay_reconcile.simulator.requests.expand", _broken)
    with serving(small_world()) as port:
        answer = exchange(port, request("GET", "/v1/invoices?expand[]=data.customer"))
    assert answer.startswith(b"HTTP/1.1 500")
    assert b'"type":"api_error"' in answer
    assert b"Traceback" not in answer
    assert "ZeroDivisionError" in capfd.readouterr().err


def request(method: str, target: str, body: bytes = b"", *more: str, host: str = "127.0.0.1") -> bytes:
    """The bytes of an HTTP request."""
    lines = [f"{method} {target} HTTP/1.1", f"Host: {host}", f"Authorization: Bearer {KEY}", "Connection: close", *more]
    if body:
        lines.append(f"Content-Length: {len(body)}")
    return "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + body


def test_hostile_bytes_on_the_wire_never_break_the_door(capfd: pytest.CaptureFixture[str]) -> None:
    """Odd methods, targets, hosts, encodings and sizes: an error each, no traceback, and the door still answers."""
    form_type = "Content-Type: application/x-www-form-urlencoded"
    stripes = [
        (request("OPTIONS", "/v1/customers"), 404),
        (request("PATCH", "/v1/customers"), 404),
        (request("GET", "/v1/invoices/%00%ff%fe"), 404),
        (request("GET", "/v1/invoices/a%3Fb%2Fc"), 404),
        (request("GET", "/v1/charges?%ff=%fe"), 400),
        (request("GET", "/../../etc/passwd"), 404),
        (request("POST", "/v1/customers", b"name=\xff", form_type), 400),
        (request("POST", "/v1/customers", b"name=" + b"a" * (MAX_BODY - 4), form_type), 413),
        (request("POST", "/v1/customers", b"{" * 50_000, "Content-Type: application/json"), 400),
        (request("GET", "/v1/charges", host="example.com"), 403),
        (request("GET", "/v1/charges", host="[::1"), 403),
    ]
    with serving(WORLD) as port:
        for data, status in stripes:
            head, _, body = exchange(port, data).partition(b"\r\n\r\n")
            assert head.startswith(f"HTTP/1.1 {status} ".encode()), (data[:60], head[:60])
            assert status == 200 or set(json.loads(body)) == {"error"}
            assert b"Traceback" not in body
        for rubbish in (
            b"\x00" * 100,
            b"GET\r\n\r\n",
            b"GET / HTTP/9.9\r\n\r\n",
            b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
        ):
            assert b"200 OK" not in exchange(port, rubbish, hang_up=True)
        assert exchange(port, request("GET", "/v1/charges")).startswith(b"HTTP/1.1 200")
    assert "Traceback" not in capfd.readouterr().err
