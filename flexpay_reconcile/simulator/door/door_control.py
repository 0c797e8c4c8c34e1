"""The control side of the HTTP door: documents, verbs, the clock, followers' long polls, the status page and its form.

What takes or waits for the world's lock runs in threads. May not answer for Stripe.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar
from urllib.parse import parse_qsl

from flexpay_reconcile.simulator.control import control_api
from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.control.control_advance import Goal, goal_of, whole_number
from flexpay_reconcile.simulator.control.control_documents import DOCUMENTS
from flexpay_reconcile.simulator.control.control_query import Query
from flexpay_reconcile.simulator.door import status_page, wire
from flexpay_reconcile.simulator.door.follow import MAX_TIMEOUT, Advanced, Busy, Conductor
from flexpay_reconcile.simulator.door.wire import Asked, Reply, refusal

P = ParamSpec("P")
T = TypeVar("T")
_THREADS = 64
_LONGEST_NAME = 200
_DOORS = frozenset({"advance", "follow", "reset"})
_FORM_FIELDS = frozenset({"seconds", "until"})


class ControlDoor:
    """Answers requests that are not Stripe's."""

    def __init__(self, conductor: Conductor) -> None:
        self.conductor = conductor
        self._threads = ThreadPoolExecutor(_THREADS, thread_name_prefix="simulator")

    def close(self) -> None:
        """Take no more work; what still waits was woken by the conductor's stop."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def in_thread(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run what may wait for the lock."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, partial(work, *args, **kwargs))

    async def answer(self, asked: Asked) -> Reply:
        """One request to `/` or `/_simulator/<name>`."""
        if wire.from_elsewhere(asked.headers):
            return refusal(403, "Another site's page may not speak to the simulator's control interface.")
        if asked.path == "/":
            return await self._page(asked)
        name = asked.path.removeprefix("/_simulator/")
        reads, acts = name in DOCUMENTS, name in control_api.VERBS or name in _DOORS
        if asked.method == "GET" and reads:
            query = Query.of(asked.query)
            return wire.document(await self.in_thread(self._locked, lambda: self._read(name, query)))
        if asked.method == "POST" and acts:
            return await self._act(name, _document(asked.body))
        if not reads and not acts:
            return refusal(
                404, f"Unrecognized control request {name[:60]!r}; GET /_simulator/verbs lists what there is."
            )
        allow = ", ".join([*(["GET", "HEAD"] if reads else []), *(["POST"] if acts else []), "OPTIONS"])
        if asked.method == "OPTIONS":
            return Reply(status=204, body=b"", headers=[(b"allow", allow.encode())])
        return refusal(405, f"{asked.method[:20]} is not for {name}; it takes {allow}.", allow=allow)

    def _read(self, name: str, query: Query) -> dict[str, Any]:
        found = DOCUMENTS[name].read(self.conductor.world, query)
        if name == "state":
            found["followers"] = self.conductor.followers()
        return found

    async def _act(self, name: str, document: dict[str, Any]) -> Reply:
        if name == "advance":
            return await self._advance(document)
        if name == "follow":
            return await self._follow(document)
        if name == "reset":
            return await self._reset(document)
        done = await self.in_thread(self._locked, lambda: control_api.post(self.conductor.world, name, document))
        return wire.document(done)

    async def _advance(self, document: dict[str, Any]) -> Reply:
        """Move the clock; answers when everything up to then has happened."""
        try:
            done = await self._moved(goal_of(document))
        except Busy:
            return refusal(409, "another advance is under way")
        return wire.document(
            {
                "now": done.now,
                "events": done.events,
                "deliveries": done.deliveries,
                "failed_deliveries": done.failed_deliveries,
            }
        )

    async def _moved(self, goal: Goal) -> Advanced:
        target = await self.in_thread(self._locked, lambda: goal.instant(self.conductor.world))
        return await self.in_thread(self.conductor.advance, target)

    async def _follow(self, document: dict[str, Any]) -> Reply:
        """A follower's long poll."""
        unknown = set(document) - {"follower", "as_of", "wake_at", "timeout_seconds"}
        if unknown:
            raise ControlError(f"unknown field {min(unknown)[:60]!r}", field=min(unknown)[:60])
        name = document.get("follower")
        if not isinstance(name, str) or not 0 < len(name) <= _LONGEST_NAME:
            raise ControlError(f"follower must be a text of at most {_LONGEST_NAME} characters", field="follower")
        wake_at = document.get("wake_at")
        timeout = document.get("timeout_seconds", MAX_TIMEOUT)
        if not isinstance(timeout, int | float) or isinstance(timeout, bool) or not 0 <= timeout <= MAX_TIMEOUT:
            raise ControlError(f"timeout_seconds must be between 0 and {MAX_TIMEOUT:.0f}", field="timeout_seconds")
        now, reason = await self.in_thread(
            self.conductor.follow,
            name,
            as_of=whole_number(document.get("as_of"), "as_of"),
            wake_at=None if wake_at is None else whole_number(wake_at, "wake_at"),
            timeout=float(timeout),
        )
        return wire.document({"now": now, "reason": reason})

    async def _reset(self, document: dict[str, Any]) -> Reply:
        """Begin again from the scenario."""
        if document:
            raise ControlError("reset takes no fields", field=min(document)[:60])
        try:
            now = await self.in_thread(self.conductor.reset)
        except Busy:
            return refusal(409, "an advance is under way")
        except LookupError as error:
            raise ControlError("this simulator was not started from a scenario it could begin again") from error
        return wire.document({"now": now})

    async def _page(self, asked: Asked) -> Reply:
        """The status page, and its one form."""
        if asked.method == "GET":
            text = await self.in_thread(
                self._locked, lambda: status_page.page(self.conductor.world, self.conductor.followers())
            )
            return wire.page(text, status_page.POLICY)
        if asked.method != "POST":
            return refusal(405, "The page is for GET and for its own form.", allow="GET, HEAD, POST")
        if not wire.from_own_page(asked.headers):
            return refusal(403, "Only the page's own form may do this; programs use POST /_simulator/advance.")
        fields: dict[str, Any] = dict(parse_qsl(asked.body.decode("latin-1")))
        if set(fields) - _FORM_FIELDS:
            raise ControlError("the form has other fields")
        if str(fields.get("seconds", "")).isdecimal():
            fields["seconds"] = int(fields["seconds"])
        try:
            await self._moved(goal_of(fields))
        except Busy:
            return refusal(409, "another advance is under way")
        return wire.see_other("/")

    def _locked(self, work: Callable[[], T]) -> T:
        with self.conductor.changed:
            try:
                return work()
            finally:
                self.conductor.changed.notify_all()


def _document(body: bytes) -> dict[str, Any]:
    try:
        document = json.loads(body or b"{}")
    except (ValueError, RecursionError) as error:
        raise ControlError("the body is not JSON") from error
    if not isinstance(document, dict):
        raise ControlError("the body must be a JSON object")
    return document
