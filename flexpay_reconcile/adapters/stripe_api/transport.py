"""The HTTP side of the SDK: which requests a gateway's power allows, and nothing else leaves. Never retries.

Each gateway gets a transport of its own power, so that a reader cannot write and nobody but the charger can pay,
whatever the code above asks for (invariant E1).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Mapping
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

import stripe

from flexpay_reconcile.errors import BrokenInvariant

# Together at most 30 s: the longest a charge may be on its way (product contract, section 4).
CONNECT_SECONDS = 5
READ_SECONDS = 25

PROBE_PATHS = ("/v1/invoices/in_fpprobe000", "/v1/subscriptions/sub_fpprobe000", "/v1/webhook_endpoints/we_fpprobe000")
"""The three write probes: objects that cannot exist."""


class Power(StrEnum):
    """What a transport may send."""

    READ = "read"
    """GETs."""
    READ_AND_PROBE = "read_and_probe"
    """GETs and the three write probes."""
    WRITE_BILLING = "write_billing"
    """Cancel a subscription; edit or write off an invoice."""
    WRITE_ACCOUNT = "write_account"
    """Make, change and delete webhook endpoints."""
    CHARGE = "charge"
    """`POST /v1/invoices/{id}/pay`."""


_ID = "[A-Za-z0-9_]+"
_ALLOWED = {
    Power.READ: re.compile(r"GET /v1/.+"),
    Power.READ_AND_PROBE: re.compile(rf"GET /v1/.+|POST ({'|'.join(PROBE_PATHS)})"),
    Power.WRITE_BILLING: re.compile(
        rf"POST /v1/invoices/{_ID}(/mark_uncollectible)?|(POST|DELETE) /v1/subscriptions/{_ID}"
    ),
    Power.WRITE_ACCOUNT: re.compile(rf"POST /v1/webhook_endpoints(/{_ID})?|DELETE /v1/webhook_endpoints/{_ID}"),
    Power.CHARGE: re.compile(rf"POST /v1/invoices/{_ID}/pay"),
}

Answered = tuple[Any, int, Mapping[str, str]]


class GuardedTransport(stripe.HTTPClient):
    """An SDK HTTP client that lets one power's requests through to another client, once each."""

    name = "flexpay"

    def __init__(self, inner: stripe.HTTPClient, power: Power, observe: Callable[[Mapping[str, str]], None]) -> None:
        """`observe` sees the headers of every answer."""
        super().__init__()
        self._inner = inner
        self._power = power
        self._allowed = _ALLOWED[power]
        self._observe = observe

    def request_with_retries(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        post_data: Any = None,
        max_network_retries: int | None = None,
        *,
        _usage: list[str] | None = None,
    ) -> Answered:
        """One request, whatever number of retries is asked for."""
        return self.request(method, url, headers, post_data)

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> Answered:
        """Send it if the power allows it; BrokenInvariant otherwise, before a byte leaves."""
        line = f"{method.upper()} {urlsplit(url).path}"
        if self._allowed.fullmatch(line) is None:
            raise BrokenInvariant(f"a transport with the power {self._power.value} was asked to send {line}")
        answered: Answered = self._inner.request(method, url, headers, post_data)
        self._observe(answered[2])
        return answered

    def close(self) -> None:
        """Close the client below."""
        self._inner.close()  # type: ignore[no-untyped-call]


class RequestsPerThread(stripe.HTTPClient):
    """The SDK's client over `requests`, with a session per thread and none of the conveniences that act behind us.

    Redirects are errors (the SDK's client would send a charge again to another address), `.netrc` is not read
    (it would replace the key), and proxies of the environment are not used for the loopback address.
    """

    name = "requests"

    def __init__(self, *, loopback: bool) -> None:
        """`loopback` when the base address is this machine."""
        super().__init__()
        self._loopback = loopback
        self._local = threading.local()

    def request(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str] | None,
        post_data: Any = None,
        *,
        _usage: list[str] | None = None,
    ) -> Answered:
        """One request through this thread's session."""
        client: stripe.RequestsClient | None = getattr(self._local, "client", None)
        if client is None:
            client = self._local.client = self.client()
        return client.request(method, url, headers, post_data)

    def client(self) -> stripe.RequestsClient:
        """A client as every thread gets one."""
        session = stripe.RequestsClient().requests.Session()
        session.max_redirects = 0
        session.trust_env = not self._loopback
        session.auth = _keep_the_key
        return stripe.RequestsClient(timeout=(CONNECT_SECONDS, READ_SECONDS), session=session)

    def close(self) -> None:
        """Close this thread's session."""
        client: stripe.RequestsClient | None = getattr(self._local, "client", None)
        if client is not None:
            client.close()  # type: ignore[no-untyped-call]


def _keep_the_key(request: Any) -> Any:
    """The request as the SDK wrote it."""
    return request
