"""Which fields of Stripe's objects the readers look at, learnt by watching them, and objects with one of them changed.

A field is the kind of message (`GET /v1/invoices/*`, `error POST …`, `event invoice.paid`) and a path; `*` in it is
every element of a list. Asserts nothing.
"""

from __future__ import annotations

import contextlib
import copy
import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import stripe

from flexpay_reconcile.adapters.stripe_api import caller, events, faults
from tests.simulation.rig import Request, Rig

Field = tuple[str, tuple[str, ...]]
_ID = re.compile(r"/(in|sub|cus|ch|we|acct)_\w+")


def kind_of(method: str, path: str) -> str:
    """The kind of an answer."""
    return f"{method} {_ID.sub('/*', path)}"


class Watched(dict[str, Any]):
    """A JSON object that writes down which of its names are asked for, in itself and in all below it."""

    def __init__(self, data: dict[str, Any], kind: str, seen: set[Field], path: tuple[str, ...] = ()) -> None:
        """Watch `data`."""
        super().__init__({name: _watched(value, kind, seen, (*path, name)) for name, value in data.items()})
        self._note: Callable[[str], None] = lambda name: seen.add((kind, (*path, name)))

    def get(self, key: str, default: Any = None) -> Any:
        """Noted."""
        self._note(key)
        return super().get(key, default)

    def __getitem__(self, key: str) -> Any:
        self._note(key)
        return super().__getitem__(key)


def _watched(value: Any, kind: str, seen: set[Field], path: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return Watched(value, kind, seen, path)
    if isinstance(value, list):
        return [_watched(item, kind, seen, (*path, "*")) for item in value]
    return value


@contextlib.contextmanager
def watching() -> Iterator[set[Field]]:
    """The fields that are looked at while this lasts."""
    seen: set[Field] = set()
    send, fault_of, parsed = caller._send, faults.fault_of, events.parsed
    kinds: list[str] = []

    def watched_send(client: Any, method: str, path: str, *rest: Any) -> Any:
        kinds.append(kind_of(method, path))
        fault, data, request_id = send(client, method, path, *rest)
        return fault, Watched(data, kinds.pop(), seen), request_id

    def watched_fault(error: Exception) -> Any:
        body = getattr(error, "json_body", None)
        if isinstance(error, stripe.StripeError) and isinstance(body, dict):
            error.json_body = Watched(body, f"error {kinds[-1]}", seen)
        return fault_of(error)

    def watched_parsed(body: bytes) -> Any:
        event = parsed(body)
        return Watched(event, f"event {event.get('type')}", seen)

    with (
        mock.patch.object(caller, "_send", watched_send),
        mock.patch.object(caller, "fault_of", watched_fault),
        mock.patch.object(events, "parsed", watched_parsed),
    ):
        yield seen


ABSENT = object()
HOWS = ("absent", "null", "wrong type", "new word")


def odd(value: Any, how: str) -> Any:
    """What stands there instead; ABSENT for nothing at all."""
    if how == "absent":
        return ABSENT
    if how == "null":
        return None
    if how == "new word":
        return "a_word_nobody_knows"
    return {bool: "yes", str: 7, int: "x", list: {}, dict: []}.get(type(value), {"odd": 1})


def changed(value: Any, path: tuple[str, ...], how: str, about: Callable[[Any], bool]) -> Any:
    """A copy with the field changed; of a list, in the elements that are `about` somebody."""
    found = copy.deepcopy(value)
    _change(found, path, how, about)
    return found


def _change(value: Any, path: tuple[str, ...], how: str, about: Callable[[Any], bool]) -> None:
    name, rest = path[0], path[1:]
    if name == "*":
        for at, item in enumerate(value if isinstance(value, list) else ()):
            if not about(item):
                continue
            if rest:
                _change(item, rest, how, about)
            else:
                value[at] = odd(item, how) if how != "absent" else None
        return
    if not isinstance(value, dict) or (rest and name not in value):
        return
    if rest:
        _change(value[name], rest, how, about)
        return
    new = odd(value.get(name), how)
    if new is ABSENT:
        value.pop(name, None)
    else:
        value[name] = new


class Spoiler:
    """Changes one field in every message of a kind that is about one customer, while it is on."""

    def __init__(self, rig: Rig, name: str, field: Field, how: str) -> None:
        """Hook into answers and deliveries of `rig`; the messages are about the customer `name`."""
        self.on, self.met = True, 0
        self._kind, self._path = field
        self._how = how
        self._rig, self._name = rig, name
        rig.change_answer.append(self._answer)

    def about(self, value: Any) -> bool:
        """Whether a JSON value names the customer, their subscription or one of their invoices."""
        rig, text = self._rig, json.dumps(value)
        ids = [rig.customer_id(self._name), rig.subscription(self._name)["id"]]
        return any(f'"{each}"' in text for each in (*ids, *(row["id"] for row in rig.invoices(self._name))))

    def _answer(self, request: Request, status: int, body: str) -> str:
        kind = kind_of(request.method, request.path)
        if not self.on or self._kind != (kind if status < 400 else f"error {kind}"):
            return body
        answer = json.loads(body)
        ours = self.about(answer) or bool(set(request.path.split("/")) & set(self._ids_in_paths()))
        if not ours:
            return body
        self.met += 1
        return json.dumps(changed(answer, self._path, self._how, self.about))

    def _ids_in_paths(self) -> tuple[str, ...]:
        rig = self._rig
        ids = (rig.customer_id(self._name), rig.subscription(self._name)["id"])
        return (*ids, *(str(row["id"]) for row in rig.invoices(self._name)))

    def delivered(self, body: bytes) -> bytes:
        """The body of a delivery as it arrives."""
        event = json.loads(body)
        if not self.on or self._kind != f"event {event['type']}" or not self.about(event):
            return body
        self.met += 1
        return json.dumps(changed(event, self._path, self._how, self.about)).encode()
