"""Validators of OpenAPI 3.0 schemas, as far as Stripe's document uses them, compiled once to closures.

A validator appends what it finds to a list and never raises. Components are compiled when first met, and a place inside
one is named after it (`invoice.parent`), so a difference has one name wherever the object stands. Three readings of a
schema: answers (JSON), `partial` (an event's previous_attributes: nothing is required) and `form` (decoded parameters:
every scalar is a text). What a schema does not name is a finding, as Stripe's own answers hold nothing unnamed.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple


class Finding(NamedTuple):
    """One difference: its place in the schema, its kind, and the value met."""

    where: str
    kind: str
    detail: str


Schema = dict[str, Any]
Check = Callable[[Any, list[Finding]], None]
EXPANSIONS: Final = frozenset({"expanded", "included"})
"""Kinds that are no difference where the request asked for an expansion."""

ON_REQUEST: Final = frozenset({"invoice.confirmation_secret", "customer.cash_balance"})
"""Hashes that Stripe shows only when they are asked for, as it does lists; their schemas do not say so."""

_REF: Final = "#/components/schemas/"
_INTEGER: Final = re.compile(r"-?[0-9]{1,18}")
_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_DECIMAL: Final = re.compile(r"-?[0-9]+(\.[0-9]{1,12})?")
_CURRENCY: Final = re.compile(r"[a-z]{3}")
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {
    "string": str,
    "boolean": bool,
    "integer": int,
    "number": (int, float),
    "object": dict,
    "array": list,
}


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 100 else text[:97] + "..."


class Shapes:
    """The compiler for one reading of the document's schemas."""

    def __init__(self, schemas: dict[str, Schema], *, partial: bool = False, form: bool = False) -> None:
        """Compile nothing yet."""
        self._schemas = schemas
        self._partial = partial
        self._form = form
        self._components: dict[str, Check] = {}

    def component(self, name: str) -> Check:
        """The validator of a named component."""
        found = self._components.get(name)
        if found is None:

            def late(value: Any, out: list[Finding]) -> None:  # stands while the component is compiled: they recur
                self._components[name](value, out)

            self._components[name] = late
            found = self._components[name] = self.compile(self._schemas[name], name)
        return found

    def compile(self, schema: Schema, where: str) -> Check:
        """The validator of a schema that stands at `where`."""
        inner = self._inner(schema, where)
        if self._form:
            return inner
        nullable = bool(schema.get("nullable"))

        def check(value: Any, out: list[Finding]) -> None:
            if value is None:
                if not nullable:
                    out.append(Finding(where, "null", "null where the schema allows none"))
                return
            inner(value, out)

        return check

    def _inner(self, schema: Schema, where: str) -> Check:
        if "$ref" in schema:
            name = schema["$ref"].removeprefix(_REF)

            def refer(value: Any, out: list[Finding]) -> None:
                self.component(name)(value, out)

            return refer
        if "anyOf" in schema:
            return self._any_of(schema, where)
        kind = schema.get("type")
        if kind == "object":
            return self._object(schema, where)
        if kind == "array":
            return self._array(schema, where)
        if kind is None:
            return lambda value, out: None
        return self._form_scalar(schema, where, kind) if self._form else self._scalar(schema, where, kind)

    def _scalar(self, schema: Schema, where: str, kind: str) -> Check:
        type_: Any = _TYPES[kind]
        words = frozenset(schema.get("enum", ()))
        longest = schema.get("maxLength")
        pattern = {"decimal": _DECIMAL, "currency": _CURRENCY}.get(schema.get("format", ""))
        no_bool = kind in ("integer", "number")

        def check(value: Any, out: list[Finding]) -> None:
            if not isinstance(value, type_) or (no_bool and isinstance(value, bool)):
                out.append(Finding(where, "type", f"{_short(value)} is no {kind}"))
            elif words and value not in words:
                out.append(Finding(where, "enum", f"{_short(value)} is none of the schema's words"))
            elif longest is not None and len(value) > longest:
                out.append(Finding(where, "length", f"{len(value)} characters, at most {longest}"))
            elif pattern is not None and not pattern.fullmatch(value):
                out.append(Finding(where, "format", f"{_short(value)} is no {schema['format']}"))

        return check

    def _form_scalar(self, schema: Schema, where: str, kind: str) -> Check:
        words = frozenset(schema.get("enum", ()))
        longest = schema.get("maxLength")

        def check(value: Any, out: list[Finding]) -> None:
            if not isinstance(value, str):
                out.append(Finding(where, "type", f"{_short(value)} is no {kind}"))
                return
            good = {
                "integer": lambda: _INTEGER.fullmatch(value),
                "number": lambda: _NUMBER.fullmatch(value),
                "boolean": lambda: value in ("true", "false"),
                "string": lambda: True,
            }[kind]()
            if not good:
                out.append(Finding(where, "type", f"{_short(value)} is no {kind}"))
            elif words and value not in words:
                out.append(Finding(where, "enum", f"{_short(value)} is none of the schema's words"))
            elif longest is not None and len(value) > longest:
                out.append(Finding(where, "length", f"{len(value)} characters, at most {longest}"))

        return check

    def _array(self, schema: Schema, where: str) -> Check:
        item, form = self.compile(schema["items"], where + "[]"), self._form

        def check(value: Any, out: list[Finding]) -> None:
            if form and isinstance(value, dict) and value:  # a[]=x, a[0]=x
                rows = value["[]"] if list(value) == ["[]"] else list(value.values())
                if list(value) != ["[]"] and not all(key.isdigit() for key in value):
                    out.append(Finding(where, "type", f"{_short(value)} is no array"))
                    return
            elif isinstance(value, list):
                rows = value
            else:
                out.append(Finding(where, "type", f"{_short(value)} is no array"))
                return
            for row in rows:
                item(row, out)

        return check

    def _object(self, schema: Schema, where: str) -> Check:
        required = () if self._partial else tuple(schema.get("required", ()))
        raw = schema.get("properties", {})
        known = {name: self.compile(each, f"{where}.{name}") for name, each in raw.items()}
        extra = schema.get("additionalProperties")
        free = "properties" not in schema and not isinstance(extra, dict) and extra is not False
        others = self.compile(extra, where + ".*") if isinstance(extra, dict) else None
        includable = frozenset(
            name
            for name, each in raw.items()
            if not self._form
            and name not in schema.get("required", ())
            and (_is_list(each) or f"{where}.{name}" in ON_REQUEST)
        )
        partial = self._partial
        missing = {name: Finding(f"{where}.{name}", "missing", "required by the schema") for name in required}
        if not partial and not self._form:
            for name, each in raw.items():
                if each.get("nullable") and name not in includable and name not in missing:
                    missing[name] = Finding(f"{where}.{name}", "absent", "Stripe shows it, null at least")

        def check(value: Any, out: list[Finding]) -> None:
            if not isinstance(value, dict):
                out.append(Finding(where, "type", f"{_short(value)} is no object"))
                return
            out += [missing[name] for name in missing if name not in value]
            if free:
                return
            for name, each in value.items():
                one = known.get(name)
                if one is not None:
                    one(each, out)
                    if name in includable and each is not None:
                        out.append(Finding(f"{where}.{name}", "included", "shown without being asked for"))
                elif others is None:
                    out.append(Finding(f"{where}.{name}", "unknown", f"not in the schema: {_short(each)}"))
                elif not (partial and each is None):  # a key that was added has null before
                    others(each, out)

        return check

    def _any_of(self, schema: Schema, where: str) -> Check:
        branches = [(_json_type(each, self._schemas), each, self.compile(each, where)) for each in schema["anyOf"]]
        expandable = "x-expansionResources" in schema and not self._form
        by_type: dict[type, list[tuple[Schema, Check]]] = {}
        for kinds, each, check_one in branches:
            for kind in kinds:
                for python in self._python(kind):
                    by_type.setdefault(python, []).append((self._resolved(each), check_one))

        def check(value: Any, out: list[Finding]) -> None:
            candidates = by_type.get(type(value), ())
            if isinstance(value, dict):
                if expandable:
                    out.append(Finding(where, "expanded", "an object where nobody asked for one"))
                if len(candidates) > 1:
                    candidates = _narrowed(value, candidates)
            if not candidates:
                out.append(Finding(where, "type", f"{_short(value)} fits no branch of the schema"))
                return
            best: list[Finding] | None = None
            for _, one in candidates:
                found: list[Finding] = []
                one(value, found)
                if best is None or len(found) < len(best):
                    best = found
                if not found:
                    break
            out.extend(best or ())

        return check

    def _python(self, kind: str) -> tuple[type, ...]:
        if self._form:
            return {"object": (dict,), "array": (dict, list)}.get(kind, (str,))
        return {"number": (int, float)}.get(kind) or (_TYPES[kind],)  # type: ignore[return-value]

    def _resolved(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._schemas[schema["$ref"].removeprefix(_REF)]
        return schema


def _is_list(schema: Schema) -> bool:
    words = schema.get("properties", {}).get("object", {}).get("enum")
    return bool(words == ["list"])


def _json_type(schema: Schema, schemas: dict[str, Schema]) -> set[str]:
    """The JSON types a branch may have."""
    if "$ref" in schema:
        return _json_type(schemas[schema["$ref"].removeprefix(_REF)], schemas)
    if "anyOf" in schema:
        return {kind for each in schema["anyOf"] for kind in _json_type(each, schemas)}
    return {schema.get("type", "object")}


def _narrowed(value: dict[str, Any], candidates: Any) -> Any:
    """The branches whose `object` word and `deleted` mark are those of the value; all of them when none is."""
    name, deleted = value.get("object"), bool(value.get("deleted"))
    kept = [
        (schema, check)
        for schema, check in candidates
        if name in schema.get("properties", {}).get("object", {}).get("enum", (name,))
        and ("deleted" in schema.get("required", ())) == deleted
    ]
    return kept or candidates
