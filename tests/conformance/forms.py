"""Form texts as nested structures, by Stripe's bracket notation; written apart from the simulator's own decoder.

Scalars stay texts. `a[b]=1` is {"a": {"b": "1"}}, `a[]=1` is {"a": {"[]": ["1"]}}, `a[0][b]=1` is {"a": {"0": {...}}}:
whether digits count an array or name the keys of a hash, the schema knows.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qsl


def decode(text: str) -> dict[str, Any]:
    """The parameters of a query string or a form body."""
    tree: dict[str, Any] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        first, *rest = name.replace("]", "").split("[")
        _put(tree, [first, *rest], value)
    return tree


def _put(node: dict[str, Any], parts: list[str], value: str) -> None:
    name, *rest = parts
    if name == "" and not rest:
        node.setdefault("[]", []).append(value)
    elif not rest:
        node[name] = value
    else:
        inner = node.get(name)
        if not isinstance(inner, dict):
            inner = node[name] = {}
        _put(inner, rest, value)
