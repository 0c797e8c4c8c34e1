"""Part of a manifest: what `--target` and `--exclude` leave of it, as a configuration of its own. Pure; plans nothing.

An integration is one with its key pair and its endpoint. What is selected brings along what it depends on; what is
excluded takes along what depends on it. Everything else stays as it was applied last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from typing import TypeVar

from flexpay_reconcile.config.configuration import Brakes, Configuration, Guards
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.reconcile.desired import local_records
from flexpay_reconcile.reconcile.resource import Kind, address_of

T = TypeVar("T")
_OF_INTEGRATION = (Kind.INTEGRATION, Kind.KEY_PAIR, Kind.WEBHOOK_ENDPOINT)


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which addresses are asked for, as globs: all that match `target` (or all), without those that match `exclude`.

    `integrations` are the ids that come of it, once it was held against a manifest.
    """

    target: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    integrations: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything is left out at all."""
        return bool(self.target or self.exclude)

    def words(self) -> str:
        """As on the command line."""
        flags = [*(f"--target {each}" for each in self.target), *(f"--exclude {each}" for each in self.exclude)]
        return " ".join(flags)


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """What a selection leaves: the configuration to apply, and the selection with the integrations to look at."""

    configuration: Configuration
    selection: Selection


def part_of(wanted: Configuration, current: Configuration | None, selection: Selection) -> Part:
    """The selected part of `wanted` over `current`; OperatorError (USAGE) for a pattern that matches no address."""
    base = current or Configuration(currencies=(), companies={}, integrations={}, retry_policies={})
    addresses = _addresses(wanted) | _addresses(base)
    needs = _needs(wanted) | {each: more for each, more in _needs(base).items() if each not in _addresses(wanted)}
    chosen = _matching(selection.target, addresses) if selection.target else set(addresses)
    chosen = _closed(chosen, needs)
    users: dict[str, set[str]] = {}
    for each, more in needs.items():
        for one in more:
            users.setdefault(one, set()).add(each)
    chosen -= _closed(_matching(selection.exclude, addresses), users)
    settings = address_of(Kind.SETTINGS, "guards"), address_of(Kind.SETTINGS, "brakes")
    guards: Guards = wanted.guards if settings[0] in chosen else base.guards
    brakes: Brakes = wanted.brakes if settings[1] in chosen else base.brakes
    names = {*wanted.integrations, *base.integrations}
    return Part(
        configuration=Configuration(
            currencies=_currencies(wanted, base, chosen),
            companies=_merged(Kind.COMPANY, wanted.companies, base.companies, chosen),
            integrations=_merged(Kind.INTEGRATION, wanted.integrations, base.integrations, chosen),
            retry_policies=_merged(Kind.RETRY_POLICY, wanted.retry_policies, base.retry_policies, chosen),
            guards=guards,
            brakes=brakes,
        ),
        selection=replace(
            selection,
            integrations=tuple(sorted(str(each) for each in names if address_of(Kind.INTEGRATION, each) in chosen)),
        ),
    )


def _addresses(configuration: Configuration) -> set[str]:
    endpoints = {address_of(Kind.WEBHOOK_ENDPOINT, each) for each in configuration.integrations}
    return set(local_records(configuration)) | endpoints


def _needs(configuration: Configuration) -> dict[str, set[str]]:
    """What each address depends on. The three of an integration depend on each other."""
    found: dict[str, set[str]] = {}
    currencies = {address_of(Kind.CURRENCY, each) for each in configuration.currencies}
    for name, integration in configuration.integrations.items():
        three = {address_of(kind, name) for kind in _OF_INTEGRATION}
        company = address_of(Kind.COMPANY, integration.company)
        policy = address_of(Kind.RETRY_POLICY, integration.retry_policy)
        for each in three:
            found[each] = (three - {each}) | {company, policy} | currencies
    return found


def _matching(patterns: Iterable[str], addresses: set[str]) -> set[str]:
    found: set[str] = set()
    for pattern in patterns:
        hit = {each for each in addresses if fnmatchcase(each, pattern)}
        if not hit:
            raise OperatorError(
                f"{pattern!r} matches no address of the manifest or the state",
                code="E-target",
                hint="`flexpay plan` shows the addresses; * and ? stand for more, as in 'webhook_endpoint.*'",
                kind=ErrorKind.USAGE,
            )
        found |= hit
    return found


def _closed(addresses: set[str], step: Mapping[str, set[str]]) -> set[str]:
    """The addresses with everything that can be reached from them."""
    found, waiting = set(addresses), list(addresses)
    while waiting:
        new = step.get(waiting.pop(), set()) - found
        found |= new
        waiting += new
    return found


def _merged(kind: Kind, wanted: Mapping[str, T], base: Mapping[str, T], chosen: set[str]) -> dict[str, T]:
    """Of what is chosen as it is wanted, of the rest as it was."""
    source = {name: wanted if address_of(kind, name) in chosen else base for name in (*base, *wanted)}
    return {name: found[name] for name, found in source.items() if name in found}


def _currencies(wanted: Configuration, base: Configuration, chosen: set[str]) -> tuple[str, ...]:
    """In the manifest's order, then those that only stand in the state."""
    order = dict.fromkeys([*wanted.currencies, *base.currencies])
    kept = {
        code: code in (wanted.currencies if address_of(Kind.CURRENCY, code) in chosen else base.currencies)
        for code in order
    }
    return tuple(code for code, keep in kept.items() if keep)
