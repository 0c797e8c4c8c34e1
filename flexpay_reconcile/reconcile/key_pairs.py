"""Key pairs as records of ours: which references, and how the account behind them became known. Reads no key."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexpay_reconcile.reconcile.change import Action, Change, Reason, local_change
from flexpay_reconcile.reconcile.checks import IdentityStatus
from flexpay_reconcile.reconcile.resource import LastApplied, Resource

IDENTITY = "identity"
"""The attribute of a key pair that records how its account became known: proven or accepted."""


def change_of(
    wanted: Resource | None, present: Resource | None, recorded: LastApplied | None, status: IdentityStatus
) -> Change:
    """A key pair also records how its account became known; a record counts for exactly these references."""
    now = _with_identity(present, identity_in(recorded, present.attributes) or "not recorded") if present else None
    if wanted is None:
        return local_change(None, now)
    identity = identity_in(recorded, wanted.attributes) or status.value
    change = local_change(_with_identity(wanted, identity), now)
    if change.action is Action.UPDATE and all(each.diff.path == IDENTITY for each in change.fields):
        return replace(change, reason=Reason.IDENTITY_NOT_RECORDED)
    return change


def _with_identity(resource: Resource, identity: str) -> Resource:
    return replace(resource, attributes={**resource.attributes, IDENTITY: identity})


def identity_in(recorded: LastApplied | None, attributes: dict[str, Any]) -> str | None:
    """How the account became known, where the record is for exactly these references: proven or accepted."""
    if recorded is None:
        return None
    noted: object = recorded.attributes.get(IDENTITY)
    rest = {name: value for name, value in recorded.attributes.items() if name != IDENTITY}
    if rest != attributes or noted not in {IdentityStatus.PROVEN.value, IdentityStatus.ACCEPTED.value}:
        return None
    return str(noted)
