"""Lists: newest first, cursors, `created` filters, `has_more`.

May not know any resource.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator
from typing import Any

from flexpay_reconcile.simulator.protocol.params import Shape, in_range
from flexpay_reconcile.simulator.protocol.refusals import invalid, missing
from flexpay_reconcile.simulator.state import Call, Obj, Table

PAGING: Shape = {"limit": "int", "starting_after": "string", "ending_before": "string"}


def page(
    call: Call,
    kind: str,
    url: str,
    *,
    ids: list[str] | None = None,
    keep: Callable[[Obj], bool] | None = None,
) -> Obj:
    """A page of one table. `ids` (oldest first) narrows the candidates; `keep` decides about each."""
    table = call.account.table(kind)
    params = call.params
    limit = params.get("limit", 10)
    if not 1 <= limit <= 100:
        raise invalid(
            "This value must be between 1 and 100 (inclusive).", param="limit", code="parameter_invalid_integer"
        )
    candidates = table.order if ids is None else ids
    backwards = "ending_before" in params
    if backwards and "starting_after" in params:
        _both(table, kind, params)
    walk = _after(table, kind, candidates, params) if not backwards else _before(table, kind, candidates, params)
    bounds = params.get("created")
    lowest = _lowest(bounds)
    found: list[Obj] = []
    clock, apart = _clock(call)
    ordered = not call.account.clocks  # a test clock's objects are created in its own time
    for id_ in walk:
        obj = table.rows.get(id_)
        if obj is None or (apart and obj.get("test_clock") != clock):
            continue
        if bounds is not None:
            if ordered and not backwards and obj["created"] < lowest:
                break
            if not in_range(obj["created"], bounds):
                continue
        if keep is None or keep(obj):
            found.append(obj)
            if len(found) > limit:
                break
    has_more = len(found) > limit
    data = found[:limit]
    return {"object": "list", "data": data[::-1] if backwards else data, "has_more": has_more, "url": url}


def _clock(call: Call) -> tuple[str | None, bool]:
    """The test clock whose objects are shown alone, and whether others are left out.

    A list of everything omits what lives under test clocks; naming a customer, a subscription or the clock shows it
    (docs: test clocks).
    """
    clock = call.params.get("test_clock")
    if clock is not None and clock not in call.account.clocks:
        raise missing("test_clock", clock, param="test_clock", status=400)
    named = "customer" in call.params or "subscription" in call.params
    return clock, clock is not None or (bool(call.account.clocks) and not named)


def _both(table: Table, kind: str, params: dict[str, Any]) -> None:
    """Two cursors at once are refused, an unknown one first (observed)."""
    for name in ("starting_after", "ending_before"):
        if params[name] not in table.place:
            raise missing(kind, params[name], param=name, status=400)
    raise invalid("Received both starting_after and ending_before parameters. Please pass in only one.")


def _lowest(bounds: Any) -> int:
    if isinstance(bounds, int):
        return bounds
    if isinstance(bounds, dict):
        return int(max(bounds.get("gte", 0), bounds.get("gt", 0)))
    return 0


def _after(table: Table, kind: str, ids: list[str], params: dict[str, Any]) -> Iterator[str]:
    """From the newest, or from just after the cursor, towards the oldest."""
    end = len(ids)
    cursor = params.get("starting_after")
    if cursor is not None:
        if cursor not in table.place:
            raise missing(kind, cursor, param="starting_after", status=400)
        end = bisect_left(ids, table.place[cursor], key=table.place.__getitem__)
    return (ids[number] for number in range(end - 1, -1, -1))


def _before(table: Table, kind: str, ids: list[str], params: dict[str, Any]) -> Iterator[str]:
    """From just before the cursor towards the newest."""
    cursor = params["ending_before"]
    if cursor not in table.place:
        raise missing(kind, cursor, param="ending_before", status=400)
    start = bisect_right(ids, table.place[cursor], key=table.place.__getitem__)
    return (ids[number] for number in range(start, len(ids)))
