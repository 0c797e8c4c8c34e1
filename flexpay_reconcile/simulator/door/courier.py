"""The courier's hands: one webhook delivery over HTTP with the standard library.

Delivers to loopback addresses only: nothing of a rehearsal leaves the machine. May not retry (the world's outbox does).
"""

from __future__ import annotations

import http.client
import sys
from urllib.parse import urlsplit

from flexpay_reconcile.simulator.world import Parcel

LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_TIMEOUT = 10.0
_told: set[str] = set()


def send(parcel: Parcel) -> int | None:
    """The status of the answer; None when there was none or the address is not on this machine."""
    parts = urlsplit(parcel.url)
    host = parts.hostname or ""
    if host not in LOOPBACK:
        if host not in _told:
            _told.add(host)
            sys.stderr.write(f"simulator: {host} is not on this machine; deliveries to it fail\n")
        return None
    make = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
    try:
        connection = make(host, parts.port, timeout=_TIMEOUT)
        try:
            target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
            connection.request("POST", target, body=parcel.body, headers=parcel.headers)
            return connection.getresponse().status
        finally:
            connection.close()
    except (OSError, http.client.HTTPException, ValueError):
        return None
