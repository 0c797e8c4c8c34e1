"""Reads the room's two data files, once, into typed rows. Only this module touches package data; it judges nothing."""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.errors import BrokenInvariant

_PACKAGE = "flexpay_reconcile.declines"
_SOURCE = re.compile(r"# source (\w+): (.+)")


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """One row of `codes.tsv`; `table` says which of Stripe's fields the code comes in."""

    table: str
    code: str
    description: str
    next_step: str
    on_no_retry_list: bool
    suggested_class: str
    policy: str
    reason: str
    outcome_reason: str
    deprecated: bool
    kind: DeclineKind
    kind_because: str
    source: str

    @property
    def is_container(self) -> bool:
        """Whether the code only says that there was a refusal, and another field says which."""
        return self.policy == "inspect_charge_outcome"


@dataclass(frozen=True, slots=True, kw_only=True)
class Codes:
    """The whole of `codes.tsv`."""

    edition: str
    sources: Mapping[str, str]
    rows: tuple[CodeRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One rule of `network_rules.toml`; `facts` holds every key as written."""

    id: str
    networks: tuple[str, ...]
    confidence: str
    sources: tuple[str, ...]
    reading: str | None
    facts: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """The whole of `network_rules.toml`."""

    edition: str
    defaults: Mapping[str, Any]
    sources: Mapping[str, Mapping[str, str]]
    rules: tuple[Rule, ...]

    def by_id(self, rule_id: str) -> Rule:
        """The rule of that id; a missing one is a bug."""
        for rule in self.rules:
            if rule.id == rule_id:
                return rule
        raise BrokenInvariant(f"network_rules.toml has no rule {rule_id}")


@functools.cache
def codes() -> Codes:
    """`codes.tsv`, read at the first call."""
    edition = ""
    sources: dict[str, str] = {}
    table: list[list[str]] = []
    for line in _text("codes.tsv").splitlines():
        if line.startswith("# edition: "):
            edition = line.removeprefix("# edition: ").strip()
        elif found := _SOURCE.fullmatch(line):
            sources[found[1]] = found[2]
        elif line and not line.startswith("#"):
            table.append(line.split("\t"))
    header, *rows = table
    return Codes(edition=edition, sources=sources, rows=tuple(_code_row(header, row) for row in rows))


def _code_row(header: list[str], row: list[str]) -> CodeRow:
    """One line as a row; a wrong number of columns or a kind outside the seven is a bug of the file."""
    if len(row) != len(header):
        raise BrokenInvariant(f"codes.tsv: {row[:2]} has {len(row)} columns, not {len(header)}")
    cell = dict(zip(header, row, strict=True))
    if cell["kind"] not in list(DeclineKind):
        raise BrokenInvariant(f"codes.tsv: {row[:2]} has the kind {cell['kind']!r}")
    return CodeRow(
        table=cell["table"],
        code=cell["code"],
        description=cell["description"],
        next_step=cell["stripe_next_step"],
        on_no_retry_list=cell["on_stripe_smart_retries_no_retry_list"] == "yes",
        suggested_class=cell["suggested_class"],
        policy=cell["suggested_policy"],
        reason=cell["reason"],
        outcome_reason=cell["charge_outcome_reason"],
        deprecated=cell["deprecated"] == "deprecated",
        kind=DeclineKind(cell["kind"]),
        kind_because=cell["kind_because"],
        source=cell["source"],
    )


@functools.cache
def rules() -> Rules:
    """`network_rules.toml`, read at the first call."""
    raw = tomllib.loads(_text("network_rules.toml"))
    return Rules(
        edition=raw["edition"],
        defaults=raw["defaults"],
        sources=raw["sources"],
        rules=tuple(_rule(entry) for entry in raw["rules"]),
    )


def _rule(entry: dict[str, Any]) -> Rule:
    """One entry as a rule."""
    network = entry["network"]
    return Rule(
        id=entry["id"],
        networks=(network,) if isinstance(network, str) else tuple(network),
        confidence=entry["confidence"],
        sources=tuple(entry["source"]),
        reading=entry.get("reading"),
        facts=entry,
    )


def edition() -> str:
    """The editions of both files, for decisions and reports."""
    return f"codes {codes().edition}, network rules {rules().edition}"


def _text(name: str) -> str:
    """One data file of this package."""
    return (resources.files(_PACKAGE) / name).read_text(encoding="utf-8")
