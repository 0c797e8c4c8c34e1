"""The HTTP door for webhooks, called as the ASGI app it is, without a socket."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest

from flexpay_reconcile.daemon.listener import STATUS, build_app
from flexpay_reconcile.errors import BrokenInvariant, OperatorError, TryLater
from flexpay_reconcile.operations.receive_event import MAX_BODY_BYTES, Received

HOOK = "/webhooks/stripe/acme-us"


@dataclass
class Door:
    """A listener whose answer is given, and what it was asked."""

    answer: Received | BaseException = Received.STORED
    health: dict[str, Any] = field(default_factory=lambda: {"ready": True})
    asked: list[tuple[str, bytes, str]] = field(default_factory=list)
    read: int = 0
    sent: list[Any] = field(default_factory=list)

    def receive(self, integration: str, body: bytes, header: str) -> Received:
        """The operation behind the door."""
        self.asked.append((integration, body, header))
        if isinstance(self.answer, BaseException):
            raise self.answer
        return self.answer

    def call(
        self,
        path: str = HOOK,
        chunks: Iterable[bytes] = (b"{}",),
        *,
        method: str = "POST",
        headers: Iterable[tuple[bytes, bytes]] = ((b"stripe-signature", b"t=1,v1=a"),),
        hangs_up: bool = False,
    ) -> tuple[int, Any]:
        """One request; returns the status and the JSON of the answer."""
        incoming = iter(chunks)
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "headers": list(headers),
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 2),
        }

        async def receive() -> dict[str, Any]:
            chunk = next(incoming, None)
            if chunk is None:
                return {"type": "http.disconnect"} if hangs_up else {"type": "http.request", "body": b""}
            self.read += len(chunk)
            return {"type": "http.request", "body": chunk, "more_body": True}

        async def send(message: Any) -> None:
            self.sent.append(message)

        asyncio.run(build_app(self.receive, lambda: self.health)(scope, receive, send))
        body = b"".join(each.get("body", b"") for each in self.sent)
        status = next(each["status"] for each in self.sent if each["type"] == "http.response.start")
        return status, orjson.loads(body) if body.startswith(b"{") else body.decode()


EXPECTED = {
    Received.STORED: 200,
    Received.DUPLICATE: 200,
    Received.UNKNOWN_ENDPOINT: 404,
    Received.DISABLED: 410,
    Received.BAD_SIGNATURE: 400,
    Received.BAD_BODY: 400,
    Received.WRONG_SCOPE: 400,
    Received.NOT_OURS: 200,
}


@pytest.mark.parametrize("received", list(Received))
def test_the_status_of_each_answer(received):
    """Each outcome has its status; 2xx is for what is durably stored (D2), or is of accounts that are not ours (D9)."""
    status, answer = Door(received).call()
    assert status == EXPECTED[received] == STATUS[received]
    assert (200 <= status < 300) is (received in (Received.STORED, Received.DUPLICATE, Received.NOT_OURS))
    assert answer == {"received": received.value}


def test_what_is_handed_on():
    """The integration of the path, the raw body exactly as its bytes came, and the signature header."""
    door = Door()
    raw = [b'{"a":\xff', b" 1}\n", b"\x00"]
    door.call("/webhooks/stripe/acme-eu", raw)
    assert door.asked == [("acme-eu", b"".join(raw), "t=1,v1=a")]


def test_without_a_signature_header():
    """A request without the header is handed on with an empty one, which no check finds genuine."""
    door = Door(Received.BAD_SIGNATURE)
    status, _ = door.call(headers=())
    assert status == 400
    assert door.asked[0][2] == ""


@pytest.mark.parametrize(("size", "status"), [(MAX_BODY_BYTES, 200), (MAX_BODY_BYTES + 1, 413)])
def test_the_limit_of_a_body(size, status):
    """256 KiB are taken in; one byte more is refused and handed to nobody."""
    door = Door()
    chunk = b"x" * 4096
    chunks = [chunk] * (size // 4096) + [b"x" * (size % 4096)]
    assert door.call(chunks=chunks)[0] == status
    assert len(door.asked) == (1 if status == 200 else 0)


@pytest.mark.parametrize("claimed", [b"2", b"0", b"-1", b"99999999999"])
def test_the_limit_counts_bytes_read_not_bytes_claimed(claimed):
    """Whatever Content-Length says, the body is measured as it comes, and reading ends soon after the limit."""
    door = Door()
    endless = (b"x" * 65_536 for _ in range(1_000))
    status, _ = door.call(chunks=endless, headers=((b"content-length", claimed),))
    assert status == 413
    assert door.read <= MAX_BODY_BYTES + 65_536
    assert door.asked == []


def test_a_small_body_with_a_large_claim_is_taken_in():
    """A wrong Content-Length of a small body refuses nothing."""
    assert Door().call(headers=((b"content-length", b"99999999999"),))[0] == 200


def test_a_sender_who_hangs_up_stores_nothing():
    """Half a body is not handed on."""
    door = Door()
    status, _ = door.call(chunks=[b'{"half":'], hangs_up=True)
    assert not 200 <= status < 300
    assert door.asked == []


def test_not_able_to_commit_is_503():
    """When the store cannot commit, Stripe is asked to deliver again (invariant D2)."""
    status, answer = Door(TryLater("disk full", code="E-store-full")).call()
    assert (status, answer) == (503, {"error": "E-store-full"})


@pytest.mark.parametrize("fault", [OperatorError("secret missing", code="E-secret"), BrokenInvariant("bug")])
def test_our_own_fault_is_500(fault):
    """What is wrong on our side is a 5xx, so that the event comes again; its words stay inside."""
    status, answer = Door(fault).call()
    assert (status, answer) == (500, {"error": fault.code})


def test_a_fault_nobody_foresaw_is_500():
    """A bug answers 5xx and is raised to the server, which logs it; nothing of it is told to the sender."""
    door = Door(ZeroDivisionError("secret words"))
    with pytest.raises(ZeroDivisionError):
        door.call()
    assert door.sent[0]["status"] == 500
    assert b"secret words" not in b"".join(each.get("body", b"") for each in door.sent)


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [
        ("POST", "/", 404),
        ("POST", "/webhooks/stripe", 404),
        ("POST", "/webhooks/stripe/", 404),
        ("POST", "/webhooks/stripe/a/b", 404),
        ("POST", f"{HOOK}/", 404),
        ("GET", "/readyz/", 404),
        ("POST", "/webhooks/paypal/acme-us", 404),
        ("GET", "/docs", 404),
        ("GET", HOOK, 405),
        ("PUT", HOOK, 405),
        ("POST", "/healthz", 405),
    ],
)
def test_there_is_no_other_door(method, path, status):
    """Any other path is 404 and any other method 405, and nothing is handed on."""
    door = Door()
    assert door.call(path, method=method)[0] == status
    assert door.asked == []


def test_alive():
    """The process is alive when it answers at all."""
    assert Door(health={"ready": False}).call("/healthz", method="GET") == (200, {"alive": True})


@pytest.mark.parametrize(("health", "status"), [({"ready": True}, 200), ({"ready": False, "why": "x"}, 503), ({}, 503)])
def test_ready(health, status):
    """Readiness says what it is told, and anything but a clear yes is 503."""
    assert Door(health=health).call("/readyz", method="GET") == (status, health)
