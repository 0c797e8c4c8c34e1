"""One endpoint of the API: method, path, handler, permission and parameters. Each resource lists its own as `ROUTES`.

May not contain behaviour.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.simulator.protocol.params import Shape

NONE: Shape = {}


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """One endpoint. `permission` None is open to every valid key."""

    method: str
    path: tuple[str, ...]
    handler: Callable[..., dict[str, Any]]
    permission: str | None
    shape: Shape


def route(
    method: str, path: str, handler: Callable[..., dict[str, Any]], permission: str | None, shape: Shape = NONE
) -> Route:
    """A route; `path` like `invoices/*/pay`, where `*` is an id.

    Every endpoint takes `expand`, but of the deletions only a subscription's does.
    """
    expands = method != "DELETE" or path.startswith("subscriptions/")
    return Route(
        method=method,
        path=tuple(path.split("/")),
        handler=handler,
        permission=permission,
        shape={**shape, "expand": "strings"} if expands else shape,
    )
