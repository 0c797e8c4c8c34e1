"""Which failures of the connection are surely before sending: few, and everything else is in doubt."""

from __future__ import annotations

import socket
from typing import Any

import pytest
import requests
import stripe
import urllib3

from flexpay_reconcile.recovery.outcome import (
    NotSubmitted,
    NotSubmittedReason,
    Unresolved,
)
from tests.unit.stripe_api.canned import Bench
from tests.unit.stripe_api.test_stripe_charger import pay


def connection_error(cause: BaseException) -> stripe.APIConnectionError:
    """What the SDK raises for a cause."""
    raised = stripe.APIConnectionError("Unexpected error communicating with Stripe.", should_retry=True)
    raised.__cause__ = cause
    return raised


def test_refused_connection_is_not_submitted():
    """Nobody listened, so nothing was sent."""
    bench = Bench()
    bench.http.fails(connection_error(ConnectionRefusedError(111, "Connection refused")))
    outcome = pay(bench)
    assert isinstance(outcome, NotSubmitted)
    assert outcome.reason is NotSubmittedReason.CONNECTION_REFUSED


@pytest.mark.parametrize(
    "cause", [TimeoutError("read"), ConnectionResetError(104, "reset"), BrokenPipeError(), OSError("odd")]
)
def test_lost_answers_are_unresolved(cause):
    """A timeout or a reset may come after execution; the SDK sends it once, though it may think it worth a retry."""
    bench = Bench()
    bench.http.fails(connection_error(cause))
    assert isinstance(pay(bench), Unresolved)
    assert len(bench.http.sent) == 1


def test_unexpected_exceptions_are_unresolved():
    """A bug anywhere below does not lose the fact that a request may have left."""
    bench = Bench()
    bench.http.fails(RuntimeError("boom"))
    assert isinstance(pay(bench), Unresolved)


Urllib = urllib3.exceptions


def through(kind: type[Exception], reason: Exception | None) -> Exception:
    """An exception of `requests` as its adapter makes it, around urllib3's."""
    return kind(Urllib.MaxRetryError(None, "/", reason)) if reason is not None else kind("odd")  # type: ignore[arg-type]


CONNECTION: Any = None
NEVER_SENT = [
    through(requests.exceptions.ConnectionError, Urllib.NewConnectionError(CONNECTION, "refused")),
    through(requests.exceptions.ConnectionError, Urllib.NameResolutionError("host", CONNECTION, socket.gaierror())),
    through(requests.exceptions.ConnectTimeout, Urllib.ConnectTimeoutError("slow")),
]
IN_DOUBT = [
    through(requests.exceptions.ConnectionError, Urllib.ProtocolError("reset")),
    through(requests.exceptions.ConnectionError, Urllib.ResponseError("odd")),
    through(requests.exceptions.ProxyError, Urllib.ProxyError("no", Urllib.NewConnectionError(CONNECTION, "refused"))),
    through(requests.exceptions.SSLError, Urllib.SSLError("bad certificate")),
    requests.exceptions.ConnectionError(Urllib.ProtocolError("aborted", ConnectionResetError())),
    requests.exceptions.ConnectionError(),
    requests.exceptions.ReadTimeout(Urllib.ReadTimeoutError(CONNECTION, "/", "slow")),
    requests.exceptions.ChunkedEncodingError("cut"),
    requests.exceptions.TooManyRedirects("1"),
    requests.exceptions.ContentDecodingError("gzip"),
]


@pytest.mark.parametrize("cause", NEVER_SENT, ids=repr)
def test_requests_that_never_left(cause):
    """No route, no name, no answer to the handshake of TCP: the connection was never there."""
    bench = Bench()
    bench.http.fails(connection_error(cause))
    outcome = pay(bench)
    assert isinstance(outcome, NotSubmitted)
    assert outcome.reason is NotSubmittedReason.CONNECTION_REFUSED


@pytest.mark.parametrize("cause", IN_DOUBT, ids=repr)
def test_requests_that_maybe_left(cause):
    """Proxies, TLS, resets, redirects and broken bodies are in doubt, and doubt is UNRESOLVED."""
    bench = Bench()
    bench.http.fails(connection_error(cause))
    assert isinstance(pay(bench), Unresolved)
