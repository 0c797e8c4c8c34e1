"""A scenario played from its start: time passes, its story happens, its scripted requests are made; then what came out.

Both doors play the same script. In process: `run(world)`. Through another door, with the same `world` behind it:
`run(world, days, call, advance=...)`, where `call` performs one request (method, path with query, headers, body) and
returns (status, JSON document), and `advance` moves the clock to an instant (epoch seconds) and returns when everything
up to then has happened. A request at an instant is made after all that was due up to it. Equal seeds, equal digests.
May not open a socket nor read a clock.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from flexpay_reconcile.simulator.control.control import counts
from flexpay_reconcile.simulator.control.references import resolved
from flexpay_reconcile.simulator.local_time import DAY
from flexpay_reconcile.simulator.protocol.faults import NoAnswer
from flexpay_reconcile.simulator.script import Scripted
from flexpay_reconcile.simulator.world import World

Call = Callable[[str, str, dict[str, str], bytes], tuple[int, dict[str, Any]]]
Advance = Callable[[int], None]
NO_ANSWER = 0
"""The status of a request that got no answer; a `call` returns it (with an empty document) for a broken connection."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A scripted request as it was made, and its answer."""

    request: Scripted
    path: str
    status: int
    document: dict[str, Any]

    @property
    def as_expected(self) -> bool:
        """Whether the status is the one the scenario expects (or it expects none)."""
        return self.request.expect in (None, self.status)


@dataclass(frozen=True, slots=True, kw_only=True)
class Played:
    """What came out: the ledger's digest, the counts of `control.counts`, the replies in order."""

    digest: str
    summary: dict[str, Any]
    replies: tuple[Reply, ...]

    @property
    def surprises(self) -> tuple[Reply, ...]:
        """The replies whose status is not the expected one."""
        return tuple(reply for reply in self.replies if not reply.as_expected)


def run(world: World, days: int | None = None, call: Call | None = None, *, advance: Advance | None = None) -> Played:
    """Play a freshly built world for `days` (None: as many as its scenario says)."""
    ask, move = call or caller(world), advance or world.advance_to
    end = world.now + (world.script.days if days is None else days) * DAY
    replies = []
    for request in world.script.requests:
        if request.at > end:
            break
        move(request.at)
        replies.append(_perform(world, request, ask))
    move(end)
    return Played(digest=world.ledger.digest(), summary=counts(world), replies=tuple(replies))


def caller(world: World) -> Call:
    """The door in process."""

    def call(method: str, path: str, headers: dict[str, str], body: bytes) -> tuple[int, dict[str, Any]]:
        try:
            answer = world.handle(method, path, headers, body)
        except NoAnswer:
            return NO_ANSWER, {}
        return answer.status, document_of(answer.body)

    return call


def document_of(body: bytes) -> dict[str, Any]:
    """The JSON object of an answer's body; empty when it is none (cut off by a fault)."""
    try:
        found = json.loads(body)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def form(params: Iterable[tuple[str, Any]]) -> str:
    """Nested parameters as Stripe's form text: `a[b]=1&c[0]=x`."""
    return urlencode([pair for name, value in params for pair in _pairs(name, value)])


def _pairs(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _pairs(f"{name}[{key}]", inner)
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from _pairs(f"{name}[{number}]", inner)
    else:
        yield name, str(value).lower() if isinstance(value, bool) else "" if value is None else str(value)


def _perform(world: World, request: Scripted, call: Call) -> Reply:
    path = str(resolved(world, request.path))
    text = form(resolved(world, dict(request.params)).items())
    given = {
        "Authorization": f"Bearer {_secret(world, request.key)}",
        "Idempotency-Key": request.idempotency_key,
        "Stripe-Account": request.account,
        "Stripe-Version": request.version,
    }
    headers = {name: value for name, value in given.items() if value is not None}
    body = b""
    if request.method == "POST":
        body = text.encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded"
    elif text:
        path += ("&" if "?" in path else "?") + text
    status, document = call(request.method, path, headers, body)
    return Reply(request=request, path=path, status=status, document=document)


def _secret(world: World, name: str | None) -> str:
    for key in world.sim.keys.values():
        if name is None or name in (key.env, key.name):
            return key.secret
    raise LookupError(f"the scenario has no API key {name!r}")
