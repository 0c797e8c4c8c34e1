"""What Stripe may answer to one call, each by name. Arms a fleet with it, once; decides nothing.

The first seven are what a `pay` can come to; the others befall any call.
"""

from __future__ import annotations

import fnmatch
import json
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from flexpay_reconcile.simulator.control import control
from tests.simulation.fleet import Fleet
from tests.simulation.rig import Request

Arm = Callable[[Fleet, str, str, int], None]


class Nth:
    """True for the n-th call of a method and path, counted from 1."""

    def __init__(self, method: str, path: str, nth: int) -> None:
        self._left, self._method, self._path = nth, method, path

    def __call__(self, method: str, path: str) -> bool:
        if method != self._method or not fnmatch.fnmatchcase(path, self._path):
            return False
        self._left -= 1
        return self._left == 0


def _declined(code: str, times: int | None) -> Arm:
    """The first such call is refused with this code; after `times` the bank says yes."""

    def arm(fleet: Fleet, method: str, path: str, nth: int) -> None:
        meets = Nth(method, path, nth)

        def hook(request: Request) -> None:
            if meets(request.method, request.path):
                fleet.decline("ada", code, times=times)

        fleet.before_call.append(hook)

    return arm


def _nothing(_: Fleet, __: str, ___: str, ____: int) -> None:
    """The bank says yes."""


def _processing(fleet: Fleet, _: str, __: str, ___: int) -> None:
    """The customer's default has become a bank account, so the call only begins a debit of four days."""
    fleet.deeds.append((0.15, lambda: control.replace_card(fleet.world, "ada", "pm_usBankAccount")))  # type: ignore[attr-defined]


def _fault(kind: str, times: int = 1) -> Arm:
    """A fault of the simulator's own script."""

    def arm(fleet: Fleet, method: str, path: str, nth: int) -> None:
        fleet.transport.faults.add(kind, method=method, path=path, nth=nth, times=times)

    return arm


def _canned(status: int, error: dict[str, Any]) -> Arm:
    """One answer that was made elsewhere; nothing is executed."""

    def arm(fleet: Fleet, method: str, path: str, nth: int) -> None:
        inner, meets = fleet.transport.request, Nth(method, path, nth)

        def request(verb: str, url: str, headers: Any, post_data: Any = None, **named: Any) -> Any:
            if meets(verb.upper(), urlsplit(url).path):
                fleet.met()  # type: ignore[attr-defined]
                return json.dumps({"error": error}), status, {"Request-Id": "req_canned"}
            return inner(verb, url, headers, post_data, **named)

        fleet.transport.request = request  # type: ignore[method-assign, assignment]

    return arm


_INVALID = "invalid_request_error"
OF_PAY: dict[str, Arm] = {
    "success": _nothing,
    "soft decline": _declined("insufficient_funds", 1),
    "hard decline": _declined("lost_card", None),
    "requires action": _declined("requires_action", None),
    "unknown code": _declined("a_code_nobody_knows", None),
    "processing": _processing,
}
OF_ANY: dict[str, Arm] = {
    "timeout, executed": _fault("lost_answer"),
    "timeout, not executed": _fault("timeout_before"),
    "connection refused": _fault("refused"),
    "500, saved": _fault("500"),
    "500, executed": _fault("500_executed"),
    "429 on one key": _fault("429"),
    "429 on both keys": _fault("429", times=2),
    "429, locked": _fault("429_lock"),
    "409": _fault("409"),
    "401": _canned(401, {"type": _INVALID, "message": "Expired API Key provided: rk_test_***1234"}),
    "403": _canned(403, {"type": _INVALID, "message": "The provided key does not have the required permissions."}),
    "404": _canned(404, {"type": _INVALID, "code": "resource_missing", "message": "No such object", "param": "id"}),
    "400": _canned(400, {"type": _INVALID, "message": "Something about this request is wrong."}),
    "truncated JSON": _fault("truncated"),
    "a field is missing": _fault("missing_field"),
    "words of a later version": _fault("new_enum"),
    "shape of an old version": _fault("wrong_version"),
}
OF_READS = ("timeout, not executed", "429 on both keys", "401", "404", "truncated JSON")
"""A read changes nothing at Stripe: what is left of the others is the kinds of error a reader raises."""
ALL = {**OF_PAY, **OF_ANY}
