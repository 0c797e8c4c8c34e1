"""A watch over the simulator: every request, every answer and every delivery of every world is held against the document.

It stands on `World.handle`, `World.take_parcel` and the table of events, which both doors use, and changes nothing of what passes, unless a
test gives it a `tamper`. A request is judged only when it was answered with 2xx: what Stripe would refuse must not be
accepted. An answer that a fault of the script made false on purpose is counted and not judged.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final
from unittest import mock

from flexpay_reconcile.simulator import routes
from flexpay_reconcile.simulator.deliveries import Parcel
from flexpay_reconcile.simulator.protocol.faults import Fault, FaultScript
from flexpay_reconcile.simulator.requests import Response
from flexpay_reconcile.simulator.state import API_VERSION, Table
from flexpay_reconcile.simulator.world import World
from tests.conformance import forms, words
from tests.conformance.shapes import EXPANSIONS, Finding
from tests.conformance.spec import Document
from tests.conformance.surface import Surface

FALSE_ON_PURPOSE: Final = frozenset(
    {"truncated", "wrong_version", "new_enum", "unknown_type", "missing_field", "502_html", "503_html", "504_html"}
)
"""Faults that answer or deliver what Stripe would not; the others, where they do, answer and deliver as Stripe."""


@dataclass(slots=True)
class Met:
    """A difference: how often it was met, and the first example."""

    count: int
    example: str


@dataclass(slots=True)
class Watch:
    """What was seen. `tamper` may change an answer or an event before it is judged (and delivered).

    Judged is what is in `version`; answers and events in other versions are counted as not judged.
    """

    document: Document
    version: str = API_VERSION
    tamper: Callable[[str, Any], Any] | None = None
    requests: int = 0
    answers: int = 0
    refusals: int = 0
    events: int = 0
    deliveries: int = 0
    lies: int = 0
    statuses: Counter[int] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    covered: Counter[tuple[str, tuple[str, ...]]] = field(default_factory=Counter)
    event_types: Counter[str] = field(default_factory=Counter)
    found: dict[tuple[str, str], Met] = field(default_factory=dict)
    surface: Surface = field(default_factory=Surface)

    def operations(self) -> int:
        """How many operations of the document were met with success."""
        return len(
            {op.name for method, path in self.covered if (op := self.document.operation(method, _example(path)))}
        )

    def note(self, findings: list[Finding], example: str) -> None:
        """Keep findings by place and kind."""
        for each in findings:
            met = self.found.setdefault((each.where, each.kind), Met(0, f"{each.detail}   in {example}"))
            met.count += 1

    def request(self, method: str, target: str, body: bytes, status: int, document: Any) -> None:
        """Judge one request with its answer."""
        path, _, query = target.partition("?")
        matched = routes.match(method, path)
        self.statuses[status] += 1
        example = f"{method} {path} ({status})"
        if status >= 400:
            self.refusals += 1
            self._refusal(document, example)
            self.surface.refusal(status, document, f"{method} /v1/{'/'.join(matched[0].path)}" if matched else "")
            return
        self.surface.answer(document)
        if matched is not None:
            self.covered[method, matched[0].path] += 1
        operation = self.document.operation(method, path)
        if operation is None:
            shown = "/v1/" + "/".join(matched[0].path) if matched else path
            self.note([Finding(f"{method} {shown}", "operation", "Stripe's document has no such operation")], example)
            component = self.document.resource(str(document.get("object")))
            if component is not None:  # what it answers is in the document all the same
                self._part(component, document, example, partial=False, expands="expand" in body.decode())
            return
        given = forms.decode("&".join(filter(None, (query, body.decode()))))
        found: list[Finding] = []
        self.document.check_form(operation)(given, found)
        self.note(found, f"{example} {query or body.decode()[:200]}")
        self.requests += 1
        found = []
        self.document.check_answer(operation)(document, found)
        if "expand" in given:
            found = [each for each in found if each.kind not in EXPANSIONS]
        self.note(found + words.judged(document), example)
        self.answers += 1
        self._events_in(document, example)

    def _refusal(self, document: Any, example: str) -> None:
        found: list[Finding] = []
        self.document.answers.component("error")(document, found)
        code = document.get("error", {}).get("code") if isinstance(document, dict) else None
        if code is not None:
            self.codes[code] += 1
            if code not in words.ERROR_CODES:
                found.append(Finding(f"error.code {code}", "enum", "the SDK knows no such error code"))
        error = document.get("error", {}) if isinstance(document, dict) else {}
        page = None if code is None else "https://stripe.com/docs/error-codes/" + str(code).replace("_", "-")
        if error.get("doc_url") != page:
            found.append(Finding("error.doc_url", "page", f"{error.get('doc_url')!r} is not the page of {code!r}"))
        found += words.judged(document)
        self.note([each for each in found if each.kind not in EXPANSIONS], example)

    def _events_in(self, document: Any, example: str) -> None:
        """What /v1/events answers holds objects the answer's own schema leaves open."""
        rows = document.get("data", ()) if document.get("object") == "list" else (document,)
        for row in rows:
            if isinstance(row, dict) and row.get("object") == "event":
                self.event(row, example)

    def delivery(self, body: bytes) -> None:
        """Judge one delivery, from its bytes."""
        self.event(json.loads(body), "a delivery")
        self.deliveries += 1

    def event(self, event: Any, example: str) -> None:
        """Judge an event with the object it carries and what it says was before."""
        if isinstance(event, dict) and self.version != API_VERSION == event.get("api_version"):
            return  # it was made, and is kept, in the account's own version
        found: list[Finding] = words.judged(event)
        self.document.answers.component("event")(event, found)
        if found:
            self.note(found, f"{example} {str(event)[:120]}")
            if not isinstance(event, dict):
                return
        type_, data = str(event.get("type")), event.get("data")
        self.event_types[type_] += 1
        if type_ not in self.document.event_types:
            self.note([Finding(f"event {type_}", "enum", "no endpoint can ask for such an event")], example)
        carried = data.get("object") if isinstance(data, dict) else None
        if not isinstance(carried, dict):
            self.note([Finding("event.data.object", "type", "no object")], example)
            return
        self.surface.event(event)
        component = self.document.resource(str(carried.get("object")))
        if component is None:
            self.note([Finding(f"event {type_} data.object", "unknown", f"{carried.get('object')!r}")], example)
            return
        self._part(component, carried, f"{type_} {carried.get('id')}", partial=False)
        if "previous_attributes" in data:
            self._part(component, data["previous_attributes"], f"{type_} previous_attributes", partial=True)

    def _part(self, component: str, value: Any, example: str, *, partial: bool, expands: bool = False) -> None:
        found: list[Finding] = []
        shapes = self.document.partial if partial else self.document.answers
        shapes.component(component)(value, found)
        self.note([each for each in found if not (expands and each.kind in EXPANSIONS)], example)


def _example(path: tuple[str, ...]) -> str:
    return "/v1/" + "/".join("x" if part == "*" else part for part in path)


@contextmanager
def watching(document: Document, watch: Watch | None = None) -> Iterator[Watch]:
    """Watch every world of this process until the end of the block."""
    seen = watch or Watch(document)
    handle, take_parcel, meet, add = World.handle, World.take_parcel, FaultScript.meet, Table.add
    lying: list[str] = []
    asking: list[str] = []

    def met(script: FaultScript, method: str, path: str, number: int) -> Fault | None:
        fault = meet(script, method, path, number)
        if fault is not None and fault.kind in FALSE_ON_PURPOSE:
            lying.append(fault.kind)
        return fault

    def handled(world: World, method: str, path: str, headers: Mapping[str, str], body: bytes) -> Response:
        lying.clear()
        matched = routes.match(method, path.partition("?")[0])
        asking.append(f"{method} /v1/{'/'.join(matched[0].path)}" if matched else "no endpoint")
        try:
            answer = handle(world, method, path, headers, body)
        finally:
            asking.pop()
        if lying or answer.headers.get("Stripe-Version") != seen.version:
            seen.lies += 1
            return answer
        if seen.tamper is not None:
            changed = seen.tamper("answer", json.loads(answer.body))
            answer = replace(answer, body=json.dumps(changed).encode())
        try:
            document_ = json.loads(answer.body)
        except ValueError:
            seen.note([Finding("answer", "json", answer.body[:80].decode(errors="replace"))], f"{method} {path}")
            return answer
        seen.request(method, path, body, answer.status, document_)
        seen.surface.headers(answer.status, answer.headers)
        return answer

    def taken(world: World) -> Parcel | None:
        parcel = take_parcel(world)
        if parcel is None:
            return None
        if parcel.fault is not None and parcel.fault in FALSE_ON_PURPOSE:
            seen.lies += 1
            return parcel
        if seen.tamper is not None:
            changed = seen.tamper("event", json.loads(parcel.body))
            parcel = replace(parcel, body=json.dumps(changed).encode())
        seen.delivery(parcel.body)
        return parcel

    def added(table: Table, obj: Any) -> Any:
        if obj.get("object") == "event":
            seen.events += 1
            seen.event(obj, "an event")
            seen.surface.lines.add(f"caused by {asking[-1] if asking else 'time'}: {obj['type']}")
        return add(table, obj)

    with (
        mock.patch.object(Table, "add", added),
        mock.patch.object(World, "handle", handled),
        mock.patch.object(World, "take_parcel", taken),
        mock.patch.object(FaultScript, "meet", met),
    ):
        yield seen
