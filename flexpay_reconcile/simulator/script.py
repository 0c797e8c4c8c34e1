"""What a scenario lets a client ask for while it is played: the requests of its `requests:` list, dated and in order.

Values only. May not perform anything: `playthrough` does, through whichever door it is given.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True, kw_only=True)
class Scripted:
    """One request. `at`: epoch seconds. `key`: the variable (`env`) or name of the API key, None for the first key.

    `path` and texts in `params` may hold references such as `{ada.invoice}`, resolved when the request is made.
    `expect` is the HTTP status it should get, None when any will do.
    """

    at: int
    method: str
    path: str
    params: Mapping[str, Any] = field(default_factory=dict)
    key: str | None = None
    idempotency_key: str | None = None
    account: str | None = None
    version: str | None = None
    expect: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """How many days the scenario is meant to be played, and its requests in the order of their instants."""

    days: int = 31
    requests: tuple[Scripted, ...] = ()
