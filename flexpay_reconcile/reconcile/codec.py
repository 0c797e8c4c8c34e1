"""The plan's public JSON, and reading a saved one back. The text is rendered from this and from nothing else.

Names follow Terraform's plan format. No secret can be in here: attributes are plain values without any.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.reconcile import impact
from flexpay_reconcile.reconcile.change import Action, Change, Drift, FieldChange, Reason
from flexpay_reconcile.reconcile.diff import FieldDiff
from flexpay_reconcile.reconcile.guidance import StepStatus
from flexpay_reconcile.reconcile.plan import Plan
from flexpay_reconcile.reconcile.targets import Selection
from flexpay_reconcile.values import digest, plain
from flexpay_reconcile.values.diagnostic import Diagnostic, Place

FORMAT_VERSION: Final = "1.0"
"""Readers ignore unknown keys within a major version and refuse another major."""

_ACTIONS: Final = {Action.REPLACE: ["create", "delete"]}
_DONE: Final = frozenset({StepStatus.ATTESTED})


def to_json(plan: Plan) -> dict[str, Any]:
    """The public form; `plan_id` is the hash of all the rest."""
    document: dict[str, Any] = {
        "format_version": FORMAT_VERSION,
        "as_of": plan.as_of.text(),
        "binds": {
            "manifest_digest": plan.manifest_digest,
            "overlay": plan.overlay,
            "accounts": {name: dict(plain.to_plain(each)) for name, each in plan.accounts.items()},
            "state": dict(plain.to_plain(plan.state)) if plan.state else None,
            **({"selection": dict(plain.to_plain(plan.selection))} if plan.selection else {}),
        },
        "summary": _summary(plan),
        "resource_changes": [_change(each, plan.places) for each in plan.changes],
        "resource_drift": [_drift(each, plan.places) for each in plan.drift],
        "deferred_changes": [dict(plain.to_plain(each)) for each in plan.deferred],
        "checks": [dict(plain.to_plain(each)) for each in plan.checks],
        "guards": [dict(plain.to_plain(each)) for each in plan.guards],
        "manual_steps": [
            {**plain.to_plain(each), "source": _source(each.path, plan.places)} for each in plan.manual_steps
        ],
        "diagnostics": [_diagnostic(each) for each in plan.diagnostics],
        "impact": impact.to_json(plan.impacts),
        "needs": {"accept_account": list(plan.accounts_to_accept)},
        "complete": not plan.deferred,
        "applyable": plan.has_changes and not plan.deferred and not plan.refusals,
    }
    return {"plan_id": plan_id(document), **document}


def to_text(document: Mapping[str, Any]) -> str:
    """The bytes of a saved plan: sorted keys, so that equal plans are equal files."""
    return json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False) + "\n"


def plan_id(document: Mapping[str, Any]) -> str:
    """`sha256:…` of the canonical JSON without `plan_id` itself."""
    rest = {key: value for key, value in document.items() if key != "plan_id"}
    return "sha256:" + digest.digest_of(rest)


def read_saved(text: str) -> dict[str, Any]:
    """A saved plan; OperatorError when it is none, of another major version, or was changed by hand."""
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise _bad("this is not a saved plan: it is no JSON") from None
    needed = {"format_version", "plan_id", "binds", "resource_changes", "as_of"}
    if not isinstance(document, dict) or not needed <= document.keys():
        raise _bad("this is not a saved plan: write one with `flexpay plan --out FILE`")
    if str(document["format_version"]).partition(".")[0] != FORMAT_VERSION.partition(".")[0]:
        raise _bad(f"plan format {document['format_version']} is not {FORMAT_VERSION}; plan again with this release")
    if document["plan_id"] != plan_id(document):
        raise _bad("the saved plan was changed after it was written (its plan_id does not match); plan again")
    return document


def selection_of(document: Mapping[str, Any]) -> Selection:
    """What part of the manifest a saved plan is for."""
    noted = document["binds"].get("selection", {})
    return Selection(target=tuple(noted.get("target", ())), exclude=tuple(noted.get("exclude", ())))


def _bad(message: str) -> OperatorError:
    return OperatorError(message, code="E-plan-file", kind=ErrorKind.PLAN_STALE)


def _summary(plan: Plan) -> dict[str, int]:
    counted = Counter(each.action for each in plan.changes)
    summary = {action.value.replace("-", "_"): counted[action] for action in Action}
    summary["drift"] = len(plan.drift)
    summary["manual"] = sum(1 for each in plan.manual_steps if each.status not in _DONE)
    return summary


def _change(change: Change, places: Mapping[str, Place]) -> dict[str, Any]:
    replaces = change.action is Action.REPLACE
    return {
        "address": change.address,
        "kind": change.kind.value,
        "name": change.name,
        "provider_id": change.remote_id,
        "deposed": change.deposed,
        "action_reason": change.reason.value,
        "change": {
            "actions": _ACTIONS.get(change.action, [change.action.value]),
            "before": change.before,
            "after": change.after,
            "after_unknown": dict.fromkeys(change.unknown, True),
            "before_sensitive": dict.fromkeys(change.sensitive, True) if replaces else {},
            "after_sensitive": dict.fromkeys(change.sensitive, True),
            "importing": {"id": change.remote_id} if change.reason is Reason.ADOPT else None,
        },
        "fields": [_field(each) for each in change.fields],
        "precondition": {"fingerprint": change.precondition},
        "source": _source(change.path, places),
    }


def _field(change: FieldChange) -> dict[str, Any]:
    return {**_diff(change.diff), "cause": change.cause.value}


def _diff(each: FieldDiff) -> dict[str, Any]:
    return {"op": each.op.value, "path": each.path, "before": _value(each.before), "after": _value(each.after)}


def _value(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _drift(drift: Drift, places: Mapping[str, Place]) -> dict[str, Any]:
    return {
        "address": f"{drift.kind.value}.{drift.name}",
        "kind": drift.kind.value,
        "name": drift.name,
        "provider_id": drift.remote_id,
        "change": {
            "actions": ["update"] if drift.after is not None else ["delete"],
            "before": drift.before,
            "after": drift.after,
        },
        "fields": [_diff(each) for each in drift.fields],
        "source": _source(drift.path, places),
    }


def _diagnostic(each: Diagnostic) -> dict[str, Any]:
    place = each.place
    where = {"filename": place.file, "start": {"line": place.line, "column": place.column}} if place else None
    return {
        "severity": each.severity.value,
        "code": each.code,
        "summary": each.message,
        "detail": each.hint or "",
        "path": each.path,
        "range": where,
    }


def _source(path: str, places: Mapping[str, Place]) -> dict[str, Any] | None:
    """Where the manifest says it: the path itself, or the nearest part of it that is written there."""
    while path:
        if place := places.get(path):
            return {"file": place.file, "line": place.line, "column": place.column}
        path = path.rpartition(".")[0]
    return None
