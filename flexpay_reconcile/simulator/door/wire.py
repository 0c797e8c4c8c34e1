"""What the HTTP door reads and writes: a request as it came, an answer, and what `Host` and `Origin` say.

Values and their making only. May not touch a socket nor a world.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from flexpay_reconcile.simulator.protocol.encoding import encoded

Header = tuple[bytes, bytes]
JSON: Header = (b"content-type", b"application/json")


class DisconnectedError(Exception):
    """The client closed the connection before its request was whole."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """A request. Header names are in lower case; `path` as it was sent, without the query."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """An answer. `partial` not None: the connection breaks after that much of the body."""

    status: int
    body: bytes
    headers: list[Header]
    partial: bytes | None = None


def document(found: Mapping[str, Any], status: int = 200, *more: Header) -> Reply:
    """A JSON answer."""
    body = encoded(found)
    return Reply(status=status, body=body, headers=[JSON, _length(body), *more])


def refusal(
    status: int,
    message: str,
    *,
    type_: str = "invalid_request_error",
    param: str | None = None,
    close: bool = False,
    allow: str | None = None,
) -> Reply:
    """An error in Stripe's shape; `param` names the field that is wrong."""
    error = {"message": message, "type": type_}
    if param is not None:
        error["param"] = param
    more: list[Header] = [(b"connection", b"close")] if close else []
    if allow is not None:
        more.append((b"allow", allow.encode()))
    return document({"error": error}, status, *more)


def page(text: str, policy: str, status: int = 200) -> Reply:
    """An HTML page that may load nothing from anywhere but what the policy says."""
    body = text.encode()
    headers = [
        (b"content-type", b"text/html; charset=utf-8"),
        (b"content-security-policy", policy.encode()),
        (b"x-content-type-options", b"nosniff"),
        (b"x-frame-options", b"DENY"),
        (b"referrer-policy", b"same-origin"),
        (b"cache-control", b"no-store"),
        _length(body),
    ]
    return Reply(status=status, body=body, headers=headers)


def see_other(path: str) -> Reply:
    """Go and look there, after a form was sent."""
    return Reply(status=303, body=b"", headers=[(b"location", path.encode()), _length(b"")])


def hostname(headers: Mapping[str, str]) -> str | None:
    """The name in `Host`, None when it names nothing."""
    try:
        return urlsplit(f"//{headers.get('host', '')}").hostname
    except ValueError:
        return None


def from_elsewhere(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that another site's page sent this."""
    origin, site = headers.get("origin"), headers.get("sec-fetch-site")
    if origin is not None and origin != f"http://{headers.get('host', '')}":
        return True
    return site not in (None, "same-origin", "none")


def from_own_page(headers: Mapping[str, str]) -> bool:
    """Whether a browser says that a page of this very server sent this."""
    named = headers.get("origin") is not None or headers.get("sec-fetch-site") == "same-origin"
    return named and not from_elsewhere(headers)


def _length(body: bytes) -> Header:
    return (b"content-length", str(len(body)).encode())
