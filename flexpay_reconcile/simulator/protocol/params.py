"""Request parameters: form text in, a checked nested structure out, or Stripe's 400.

Forms use nested brackets (`a[b][]`, `a[0][b]`). A shape is a dict from name to rule; a name ending in `!` is required.
Rules: "string", "string?" (may be cleared with ""), "currency" (a code in any case), "int", "int|word|word" (a number
or one of the words), "bool", "map" (metadata), "strings", "range", a tuple of allowed words, a dict (nested hash;
`Clearable` when "" clears it) or a list holding one dict (list of hashes). May not know any resource.
"""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qsl

from flexpay_reconcile.simulator.protocol import currencies
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid

Shape = dict[str, Any]


class Clearable(dict[str, Any]):
    """The shape of a nested hash that an empty text clears."""


_NAME = re.compile(r"^([^\[\]]+)((?:\[[^\[\]]*\])*)$")
_PART = re.compile(r"\[([^\[\]]*)\]")
_INT = re.compile(r"-?[0-9]{1,18}")
_INDEX = re.compile(r"^[0-9]{1,6}$", re.ASCII)
_MAX_FIELDS = 1000
_MOST = {"amount": 99_999_999, "unit_amount": 99_999_999, "quantity": 1_000_000}
"""Amounts have eight digits at most (OpenAPI, PaymentIntent.amount); the bound of quantities is inferred."""
_MAX_DEPTH = 6


def decode(text: str) -> dict[str, Any]:
    """A form or query string as nested dicts and lists of strings."""
    if not text:
        return {}
    try:
        pairs = parse_qsl(text, keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except (ValueError, UnicodeDecodeError) as error:
        raise invalid("Invalid request: the parameters could not be read.") from error
    tree: dict[str, Any] = {}
    for name, value in pairs:
        _place(tree, name, value)
    return {key: _lists(value) for key, value in tree.items()}


def _place(tree: dict[str, Any], name: str, value: str) -> None:
    match = _NAME.match(name)
    if match is None:
        raise invalid(f"Invalid parameter name: {name[:100]}")
    path = [match.group(1), *_PART.findall(match.group(2))]
    if len(path) > _MAX_DEPTH:
        raise invalid("Invalid request: parameters are nested too deeply.", param=path[0])
    node = tree
    for number, part in enumerate(path[:-1]):
        node = node.setdefault(part or _element(node, path[number + 1]), {})
        if not isinstance(node, dict):
            raise invalid(f"Invalid request: {path[0]} is used in two ways.", param=path[0])
    last = path[-1] or str(len(node))
    if isinstance(node.get(last), dict):
        raise invalid(f"Invalid request: {path[0]} is used in two ways.", param=path[0])
    node[last] = value


def _element(node: dict[str, Any], name: str) -> str:
    """The element that `[]` in the middle of a name means: the last one, until it has a field of this name."""
    if not node:
        return "0"
    last = node.get(str(len(node) - 1))
    return str(len(node) - 1) if name and isinstance(last, dict) and name not in last else str(len(node))


def _lists(value: Any) -> Any:
    if not isinstance(value, dict):
        return value
    inner = {key: _lists(item) for key, item in value.items()}
    if inner and all(_INDEX.match(key) for key in inner):
        return [inner[key] for key in sorted(inner, key=int)]
    return inner


def check(given: dict[str, Any], shape: Shape, path: str = "") -> dict[str, Any]:
    """The parameters with their proper types; refuses what Stripe would refuse."""
    rules = {name.rstrip("!"): rule for name, rule in shape.items()}
    result: dict[str, Any] = {}
    unknown = [f"{path}[{name}]" if path else name for name in given if name not in rules]
    if unknown:
        raise _unknown(unknown)
    for name, value in given.items():
        full = f"{path}[{name}]" if path else name
        result[name] = _value(value, rules[name], full)
        if name in _MOST and isinstance(result[name], int) and abs(result[name]) > _MOST[name]:
            code = "amount_too_large" if name.endswith("amount") else "parameter_invalid_integer"
            raise invalid(f"Invalid integer: {full} must be no more than {_MOST[name]}.", param=full, code=code)
    for name in shape:
        if name.endswith("!") and name[:-1] not in result:
            full = f"{path}[{name[:-1]}]" if path else name[:-1]
            raise invalid(f"Missing required param: {full}.", param=full, code="parameter_missing")
    return result


def _unknown(names: list[str]) -> Refusal:
    """Stripe names them all in the message and the first as `param`."""
    shown = ", ".join(name[:100] for name in names[:20])
    plural = "s" if len(names) > 1 else ""
    return invalid(f"Received unknown parameter{plural}: {shown}", param=names[0][:100], code="parameter_unknown")


def _value(value: Any, rule: Any, path: str) -> Any:
    if isinstance(rule, dict):
        if value == "" and isinstance(rule, Clearable):
            return value
        if not isinstance(value, dict):
            raise invalid("Invalid object", param=path)
        return check(value, rule, path)
    if isinstance(rule, list):
        if not isinstance(value, list):
            raise invalid("Invalid array", param=path)
        return [_value(item, rule[0], f"{path}[{number}]") for number, item in enumerate(value)]
    if rule == "strings":
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise invalid("Invalid array", param=path)
        return value
    if rule == "map":
        return _map(value, path)
    if rule == "range" and isinstance(value, dict):
        return check(value, {"gt": "int", "gte": "int", "lt": "int", "lte": "int"}, path)
    if not isinstance(value, str):
        raise invalid(f"Invalid {_kind(rule)}: {json.dumps(_hash(value))[:200]}", param=path)
    return _scalar(value, rule, path)


def _kind(rule: Any) -> str:
    return {"int": "integer", "range": "integer", "bool": "boolean"}.get(rule, "string")


def _hash(value: Any) -> Any:
    """A structure as Stripe shows it where a text belongs: lists as hashes with numbers for names."""
    if isinstance(value, list):
        value = {str(number): item for number, item in enumerate(value)}
    return {name: _hash(item) for name, item in value.items()} if isinstance(value, dict) else value


def _map(value: Any, path: str) -> Any:
    if value == "":
        return ""
    if isinstance(value, list):  # metadata whose keys are digits
        value = {str(number): item for number, item in enumerate(value)}
    if not isinstance(value, dict) or not all(isinstance(item, str) for item in value.values()):
        raise invalid("Invalid object: must be a hash of strings", param=path)
    if len(value) > 50 or any(len(key) > 40 or len(item) > 500 for key, item in value.items()):
        raise invalid("Metadata can have up to 50 keys of 40 characters with values of 500 characters.", param=path)
    return value


def _scalar(value: str, rule: Any, path: str) -> Any:
    if rule in ("int", "range"):
        if not _INT.fullmatch(value):
            raise invalid(f"Invalid integer: {value[:100]}", param=path, code="parameter_invalid_integer")
        return int(value)
    if isinstance(rule, str) and rule.startswith("int|"):
        if value not in rule.split("|")[1:] and not _INT.fullmatch(value):
            raise invalid(f"Invalid integer: {value[:100]}", param=path, code="parameter_invalid_integer")
        return int(value) if _INT.fullmatch(value) else value
    if rule == "bool":
        if value not in ("true", "false"):
            raise invalid(f"Invalid boolean: {value[:100]}", param=path)
        return value == "true"
    if isinstance(rule, tuple):
        if value not in rule:
            *others, last = [word for word in rule if word]
            comma = "," if len(others) > 1 else ""
            words = f"one of {', '.join(others)}{comma} or {last}" if others else last
            raise invalid(f"Invalid {path}: must be {words}", param=path)
        return value
    if value == "" and rule in ("string", "currency"):
        raise empty(path)
    if rule == "currency":
        if value.lower() not in currencies.CODES:
            known = ", ".join(sorted(currencies.CODES))
            raise invalid(
                f"Invalid currency: {value[:20].lower()}. Stripe currently supports these currencies: {known}",
                param=path,
            )
        return value.lower()
    if len(value) > 5000:
        raise invalid(f"Invalid string: {path} must be at most 5000 characters", param=path)
    return value


def empty(path: str) -> Refusal:
    """Stripe refuses an empty string where a value is expected."""
    return invalid(
        f"You passed an empty string for '{path}'. We assume empty values are an attempt to unset a parameter; "
        f"however '{path}' cannot be unset.",
        param=path,
        code="parameter_invalid_empty",
    )


def merge_metadata(current: dict[str, str], given: Any) -> dict[str, str]:
    """Metadata after an update: "" for a key removes it, "" for the whole clears it."""
    if given == "":
        return {}
    merged = {**current, **given}
    return {key: value for key, value in merged.items() if value != ""}


def in_range(value: int, bounds: Any) -> bool:
    """Whether an integer satisfies a `created`-style filter (a number, or gt/gte/lt/lte)."""
    if bounds is None:
        return True
    if isinstance(bounds, int):
        return value == bounds
    return (
        ("gt" not in bounds or value > bounds["gt"])
        and ("gte" not in bounds or value >= bounds["gte"])
        and ("lt" not in bounds or value < bounds["lt"])
        and ("lte" not in bounds or value <= bounds["lte"])
    )
