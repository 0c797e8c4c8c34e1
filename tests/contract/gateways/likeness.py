"""Whether two recordings of one conversation are alike: statuses, error codes, fields, types, and words that mean something.

Ids, amounts, times and texts may differ; what a field is called, what it holds and what state it names may not.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

_ID: Final = re.compile(r"/[a-z]+_[A-Za-z0-9_]+")
_MEANING: Final = frozenset(
    """object status type code decline_code advice_code network_decline_code network_advice_code billing_reason
    collection_method attempted attempt_count auto_advance paid reason network_status risk_level cancellation_reason
    capture_method livemode deleted currency funding brand refunded disputed captured""".split()
)
"""Fields whose values say what happened: they must be equal."""
_FREE: Final = frozenset({"metadata"})
Interaction = Mapping[str, Any]


def differences(stripe: Sequence[Interaction], simulator: Sequence[Interaction]) -> list[str]:
    """One line for each way in which the simulator's recording is unlike Stripe's; empty when they are alike."""
    told: list[str] = []
    steps = list(map(_step, stripe)), list(map(_step, simulator))
    if steps[0] != steps[1]:
        return [f"the conversations took other ways: Stripe {steps[0]}, the simulator {steps[1]}"]
    for name, real, ours in zip(steps[0], stripe, simulator, strict=True):
        statuses = real["response"]["status"]["code"], ours["response"]["status"]["code"]
        if statuses[0] != statuses[1]:
            told.append(f"{name}: Stripe answered {statuses[0]}, the simulator {statuses[1]}")
            continue
        told += _unlike(_body(real), _body(ours), f"{name} ({statuses[0]})")
    return list(dict.fromkeys(told))


def _step(interaction: Interaction) -> str:
    """The method and path of a request, ids left out."""
    request = interaction["request"]
    return f"{request['method']} {_ID.sub('/*', urlsplit(request['uri']).path)}"


def _body(interaction: Interaction) -> Any:
    return json.loads(interaction["response"]["body"]["string"])


def _unlike(real: Any, ours: Any, where: str) -> Iterator[str]:
    if isinstance(real, dict) and isinstance(ours, dict):
        yield from _fields(real, ours, where)
    elif isinstance(real, list) and isinstance(ours, list):
        if real and ours:
            yield from _unlike(real[0], ours[0], where + "[]")
    elif real is not None and ours is not None and _kind(real) != _kind(ours):
        yield f"{where}: Stripe gives {_kind(real)}, the simulator {_kind(ours)}"


def _fields(real: dict[str, Any], ours: dict[str, Any], where: str) -> Iterator[str]:
    for name in sorted({*real, *ours}):
        place = f"{where} {name}" if where.endswith(")") else f"{where}.{name}"
        if name not in ours:
            yield f"{place}: the simulator leaves it out"
        elif name not in real:
            yield f"{place}: Stripe does not give it"
        elif name in _MEANING and not isinstance(real[name], dict | list) and real[name] != ours[name]:
            yield f"{place}: Stripe says {real[name]!r}, the simulator {ours[name]!r}"
        elif name not in _FREE:
            yield from _unlike(real[name], ours[name], place)


def _kind(value: Any) -> str:
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, int | float):
        return "a number"
    names: dict[type, str] = {str: "a text", dict: "an object", list: "a list"}
    return names.get(type(value), type(value).__name__)
