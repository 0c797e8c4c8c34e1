"""The one module of the core that takes URLs apart (it may import urllib's parser). It opens nothing."""

from __future__ import annotations

from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import urlsplit


@dataclass(frozen=True, slots=True, kw_only=True)
class Url:
    """The parts of a URL that rules ask about."""

    scheme: str
    host: str
    path: str
    has_credentials: bool


def parse(text: str) -> Url | None:
    """The parts of an absolute URL, or None where it is none."""
    try:
        parts = urlsplit(text)
        _ = parts.port
    except ValueError:
        return None
    if not parts.scheme or not parts.hostname:
        return None
    if any(c.isspace() or not c.isprintable() or c == "\\" for c in text):
        return None  # parsers disagree about these, and with a backslash about which host is meant
    return Url(
        scheme=parts.scheme.lower(),
        host=parts.hostname,
        path=parts.path,
        has_credentials=parts.username is not None or parts.password is not None,
    )


def is_loopback(text: str) -> bool:
    """Whether the URL's host is this machine (a loopback address or `localhost`)."""
    url = parse(text)
    if url is None:
        return False
    if url.host == "localhost":
        return True
    try:
        return ip_address(url.host).is_loopback
    except ValueError:
        return False
