"""The `story:` of a scenario (dated control verbs, told by the agenda), its `requests:` and its `days:`.

    story:    - {at: +3d, do: decline, customer: ada, code: insufficient_funds}
    requests: - {at: +5d, post: "/v1/invoices/{ada.open_invoice}/pay", idempotency_key: k1, expect: 402}

Texts may hold references (`references`). May not perform anything itself: verbs and `playthrough` do.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flexpay_reconcile.simulator.control import control_api
from flexpay_reconcile.simulator.control.control import ControlError, customer_of
from flexpay_reconcile.simulator.control.references import WORDS, resolved, words_in
from flexpay_reconcile.simulator.scenario import scenario_checks as check
from flexpay_reconcile.simulator.scenario.scenario_checks import ScenarioError
from flexpay_reconcile.simulator.script import Script, Scripted
from flexpay_reconcile.simulator.world import World

_METHODS = ("get", "post", "delete")


class StoryError(Exception):
    """A step of the story could not be carried out when its time came; the message says which and why."""


def days(world: World, value: object, path: str) -> None:
    """How many days the scenario is meant to be played."""
    number = check.integer(value, path, least=1)
    if number > 3660:
        raise ScenarioError(path, "must be at most ten years")
    world.script = Script(days=number, requests=world.script.requests)


def story(world: World, value: object, path: str) -> None:
    """Write every step into the agenda."""
    sim = world.sim
    account = next(iter(sim.accounts))
    for entry, at in check.items(value, path):
        step = check.mapping(entry, at)
        for name in ("at", "do"):
            if name not in step:
                raise ScenarioError(f"{at}.{name}", "is missing")
        due = check.moment(step.pop("at"), f"{at}.at", sim.now)
        name = check.choice(step.pop("do"), f"{at}.do", tuple(sorted(control_api.VERBS)))
        _check_fields(world, name, step, at)
        sim.story.append(_Step(world, name, step, at).happen)
        sim.agenda.add(due, "story", account, str(len(sim.story) - 1))


class _Step:
    """One dated thing, bound to its world."""

    def __init__(self, world: World, verb: str, fields: Mapping[str, Any], path: str) -> None:
        self.world, self.verb, self.fields, self.path = world, verb, fields, path

    def happen(self) -> None:
        """Carry it out; StoryError says which step could not be."""
        try:
            control_api.post(self.world, self.verb, resolved(self.world, dict(self.fields)))
        except ControlError as error:
            raise StoryError(f"{self.path}: {self.verb}: {error}") from error


def _check_fields(world: World, name: str, fields: Mapping[str, Any], path: str) -> None:
    """Unknown and missing fields are faults of the scenario, not surprises of its tenth day."""
    verb = control_api.VERBS[name]
    for field in fields:
        if field not in verb.required and field not in verb.optional:
            raise ScenarioError(f"{path}.{field}", f"unknown field of {name}")
    for field in verb.required:
        if field not in fields:
            raise ScenarioError(f"{path}.{field}", "is missing")
    if isinstance(fields.get("customer"), str) and "{" not in fields["customer"]:
        _known(world, fields["customer"], f"{path}.customer")
    _check_references(world, fields, path)


def _check_references(world: World, value: object, path: str) -> None:
    if isinstance(value, str):
        for name, word in words_in(value):
            if word not in WORDS:
                raise ScenarioError(path, f"unknown reference {word!r}; one of {', '.join(WORDS)}")
            _known(world, name, path)
    elif isinstance(value, Mapping):
        for name, inner in value.items():
            _check_references(world, inner, f"{path}.{name}")
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            _check_references(world, inner, f"{path}[{number}]")


def _known(world: World, name: str, path: str) -> None:
    try:
        customer_of(world, name)
    except ControlError as error:
        raise ScenarioError(path, str(error)) from error


def requests(world: World, value: object, path: str) -> None:
    """What a client asks for while the scenario is played, in the order of the instants."""
    made = [_request(world, entry, at) for entry, at in check.items(value, path)]
    made.sort(key=lambda request: request.at)
    world.script = Script(days=world.script.days, requests=tuple(made))


def _request(world: World, value: object, path: str) -> Scripted:
    table = check.table(
        value,
        path,
        required=("at",),
        optional=(*_METHODS, "params", "key", "idempotency_key", "account", "stripe_version", "expect"),
    )
    given = [method for method in _METHODS if method in table]
    if len(given) != 1:
        raise ScenarioError(path, "give exactly one of " + ", ".join(_METHODS))
    target = check.text(table[given[0]], f"{path}.{given[0]}")
    if not target.startswith("/v1/"):
        raise ScenarioError(f"{path}.{given[0]}", "must be a path under /v1/")
    params = check.mapping(table.get("params", {}), f"{path}.params")
    _check_references(world, target, f"{path}.{given[0]}")
    _check_references(world, params, f"{path}.params")
    key = table.get("key")
    if key is not None and not any(key in (one.env, one.name) for one in world.sim.keys.values()):
        raise ScenarioError(f"{path}.key", f"unknown key {key!r}")
    if not world.sim.keys:
        raise ScenarioError(path, "no account has an API key to ask with")
    texts = {
        name: check.text(table[name], f"{path}.{name}") for name in ("idempotency_key", "account") if name in table
    }
    version = table.get("stripe_version")
    expect = table.get("expect")
    return Scripted(
        at=check.moment(table["at"], f"{path}.at", world.now),
        method=given[0].upper(),
        path=target,
        params=params,
        key=key,
        version=None if version is None else check.text(version, f"{path}.stripe_version"),
        expect=None if expect is None else check.integer(expect, f"{path}.expect", least=0),
        **texts,
    )
