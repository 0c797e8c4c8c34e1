"""The default HTTP client on real loopback sockets: which failures are surely before sending, and which are not."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest

from flexpay_reconcile.adapters.stripe_api.gateways import StripeGateways
from flexpay_reconcile.recovery.outcome import Approved, NotSubmitted, NotSubmittedReason, Outcome, Unresolved
from flexpay_reconcile.values.ids import InvoiceId, PaymentMethodId
from tests.unit.stripe_api.canned import ACCOUNT, PRIMARY, FixedClock, Vault, integration, invoice

Script = Callable[[socket.socket], None]


@contextmanager
def server(script: Script) -> Iterator[tuple[str, list[bytes]]]:
    """A server that reads one request a connection and then does what the script says; its address, and what it read."""
    listener = socket.create_server(("127.0.0.1", 0))
    seen: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                seen.append(read_request(connection))
                script(connection)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def read_request(connection: socket.socket) -> bytes:
    """One request with its body."""
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
    head, _, body = data.partition(b"\r\n\r\n")
    length = next((int(line[15:]) for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:")), 0)
    while len(body) < length:
        body += connection.recv(65_536)
    return head + b"\r\n\r\n" + body


def pay(address: str) -> Outcome:
    """One attempt through the default client."""
    gateways = StripeGateways(Vault(), FixedClock(), lambda _: ACCOUNT, base_url=address, wait=lambda span: None)
    return gateways.charger(integration()).pay(
        InvoiceId("in_1"), payment_method=PaymentMethodId("pm_1"), idempotency_key="fp1:acct_1Acme:in_1:1"
    )


def reply(status: str, body: bytes, *headers: str, length: int | None = None) -> Script:
    """A script that answers."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body) if length is None else length}", *headers, "", ""]
    return lambda connection: connection.sendall("\r\n".join(lines).encode() + body)


PAID = json.dumps(invoice(status="paid")).encode()


def test_a_plain_answer_arrives():
    """The request on the wire is the one we meant, and its answer is understood."""
    with server(reply("200 OK", PAID, "Request-Id: req_7", "Connection: close")) as (address, seen):
        outcome = pay(address)
    assert isinstance(outcome, Approved)
    assert outcome.request_id == "req_7"
    (request,) = seen
    assert request.startswith(b"POST /v1/invoices/in_1/pay HTTP/1.1\r\n")
    assert f"Authorization: Bearer {PRIMARY}".encode() in request
    assert b"Idempotency-Key: fp1:acct_1Acme:in_1:1" in request
    assert request.endswith(b"\r\n\r\noff_session=true&payment_method=pm_1")


def test_nobody_listens():
    """A refused connection is surely before sending."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    outcome = pay(f"http://127.0.0.1:{port}")
    assert isinstance(outcome, NotSubmitted)
    assert outcome.reason is NotSubmittedReason.CONNECTION_REFUSED


SILENCES = [
    pytest.param(lambda connection: None, id="closed without an answer"),
    pytest.param(lambda connection: connection.sendall(b"HTTP/1.1 200 OK\r\nContent-"), id="cut in the headers"),
    pytest.param(reply("200 OK", PAID, length=len(PAID) + 10), id="cut in the body"),
    pytest.param(reply("200 OK", PAID[:50]), id="half a document"),
    pytest.param(lambda connection: connection.sendall(b"hello\r\n\r\n"), id="not HTTP"),
    pytest.param(reply("502 Bad Gateway", b"<html>"), id="a proxy's page"),
]


@pytest.mark.parametrize("script", SILENCES)
def test_after_sending_nothing_is_sure(script):
    """Whatever goes wrong once the request is out is UNRESOLVED, and it is sent once."""
    with server(script) as (address, seen):
        outcome = pay(address)
    assert isinstance(outcome, Unresolved)
    assert len(seen) == 1


@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "307 Temporary Redirect", "308 Permanent Redirect"])
def test_redirects_are_not_followed(status):
    """A charge is never sent again to where an answer points."""
    with server(reply("200 OK", PAID)) as (elsewhere, stolen):
        location = f"Location: {elsewhere}/v1/invoices/in_1/pay"
        with server(reply(status, b"", location, "Connection: close")) as (address, seen):
            outcome = pay(address)
    assert isinstance(outcome, Unresolved)
    assert (len(seen), len(stolen)) == (1, 0)


def test_proxies_and_netrc_of_the_environment_do_not_touch_the_simulator(monkeypatch, tmp_path):
    """On the loopback address the key goes where it should, and no .netrc replaces it."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login thief password x\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    with server(reply("200 OK", PAID, "Connection: close")) as (address, seen):
        assert isinstance(pay(address), Approved)
    assert f"Authorization: Bearer {PRIMARY}".encode() in seen[0]
