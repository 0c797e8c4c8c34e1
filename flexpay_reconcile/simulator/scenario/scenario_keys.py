"""The `keys:` of a scenario's account: API keys, their permissions, their state.

May not read anything but its own entries.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flexpay_reconcile.simulator import chance
from flexpay_reconcile.simulator.protocol import access
from flexpay_reconcile.simulator.protocol.access import Key
from flexpay_reconcile.simulator.scenario import scenario_checks as check
from flexpay_reconcile.simulator.scenario.scenario_checks import ScenarioError
from flexpay_reconcile.simulator.state import Account, Simulation

_PREFIXES = {"restricted": "rk", "standard": "sk", "publishable": "pk"}


def _permissions(kind: str, value: object, path: str) -> frozenset[str] | None:
    if kind != "restricted":
        if value is not None:
            raise ScenarioError(path, f"a {kind} key has no list of permissions")
        return None
    return _column(value, path)


def _column(value: object, path: str) -> frozenset[str]:
    if value == "flexpay":
        return access.permission_set(access.FLEXPAY_PRESET)
    if not isinstance(value, list):
        raise ScenarioError(path, "must be flexpay or a list of rak_ names")
    try:
        return access.permission_set([check.text(name, path) for name in value])
    except ValueError as error:
        raise ScenarioError(path, str(error)) from error


def _wording(value: object, path: str) -> str:
    return check.choice(value, path, access.WORDINGS)


MORE: dict[str, Callable[[object, str], Any]] = {
    "connect_permissions": _column,
    "wording": _wording,
    "foreign_address": check.boolean,
}
"""Further fields of `access.Key` that a scenario may set: the field's name and its parser (value, path)."""


def add(sim: Simulation, account: Account, value: object, path: str) -> None:
    """One key; its secret is drawn from the seed unless it is given."""
    table = check.table(
        value,
        path,
        required=("type",),
        optional=("env", "name", "permissions", "secret", "revoked", "expires_at", "livemode", *MORE),
    )
    kind = table["type"]
    if kind not in _PREFIXES:
        raise ScenarioError(f"{path}.type", "must be restricted, standard or publishable")
    if kind != "restricted" and "connect_permissions" in table:
        raise ScenarioError(f"{path}.connect_permissions", f"a {kind} key has no list of permissions")
    permissions = _permissions(kind, table.get("permissions"), f"{path}.permissions")
    live = check.boolean(table.get("livemode", account.livemode), f"{path}.livemode")
    prefix = f"{_PREFIXES[kind]}_{'live' if live else 'test'}_"
    secret = table.get("secret") or prefix + chance.token(32, sim.seed, account.id, path)
    if not isinstance(secret, str) or not secret.startswith(prefix) or len(secret) < len(prefix) + 8:
        raise ScenarioError(f"{path}.secret", f"must begin with {prefix} and have at least 8 characters more")
    if secret in sim.keys:
        raise ScenarioError(path, "two keys have one secret")
    env = table.get("env")
    if env is not None and any(key.env == env for key in sim.keys.values()):
        raise ScenarioError(f"{path}.env", "two keys name one variable")
    expires = table.get("expires_at")
    sim.keys[secret] = Key(
        secret=secret,
        account=account.id,
        livemode=live,
        name=check.text(table.get("name", kind), f"{path}.name"),
        env=check.text(env, f"{path}.env") if env is not None else None,
        permissions=permissions,
        publishable=kind == "publishable",
        revoked=check.boolean(table.get("revoked", False), f"{path}.revoked"),
        expires_at=check.instant(expires, f"{path}.expires_at") if expires is not None else None,
        **{field: parse(table[field], f"{path}.{field}") for field, parse in MORE.items() if field in table},
    )
