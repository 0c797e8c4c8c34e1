"""Worlds: issuers and people as data, from `worlds/NAME@VERSION.toml`; and the packaged scenarios' texts.

A version is frozen: whoever wants other figures adds a file with the next number. The only module of the simulator that
reads package data. May not interpret a scenario.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import fields
from functools import cache
from importlib import resources
from typing import Any, TypeVar

from flexpay_reconcile.simulator.issuers import markets
from flexpay_reconcile.simulator.issuers.markets import Market
from flexpay_reconcile.simulator.issuers.people import Habits

T = TypeVar("T")
_PACKAGE = "flexpay_reconcile.simulator"
_PARTS: dict[str, type[Any]] = {
    "cards": markets.Cards,
    "funds": markets.Funds,
    "dead": markets.Dead,
    "expiry": markets.Expiry,
    "hold": markets.Hold,
    "outage": markets.Outage,
    "noise": markets.Noise,
    "advice": markets.Advice,
    "network": markets.Network,
    "people": Habits,
}


class BadWorld(ValueError):
    """A world's file does not say exactly what a world has to say."""


@cache
def _texts(folder: str, ending: str) -> dict[str, str]:
    found = {
        entry.name.removesuffix(ending): entry.read_text("utf-8")
        for entry in resources.files(_PACKAGE).joinpath(folder).iterdir()
        if entry.name.endswith(ending)
    }
    return dict(sorted(found.items()))


def scenario_texts() -> dict[str, str]:
    """The packaged scenarios: name to the text of its YAML."""
    return dict(_texts("scenarios", ".yaml"))


def source(name: str, version: int) -> str:
    """The text of a world's file; LookupError when there is none."""
    return _texts("worlds", ".toml")[f"{name}@{version}"]


def versions() -> dict[str, tuple[int, ...]]:
    """Every world's name with its versions, oldest first."""
    found: dict[str, list[int]] = {}
    for stem in _texts("worlds", ".toml"):
        name, _, number = stem.partition("@")
        found.setdefault(name, []).append(int(number))
    return {name: tuple(sorted(numbers)) for name, numbers in found.items()}


def names() -> list[str]:
    """The names of all worlds."""
    return list(versions())


def find(wanted: str) -> Market:
    """The newest version of a named world, or with `name@2` that one; LookupError when there is none."""
    name, mark, number = wanted.partition("@")
    known = versions().get(name, ())
    if not known or (mark and not number.isdecimal()):
        raise LookupError(wanted)
    version = int(number) if mark else known[-1]
    if version not in known:
        raise LookupError(wanted)
    return _read(name, version)


@cache
def _read(name: str, version: int) -> Market:
    market = parse(source(name, version))
    if (market.name, market.version) != (name, version):
        raise BadWorld(f"{name}@{version}: the file calls itself {market.name}@{market.version}")
    return market


def parse(text: str) -> Market:
    """A world from its file's text; BadWorld when a parameter is missing, unknown or of the wrong kind."""
    document = tomllib.loads(text)
    document.pop("sources", None)
    parts = {name: _record(kind, document.pop(name), name) for name, kind in _PARTS.items() if name in document}
    return _record(Market, {**document, **parts}, "world")


def _record(kind: type[T], table: Mapping[str, Any], where: str) -> T:
    wanted = {field.name: str(field.type) for field in fields(kind)}  # type: ignore[arg-type]
    unknown, missing = set(table) - set(wanted), set(wanted) - set(table) - {"people"}
    if unknown or missing:
        raise BadWorld(f"{where}: unknown {sorted(unknown)}, missing {sorted(missing)}")
    return kind(**{name: _value(value, wanted[name], f"{where}.{name}") for name, value in table.items()})


def _value(value: Any, kind: str, where: str) -> Any:
    """A TOML value in the shape its field names; a table of numbers is a list of weights in the file's order."""
    if kind == "Weights" and isinstance(value, dict) and value:
        return tuple((str(name), float(weight)) for name, weight in value.items())
    if kind == "tuple[int, int]" and isinstance(value, list) and len(value) == 2:
        return tuple(value)
    if kind == "float" and isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if kind in ("int", "str", "bool") and type(value).__name__ == kind:
        return value
    if kind not in ("float", "int", "str", "bool", "Weights", "tuple[int, int]"):
        return value
    raise BadWorld(f"{where}: {value!r} is no {kind}")
