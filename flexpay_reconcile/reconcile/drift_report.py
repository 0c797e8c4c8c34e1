"""What moved at Stripe since the last apply, as public JSON: drift and conflict apart from what only awaits an apply.

Made from a plan and from nothing else. Changes nothing and proposes nothing but an apply.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from flexpay_reconcile.reconcile.change import Action, Cause, Change, Drift, Reason
from flexpay_reconcile.reconcile.guidance import StepStatus
from flexpay_reconcile.reconcile.plan import Plan

FORMAT_VERSION: Final = "1.0"
AGREED: Final = "agreed"
"""The cause of a field that somebody set at Stripe to what the manifest wants by now: only our record is behind."""
IN_PLACE: Final = frozenset({Action.NO_OP, Action.UPDATE})
"""A change that keeps the object; anything else makes a new one or takes one away, and is a person's decision."""


def report(plan: Plan, *, against: str) -> dict[str, Any]:
    """The public form. `against` says what was wanted: `manifest`, or `applied` where no manifest was given.

    Keys: format_version, as_of, against, drift_found, complete, resource_drift (address, kind, name, provider_id,
    event, repair, fields), pending (address, actions, because), unseen (address, because).
    """
    current = {each.address: each for each in plan.changes if each.deposed is None}
    drifted = [*(_moved(each, current) for each in plan.drift), *_unreadable(plan), *_contradicted(plan)]
    names = {each["address"] for each in drifted}
    waiting = [each for each in plan.work if each.address not in names or each.deposed is not None]
    return {
        "format_version": FORMAT_VERSION,
        "as_of": plan.as_of.text(),
        "against": against,
        "drift_found": bool(drifted),
        "complete": not plan.deferred,
        "resource_drift": sorted(drifted, key=lambda each: (each["address"], each["event"])),
        "pending": [
            {"address": each.address, "action": each.action.value, "because": each.reason.value} for each in waiting
        ],
        "unseen": [{"address": each.address, "because": each.because} for each in plan.deferred],
    }


def repairable(change: Change) -> bool:
    """Whether `drift_policy: heal` may carry it out: somebody moved fields that the manifest did not, in place."""
    return change.action is Action.UPDATE and change.reason is Reason.DRIFT


def _moved(drift: Drift, changes: dict[str, Change]) -> dict[str, Any]:
    address = f"{drift.kind.value}.{drift.name}"
    change = changes.get(address)
    return {
        "address": address,
        "kind": drift.kind.value,
        "name": drift.name,
        "provider_id": drift.remote_id,
        "event": "changed" if drift.after is not None else "deleted",
        "repair": change.action.value if change else Action.NO_OP.value,
        "fields": [_field(each, change) for each in drift.fields],
    }


def _field(diff: Any, change: Change | None) -> dict[str, Any]:
    """One field: what was applied, what is at Stripe, and who moved it."""
    name = diff.path.partition(".")[0]
    causes = {each.cause for each in change.fields if each.diff.path.partition(".")[0] == name} if change else set()
    replaced = change is not None and change.action not in IN_PLACE
    cause = next(iter(causes)).value if causes else (Cause.DRIFT.value if replaced else AGREED)
    return {
        "path": diff.path,
        "op": diff.op.value,
        "applied": _plain(diff.before),
        "at_stripe": _plain(diff.after),
        "cause": cause,
    }


def _unreadable(plan: Plan) -> Iterator[dict[str, Any]]:
    """Objects whose fields are as they were, and which are of no use for all that."""
    moved = {f"{each.kind.value}.{each.name}" for each in plan.drift}
    for each in plan.work:
        if each.reason is Reason.API_VERSION and each.address not in moved:
            yield {
                "address": each.address,
                "kind": each.kind.value,
                "name": each.name,
                "provider_id": each.remote_id,
                "event": Reason.API_VERSION.value,
                "repair": each.action.value,
                "fields": [],
            }


def _contradicted(plan: Plan) -> Iterator[dict[str, Any]]:
    """Settings that somebody attested and that live invoices show otherwise; only a person can put them right."""
    for each in plan.manual_steps:
        if each.status is StepStatus.CONTRADICTED:
            yield {
                "address": f"{each.id}.{each.integration}",
                "kind": each.id,
                "name": each.integration,
                "provider_id": None,
                "event": StepStatus.CONTRADICTED.value,
                "repair": "manual",
                "fields": [
                    {
                        "path": "custom_schedule_empty",
                        "op": "replace",
                        "applied": True,
                        "at_stripe": seen,
                        "cause": "drift",
                    }
                    for seen in each.evidence
                ],
            }


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value
