"""Expansion: ids replaced by objects on request, at most four levels deep, within the key's permissions.

May not change any object: what is expanded is copied along its path.
"""

from __future__ import annotations

from typing import Any

from flexpay_reconcile.simulator.protocol.access import require
from flexpay_reconcile.simulator.protocol.links import INCLUDES, LINKS, READ
from flexpay_reconcile.simulator.protocol.refusals import Refusal, invalid
from flexpay_reconcile.simulator.state import Call, Obj

_DEPTH = 4


def expand(call: Call, result: Obj, paths: list[str]) -> Obj:
    """The answer with every path expanded; refuses what cannot be expanded or what the key may not read."""
    for path in paths:
        parts = path.split(".")
        if not path or not all(parts):
            raise invalid("This property cannot be expanded: the path is empty.", param="expand")
        if len(parts) > _DEPTH:
            raise invalid(
                f"You cannot expand more than {_DEPTH} levels of a property. Property: {path}.", param="expand"
            )
        result = _node(call, result, parts, path)
    return result


def _node(call: Call, node: Obj, parts: list[str], path: str) -> Obj:
    if node.get("object") == "list":
        if parts[0] != "data":
            raise _cannot(path, hint=f"data.{path}" if ".data" not in f".{path}" else None)
        if len(parts) == 1:
            return node
        return {**node, "data": [_node(call, item, parts[1:], path) for item in node["data"]]}
    return _field(call, node, str(node.get("object", "")), "", parts, path)


def _field(call: Call, node: Obj, kind: str, prefix: str, parts: list[str], path: str) -> Obj:
    name, rest = parts[0], parts[1:]
    full = prefix + name
    include = INCLUDES.get((kind, full))
    value: Any = node.get(name)
    if include is not None:
        if not isinstance(value, dict):
            value = _included(call, node, include)
        return {**node, name: _node(call, value, rest, path) if rest else value}
    target = LINKS.get((kind, full))
    if target is not None:
        require(call.key, READ[target], call.account.id)
        if isinstance(value, str):
            row = call.account.find(target, value)
            value = dict(row) if row is not None else {"id": value, "object": target, "deleted": True}
        if isinstance(value, dict) and rest:
            value = _node(call, value, rest, path)
        return {**node, name: value}
    if isinstance(value, dict) and rest:
        if value.get("object"):
            return {**node, name: _node(call, value, rest, path)}
        return {**node, name: _field(call, value, kind, full + ".", rest, path)}
    if value is None and rest and any(k == kind and f.startswith(full + ".") for k, f in LINKS):
        return node
    raise _cannot(path)


def _included(call: Call, node: Obj, include: tuple[str, str, str, str]) -> Obj:
    kind, field, permission, url = include
    require(call.key, permission, call.account.id)
    table = call.account.table(kind)
    data = [table.rows[id_] for id_ in reversed(table.by(field, node["id"])[-10:])]
    return {"object": "list", "data": data, "has_more": len(table.by(field, node["id"])) > 10, "url": url}


def _cannot(path: str, hint: str | None = None) -> Refusal:
    advice = f" You may want to try expanding '{hint[:100]}' instead." if hint else ""
    return invalid(f"This property cannot be expanded ({path[:100]}).{advice}", param="expand")
