"""Whether a plain value fits a draft-07 schema: only yes or no, in a thousandth of the time a validator takes to load.

Closed: a keyword that is not known here means no, and then the real validator decides. Explains nothing.
"""

from __future__ import annotations

import re
from typing import Any, Final

_NOTES: Final = frozenset(
    {"$schema", "$id", "title", "description", "definitions", "patternErrorMessage", "errorMessage", "default"}
)
_TYPES: Final[dict[str, type]] = {"object": dict, "array": list, "string": str, "integer": int, "boolean": bool}


def fits(value: Any, schema: dict[str, Any]) -> bool:
    """Whether `value` keeps `schema`, which is also the root that its references start from."""
    return _fits(value, schema, schema)


def _fits(value: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    reference = schema.get("$ref")
    if reference is not None:  # draft-07: what stands beside $ref does not count
        kind, _, name = reference.rpartition("/")
        return kind == "#/definitions" and name in root["definitions"] and _fits(value, root["definitions"][name], root)
    return all(_keeps(value, keyword, rule, schema, root) for keyword, rule in schema.items() if keyword not in _NOTES)


def _keeps(value: Any, keyword: str, rule: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    """One keyword. Those of another type of value are kept by every value of this one."""
    match keyword:
        case "type":
            return rule in _TYPES and type(value) is _TYPES[rule]
        case "enum":
            return any(type(value) is type(each) and value == each for each in rule)
        case "const":
            return type(value) is type(rule) and value == rule
        case "anyOf":
            return any(_fits(value, each, root) for each in rule)
        case "properties" | "patternProperties" | "additionalProperties" | "required":
            return not isinstance(value, dict) or _keeps_of_map(value, keyword, rule, schema, root)
        case "minProperties":
            return not isinstance(value, dict) or len(value) >= rule
        case "maxProperties":
            return not isinstance(value, dict) or len(value) <= rule
        case "items":
            return not isinstance(value, list) or all(_fits(each, rule, root) for each in value)
        case "minItems":
            return not isinstance(value, list) or len(value) >= rule
        case "maxItems":
            return not isinstance(value, list) or len(value) <= rule
        case "uniqueItems":
            return not isinstance(value, list) or (
                rule is True and all(isinstance(each, str) for each in value) and len(set(value)) == len(value)
            )
        case "minLength":
            return not isinstance(value, str) or len(value) >= rule
        case "maxLength":
            return not isinstance(value, str) or len(value) <= rule
        case "pattern":
            return not isinstance(value, str) or matches(rule, value)
        case "minimum":
            return type(value) is not int or value >= rule
        case "maximum":
            return type(value) is not int or value <= rule
    return False


def _keeps_of_map(value: dict[str, Any], keyword: str, rule: Any, schema: dict[str, Any], root: dict[str, Any]) -> bool:
    if keyword == "required":
        return all(key in value for key in rule)
    if keyword == "properties":
        return all(_fits(value[key], each, root) for key, each in rule.items() if key in value)
    patterns = schema.get("patternProperties", {})
    if keyword == "patternProperties":
        return all(
            _fits(value[key], each, root) for pattern, each in rule.items() for key in value if matches(pattern, key)
        )
    known = schema.get("properties", {})
    return rule is False and all(key in known or any(matches(each, key) for each in patterns) for key in value)


def matches(pattern: str, text: str) -> bool:
    """Whether a schema's pattern is found in a text, as JavaScript means it: Python's `$` would let a line end pass."""
    return re.search(pattern[:-1] + r"\Z" if pattern.endswith("$") else pattern, text) is not None
