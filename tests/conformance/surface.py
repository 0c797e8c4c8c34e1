"""What the simulator shows and takes, written down: `surface.txt`, one line a fact, changed only on purpose.

Stripe's document says what may be there; it does not say what the simulator had yesterday. So every parameter of the
route table, every field the tours were shown, every type of event, every refusal and every header is a line of the
file. A test compares; `python -m tests.conformance.surface` writes the file anew, and the difference is reviewed like
code. Judges nothing by itself.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from flexpay_reconcile.simulator.protocol.route import Route

FILE: Final = Path(__file__).parent / "surface.txt"
_FREE: Final = frozenset({"metadata", "previous_attributes"})
"""Hashes whose keys are the client's, or another object's."""


@dataclass(slots=True)
class Surface:
    """The facts met so far."""

    lines: set[str] = field(default_factory=set)

    def answer(self, document: Any) -> None:
        """The fields of every object of an answer, or of an event."""
        self._object(document)

    def event(self, event: Mapping[str, Any]) -> None:
        """The type of an event, what it carries, who caused it, and which attributes it says were others before."""
        data = event["data"]
        carried = data["object"].get("object")
        self.lines.add(f"event {event['type']} of {carried}")
        if carried is not None and "status" in data["object"]:
            self.lines.add(f"event-status {event['type']} {data['object']['status']}")
        told = "request" if event["request"]["id"] else "Stripe"
        self.lines.add(
            f"event-cause {event['type']} {told}{' with a key' if event['request']['idempotency_key'] else ''}"
        )
        for name in data.get("previous_attributes", ()):
            self.lines.add(f"event-previous {event['type']} {name}")
        self._object(event)

    def refusal(self, status: int, document: Any, route: str) -> None:
        """Status, type and code of a refusal, the fields it comes with, and the parameter it names at that endpoint."""
        error = document["error"]
        name = f"{status} {error.get('type')} {error.get('code', '-')}"
        if status in (400, 404) and route:
            self.lines.add(f"refusal-param {route} {name}: {error.get('param', '-')}")
        self.lines.add(f"refusal {name}")
        for each in error:
            self.lines.add(f"refusal-field {name}: {each}")

    def headers(self, status: int, headers: Mapping[str, str]) -> None:
        """The names of an answer's headers."""
        kind = "success" if status < 400 else str(status)
        self.lines.update(f"header {kind} {name}" for name in headers)

    def _object(self, node: Any) -> None:
        if isinstance(node, list):
            for each in node:
                self._object(each)
        elif isinstance(node, dict):
            self._fields(node, str(node.get("object", "-")))

    def _fields(self, row: dict[str, Any], path: str) -> None:
        for name, value in row.items():
            here = f"{path}.{name}"
            self.lines.add(f"field {here}")
            if name in _FREE:
                continue
            for each in value if isinstance(value, list) else (value,):
                if isinstance(each, dict):
                    if isinstance(each.get("object"), str):
                        self._object(each)
                    else:
                        self._fields(each, here)


def parameters(table: Iterable[Route]) -> Iterator[str]:
    """A line for each parameter of each endpoint, with its rule and what permission the endpoint asks for."""
    for route in table:
        name = f"{route.method} /v1/{'/'.join(route.path)}"
        yield f"route {name} {route.permission or 'any key'}"
        for path, rule in _rules(route.shape, ""):
            yield f"param {name} {path}: {rule}"


def _rules(shape: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, str]]:
    for name, rule in shape.items():
        bare, must = name.removesuffix("!"), " required" if name.endswith("!") else ""
        path = f"{prefix}[{bare}]" if prefix else bare
        inner, many = (rule[0], "[]") if isinstance(rule, list) else (rule, "")
        if isinstance(inner, dict):
            clears = ' or ""' if type(inner) is not dict else ""
            yield path + many, f"hash{clears}{must}"
            yield from _rules(inner, path + many)
        else:
            yield path + many, ("|".join(inner) if isinstance(inner, tuple) else str(inner)) + must


def written() -> set[str]:
    """The file."""
    return set(FILE.read_text(encoding="utf-8").splitlines())


def differences(found: set[str], known: set[str]) -> list[str]:
    """What was met and is not in the file, and the other way about."""
    return [*(f"+ {line}" for line in sorted(found - known)), *(f"- {line}" for line in sorted(known - found))]


def main() -> int:
    """Write the file from the tours, and print what changed; 1 and nothing written when a tour fails."""
    from tests.conformance.inspection import toured

    inspection, found = toured()
    if inspection.failures:
        print(*inspection.failures, sep="\n")
        return 1
    for line in differences(found, written() if FILE.exists() else set()):
        print(line)
    FILE.write_text("\n".join(sorted(found)) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
