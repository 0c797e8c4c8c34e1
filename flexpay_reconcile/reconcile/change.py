"""A change: one line of a plan, with the reason for it and what it rests on. A value; carries out nothing."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.reconcile import diff
from flexpay_reconcile.reconcile.diff import FieldDiff
from flexpay_reconcile.reconcile.resource import ABSENT, Kind, LastApplied, Resource, address_of


class Action(StrEnum):
    """What apply will do."""

    NO_OP = "no-op"
    """Nothing."""
    CREATE = "create"
    """Make it."""
    UPDATE = "update"
    """Change it in place."""
    REPLACE = "replace"
    """Make a new one, store its secret, then delete the old one."""
    DELETE = "delete"
    """Remove it."""
    FORGET = "forget"
    """Remove our record of it; the thing itself is gone already or is left to the operator."""


class Reason(StrEnum):
    """Why; stable words for `action_reason`."""

    AS_DESIRED = "as_desired"
    """Nothing to do."""
    NEW = "new"
    """The manifest has it and nothing was applied for it yet."""
    PENDING = "pending"
    """The manifest changed since the last apply."""
    DRIFT = "drift"
    """Somebody changed it at Stripe since the last apply; the manifest did not change."""
    CONFLICT = "conflict"
    """Both the manifest and Stripe changed since the last apply; the manifest wins."""
    DELETED_AT_STRIPE = "deleted_at_stripe"
    """We made it and it is no longer there."""
    SCOPE = "scope"
    """It listens to the account where connected accounts are wanted, or the other way round: it cannot be changed."""
    LOST_SECRET = "lost_secret"
    """It exists, but its signing secret, which Stripe tells once, is not in this state."""
    API_VERSION = "unsupported_api_version"
    """It sends events in a version this release cannot read, and a version cannot be changed in place."""
    ADOPT = "adopt"
    """Made by somebody for this URL, or by a state that is lost: it becomes ours as it is, with the secret given."""
    RESUME = "resume"
    """An interrupted apply sent this creation; it is sent again with the same idempotency key."""
    REMOVED = "removed_from_manifest"
    """The manifest no longer has it."""
    LEFTOVER = "leftover"
    """An endpoint this state made and replaced, still there."""
    ALREADY_GONE = "already_gone"
    """It is to be removed and is no longer there; only our record remains."""
    MANAGED_BY_HAND = "managed_by_hand"
    """The manifest now says `managed_by: manual`; the endpoint is left to the operator."""
    IDENTITY_NOT_RECORDED = "identity_not_recorded"
    """The account of these keys was never proven or accepted."""


class Cause(StrEnum):
    """Who moved a field since the last apply: the three-way comparison."""

    NEW = "new"
    """Nothing was applied before, so nobody can tell."""
    PENDING = "pending"
    """The manifest moved."""
    DRIFT = "drift"
    """Stripe's side moved."""
    CONFLICT = "conflict"
    """Both moved, to different values."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldChange:
    """One field of a change and who moved it."""

    diff: FieldDiff
    cause: Cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change. `deposed` is the id of a leftover object when that, not the current one, is meant.

    `precondition` is the fingerprint of what was observed; `unknown` and `sensitive` name attributes of the result.
    """

    kind: Kind
    name: str
    action: Action
    reason: Reason
    before: dict[str, Any] | None
    after: dict[str, Any] | None
    path: str
    remote_id: str | None = None
    deposed: str | None = None
    precondition: str = ABSENT
    fields: tuple[FieldChange, ...] = ()
    unknown: tuple[str, ...] = ()
    sensitive: tuple[str, ...] = ()

    @property
    def address(self) -> str:
        """`kind.name`."""
        return address_of(self.kind, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Drift:
    """What moved at Stripe since the last apply, seen from the last apply. `after` is None where it was deleted."""

    kind: Kind
    name: str
    path: str
    remote_id: str | None
    before: dict[str, Any]
    after: dict[str, Any] | None
    fields: tuple[FieldDiff, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Deferred:
    """A resource nothing is planned for because we could not look."""

    address: str
    because: str


def cause_of(name: str, *, desired: dict[str, Any], observed: dict[str, Any], last: LastApplied | None) -> Cause:
    """Who moved the top-level attribute `name`, which differs between desired and observed."""
    if last is None or name not in last.attributes:
        return Cause.NEW
    before = last.attributes[name]
    if observed.get(name) == before:
        return Cause.PENDING
    return Cause.DRIFT if desired.get(name) == before else Cause.CONFLICT


def field_changes(
    observed: dict[str, Any], desired: dict[str, Any], last: LastApplied | None, *, sets: frozenset[str] = frozenset()
) -> tuple[FieldChange, ...]:
    """Every differing field with its cause."""
    return tuple(
        FieldChange(
            diff=each,
            cause=cause_of(each.path.partition(".")[0], desired=desired, observed=observed, last=last),
        )
        for each in diff.fields(observed, desired, sets=sets)
    )


def reason_of(fields: tuple[FieldChange, ...]) -> Reason:
    """The reason of an update: a conflict outranks a mixture, which counts as pending with drift beside it."""
    causes = {each.cause for each in fields}
    if Cause.CONFLICT in causes or {Cause.PENDING, Cause.DRIFT} <= causes:
        return Reason.CONFLICT
    if Cause.DRIFT in causes:
        return Reason.DRIFT
    return Reason.PENDING if Cause.PENDING in causes else Reason.NEW


def local_change(desired: Resource | None, current: Resource | None) -> Change:
    """The change of a record that lives in our state alone; there observed and last applied are the same."""
    subject = desired or current
    if subject is None:
        raise BrokenInvariant("a change needs something desired or something current")
    before = current.attributes if current else None
    after = desired.attributes if desired else None
    moved: tuple[FieldChange, ...] = ()
    if after is None:
        action, reason = Action.DELETE, Reason.REMOVED
    elif before is None:
        action, reason = Action.CREATE, Reason.NEW
    else:
        moved = field_changes(before, after, LastApplied(attributes=before, remote_id=None))
        action, reason = (Action.UPDATE, Reason.PENDING) if moved else (Action.NO_OP, Reason.AS_DESIRED)
    return Change(
        kind=subject.kind,
        name=subject.name,
        action=action,
        reason=reason,
        before=before,
        after=after,
        path=subject.path,
        precondition=current.fingerprint() if current else ABSENT,
        fields=moved,
    )
