"""The simulator's control interface over HTTP, with the standard library alone: this side may not import the simulator.

Every answer is a JSON object; every fault is one error of ours.
"""

from __future__ import annotations

import http.client
import json
from typing import Any, Final
from urllib.parse import urlsplit

from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.values import url

DEFAULT_URL: Final = "http://127.0.0.1:4242"
QUICK_SECONDS: Final = 30.0
_BAD_REQUEST: Final = 400
_CONFLICT: Final = 409
_LAST_SECOND: Final = 253_402_300_799
"""The end of the year 9999, the last one we reckon with."""


def ask(
    base_url: str, method: str, name: str, body: dict[str, Any] | None = None, *, timeout: float = QUICK_SECONDS
) -> dict[str, Any]:
    """One request to `/_simulator/<name>`.

    OperatorError when the simulator refuses it or the URL is not on this machine; TryLater when nobody answers.
    """
    status, content = _exchange(base_url, method, f"/_simulator/{name}", body, timeout)
    document = _document(content)
    if status == http.client.OK and document is not None and _is_time(document.get("now")):
        return document
    said = (document or {}).get("error")
    message = str(said.get("message")) if isinstance(said, dict) and said.get("message") else f"it answered {status}"
    if status == _CONFLICT:
        raise TryLater(f"the simulator is busy: {message}", code="E-simulator-busy", hint="wait for it, then try again")
    if status == _BAD_REQUEST:
        raise OperatorError(f"the simulator refused this: {message}", code="E-simulator-refused")
    raise OperatorError(
        f"what answers at {base_url} is no simulator of ours: {message}",
        code="E-simulator",
        hint="--stripe-api names the simulator; start one with: flexpay simulator serve",
    )


def pages(base_url: str, name: str, query: str = "") -> dict[str, Any]:
    """A whole document of `/_simulator/<name>`, put together from its pages; faults as with `ask`."""
    whole = ask(base_url, "GET", f"{name}?{query}" if query else name)
    after = whole.get("next")
    while after is not None:
        page = ask(base_url, "GET", f"{name}?{query}&after={after}" if query else f"{name}?after={after}")
        for field, rows in page.items():
            if isinstance(rows, list):
                whole[field] = whole[field] + rows
        after = page["next"]
    whole.pop("next", None)
    return whole


def _is_time(now: object) -> bool:
    """Every answer of a simulator tells its time; another program's does not."""
    return isinstance(now, int) and not isinstance(now, bool) and 0 <= now <= _LAST_SECOND


def _document(content: bytes) -> dict[str, Any] | None:
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _exchange(base_url: str, method: str, path: str, body: dict[str, Any] | None, timeout: float) -> tuple[int, bytes]:
    if not url.is_loopback(base_url) or urlsplit(base_url).scheme != "http":
        raise OperatorError(
            f"{base_url} is not on this machine", code="E-stripe-api", hint=f"--stripe-api is {DEFAULT_URL} or alike"
        )
    parts = urlsplit(base_url)
    connection = http.client.HTTPConnection(parts.hostname or "127.0.0.1", parts.port or 80, timeout=timeout)
    try:
        payload = None if body is None else json.dumps(body)
        connection.request(method, path, payload, {"Content-Type": "application/json"} if payload else {})
        answer = connection.getresponse()
        return answer.status, answer.read()
    except TimeoutError:
        raise TryLater(
            f"the simulator at {base_url} did not answer within {timeout:.0f} s",
            code="E-simulator-slow",
            hint="it may still be at work: flexpay simulator show state",
        ) from None
    except (OSError, http.client.HTTPException) as problem:
        raise TryLater(
            f"no simulator answers at {base_url}: {problem}",
            code="E-simulator",
            hint="start it with: flexpay simulator serve --scenario FILE",
        ) from None
    finally:
        connection.close()
