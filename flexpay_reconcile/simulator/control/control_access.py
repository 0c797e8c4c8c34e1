"""Control verbs for keys, permissions, locks and limits: what the owner of an account does in the Dashboard.

`key` revokes, expires or restores a key, or lets it be used from a foreign address only; `permission` grants or takes
one; `lock` holds an object as a Stripe process would; `limits` switches rate limits. May not know a request.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexpay_reconcile.simulator.control.control import ControlError
from flexpay_reconcile.simulator.control.verbs import Verb
from flexpay_reconcile.simulator.protocol.access import Key, permission_set
from flexpay_reconcile.simulator.protocol.faults import FOREVER
from flexpay_reconcile.simulator.protocol.limiter import limits_of
from flexpay_reconcile.simulator.world import World

_DEEDS = ("revoke", "expire", "restore", "foreign_address")
_COLUMNS = {"account": "permissions", "connect": "connect_permissions"}


def key_of(world: World, name: str) -> Key:
    """The key a variable, a name or a secret stands for."""
    keys = world.sim.keys
    found = [key for secret, key in keys.items() if name in (secret, key.env)]
    found = found or [key for key in keys.values() if key.name == name]
    if not found:
        raise ControlError("no such key: give its variable, its name or the key itself")
    if len(found) > 1:
        raise ControlError(f"several keys are named {name!r}: give the variable")
    return found[0]


def set_key(world: World, name: str, deed: str, *, at: int | None = None) -> None:
    """Revoke, expire (now or at an instant), restore a key, or tie it to another address."""
    key = key_of(world, name)
    if at is not None and deed != "expire":
        raise ControlError("at belongs to expire")
    if deed == "revoke":
        key = replace(key, revoked=True)
    elif deed == "expire":
        key = replace(key, expires_at=world.now if at is None else at)
    elif deed == "foreign_address":
        key = replace(key, foreign_address=True)
    elif deed == "restore":
        key = replace(key, revoked=False, expires_at=None, foreign_address=False)
    else:
        raise ControlError(f"do is one of {', '.join(_DEEDS)}")
    world.sim.keys[key.secret] = key


def set_permission(world: World, name: str, permission: str, deed: str, *, column: str = "account") -> None:
    """Grant a restricted key a permission, or take it (with what it implies), in the account or the connect column."""
    key = key_of(world, name)
    field = _COLUMNS.get(column)
    if field is None:
        raise ControlError("column is account or connect")
    if key.permissions is None:
        raise ControlError("only a restricted key has permissions")
    try:
        named = permission_set([permission])
    except ValueError as error:
        raise ControlError(str(error)) from error
    now: frozenset[str] = getattr(key, field) or frozenset()
    if deed == "grant":
        now = now | named
    elif deed == "take":
        now = now - {permission, permission.removesuffix("_read") + "_write"}
    else:
        raise ControlError("do is grant or take")
    column_now: dict[str, Any] = {field: now}
    world.sim.keys[key.secret] = replace(key, **column_now)


def lock(world: World, object_id: str, seconds: int) -> None:
    """Hold an object for some virtual seconds; 0 lets it go."""
    if not 0 <= seconds <= FOREVER:
        raise ControlError("seconds must not be negative")
    if not any(object_id in table.rows for account in world.sim.accounts.values() for table in account.tables.values()):
        raise ControlError(f"no such object {object_id[:60]!r}")
    if seconds:
        world.sim.locks.hold(object_id, world.now + seconds)
    else:
        world.sim.locks.let_go(object_id)


def _key(world: World, given: dict[str, Any]) -> dict[str, Any]:
    set_key(world, given["key"], given["do"], at=given.get("at"))
    return {}


def _permission(world: World, given: dict[str, Any]) -> dict[str, Any]:
    set_permission(world, given["key"], given["permission"], given["do"], column=given.get("column", "account"))
    return {}


def _lock(world: World, given: dict[str, Any]) -> dict[str, Any]:
    lock(world, given["object"], given["seconds"])
    return {}


def _limits(world: World, given: dict[str, Any]) -> dict[str, Any]:
    value = given.pop("value")
    try:
        world.sim.limiter.set(limits_of(value))
    except ValueError as error:
        raise ControlError(str(error)) from error
    return {}


VERBS: dict[str, Verb] = {
    "key": Verb(run=_key, required=("key", "do"), optional=("at",), numbers=frozenset({"at"})),
    "permission": Verb(run=_permission, required=("key", "permission", "do"), optional=("column",)),
    "lock": Verb(run=_lock, required=("object", "seconds"), numbers=frozenset({"seconds"})),
    "limits": Verb(run=_limits, required=("value",)),
}
