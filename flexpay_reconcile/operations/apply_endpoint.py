"""Carrying out the change of one webhook endpoint: intent, call, receipt with the secret. May not decide what changes.

A replacement makes the new endpoint, stores its secret, and only then deletes the old one; until then both secrets
are accepted. Killed anywhere, the next apply ends with one endpoint and a known secret (invariant E5).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flexpay_reconcile.billing.webhook_endpoint import EndpointStatus
from flexpay_reconcile.config.events import API_VERSION
from flexpay_reconcile.config.integration import ListenTo
from flexpay_reconcile.errors import BrokenInvariant, ErrorKind, FlexpayError, TryLater
from flexpay_reconcile.operations.apply_steps import Run, stale
from flexpay_reconcile.operations.plan_manifest import CREATE_STEP
from flexpay_reconcile.ports.account_writer import AccountWriter, EndpointChanges
from flexpay_reconcile.ports.control_state import AppliedResource, Step
from flexpay_reconcile.reconcile.change import Action, Change, Reason
from flexpay_reconcile.reconcile.kinds import webhook_endpoint as kind
from flexpay_reconcile.reconcile.resource import Kind
from flexpay_reconcile.values.secret import Secret

UNKNOWN_OUTCOME = "E-stripe-unknown"
"""The code of a TryLater after which the change was maybe made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWork:
    """One change to carry out. `lineage` and `armed` name the state and its copy; `resume` is sent again.

    `given` is the signing secret of an endpoint that is adopted.
    """

    change: Change
    lineage: str
    armed: str
    resume: Step | None = None
    given: Secret | None = None


def carry_out(run: Run, writer: AccountWriter, work: EndpointWork) -> None:
    """Make the change; TryLater or OperatorError leave a journal from which the next apply goes on."""
    change = work.change
    match change.action:
        case Action.CREATE | Action.REPLACE:
            _put_in_place(run, writer, work)
        case Action.UPDATE:
            changes = _in_place(change)
            if change.reason is Reason.ADOPT:
                changes = replace(changes, metadata={**(changes.metadata or {}), **_marks(work)})
            _update(run, writer, change, change.remote_id or "", changes, work.given)
        case Action.DELETE:
            _delete(run, writer, change)
        case Action.FORGET:
            forget(run, change)
        case Action.NO_OP:
            return


def forget(run: Run, change: Change) -> None:
    """Remove our record of it, or of the one it replaced (`deposed`), and its secret; nothing is called."""
    step = run.intend(change.address, change.action.value, {"remote_id": change.remote_id})
    _forgotten(run, change, step, change.remote_id)


def was_made(run: Run, change: Change, step: Step) -> None:
    """The receipt of an interrupted repair that Stripe shows to have been made."""
    run.done(step, resource=_record(run, change, _wanted(change), change.remote_id, _replaced(run, change)))


def _record(
    run: Run, change: Change, attributes: dict[str, Any], remote_id: str | None, replaced: list[str]
) -> AppliedResource:
    """What is on record of an endpoint, with the ids it took the place of and that are not yet cleared away."""
    notes = {kind.REPLACES: replaced} if replaced else {}
    return run.record(Kind.WEBHOOK_ENDPOINT, change.address, {**attributes, **notes}, remote_id=remote_id)


def _replaced(run: Run, change: Change) -> list[str]:
    current = run.state.applied().get(change.address)
    return list(current.attributes.get(kind.REPLACES, ())) if current else []


def _forgotten(run: Run, change: Change, step: Step, gone: str | None) -> None:
    """The receipt for an endpoint that is no more: its secret goes, and the record, or only the note in the record."""
    current = run.state.applied().get(change.address)
    resource = None
    if change.deposed is not None and current is not None:
        attributes = {name: value for name, value in current.attributes.items() if name != kind.REPLACES}
        left = [each for each in _replaced(run, change) if each != gone]
        resource = _record(run, change, attributes, current.remote_id, left)
    run.done(
        step,
        resource=resource,
        forget=change.deposed is None,
        secret_name=kind.secret_name(change.name, gone) if gone else None,
        integration_id=change.name,
    )


def _put_in_place(run: Run, writer: AccountWriter, work: EndpointWork) -> None:
    """Make the endpoint, then clear away what it took the place of: at Stripe, and the secret of one deleted there."""
    change = work.change
    last = run.state.applied().get(change.address)
    new_id = _create(run, writer, work, last.remote_id if last else None)
    if last is not None and last.remote_id not in {None, change.remote_id, new_id}:
        forget(run, replace(change, action=Action.FORGET, remote_id=last.remote_id, deposed=last.remote_id))
    if change.action is Action.REPLACE:
        if change.remote_id in {None, new_id}:
            raise BrokenInvariant(f"{change.address}: a replacement has an old endpoint and a new one")
        _delete(run, writer, replace(change, action=Action.DELETE, deposed=change.remote_id))


def _create(run: Run, writer: AccountWriter, work: EndpointWork, last_id: str | None) -> str:
    """The new endpoint's id; its secret, and what it takes the place of, are on disk in the same transaction."""
    change = work.change
    wanted = _wanted(change)
    step = work.resume
    if step is None:
        detail = {
            "attributes": wanted,
            "api_version": API_VERSION,
            kind.REPLACES: change.remote_id,
            "marks": _marks(work),
        }
        step = run.intend(change.address, CREATE_STEP, detail)
    else:
        run.beat()
    with _Closing(run, step):
        endpoint, secret = writer.create_endpoint(
            url=wanted["url"],
            enabled_events=tuple(wanted["enabled_events"]),
            description=wanted["description"],
            metadata={**wanted["metadata"], **step.detail["marks"]},
            connect=wanted["metadata"][kind.SCOPE_KEY] == ListenTo.CONNECTED_ACCOUNTS.value,
            api_version=API_VERSION,
            idempotency_key=step.idempotency_key,
        )
        old = [each for each in (change.remote_id, last_id) if each not in {None, endpoint.id}]
        replaced = [str(each) for each in dict.fromkeys([*old, *_replaced(run, change)])]
        recorded = {**wanted, "status": endpoint.status.value}
        run.done(
            step,
            resource=_record(run, change, recorded, endpoint.id, replaced),
            secret_name=kind.secret_name(change.name, endpoint.id),
            secret=secret,
            integration_id=change.name,
        )
    if wanted["status"] != endpoint.status.value:  # Stripe makes every endpoint enabled
        disabled = wanted["status"] == EndpointStatus.DISABLED.value
        _update(run, writer, change, endpoint.id, EndpointChanges(disabled=disabled))
    return endpoint.id


def _marks(work: EndpointWork) -> dict[str, str]:
    """Which state, and which copy of it, an endpoint belongs to."""
    return {kind.STATE_KEY: work.lineage, kind.ARMED_KEY: work.armed}


def _in_place(change: Change) -> EndpointChanges:
    """The fields that differ, and no others."""
    before, after = change.before or {}, _wanted(change)
    moved = {name for name in after if before.get(name) != after[name]}
    return EndpointChanges(
        url=after["url"] if "url" in moved else None,
        enabled_events=tuple(after["enabled_events"]) if "enabled_events" in moved else None,
        description=after["description"] if "description" in moved else None,
        metadata=dict(after["metadata"]) if "metadata" in moved else None,
        disabled=after["status"] == EndpointStatus.DISABLED.value if "status" in moved else None,
    )


def _update(
    run: Run,
    writer: AccountWriter,
    change: Change,
    endpoint_id: str,
    changes: EndpointChanges,
    given: Secret | None = None,
) -> None:
    """Repair it in place; `given` is the signing secret that goes on disk with the receipt."""
    step = run.intend(change.address, Action.UPDATE.value, {"remote_id": endpoint_id})
    with _Closing(run, step):
        if writer.update_endpoint(endpoint_id, changes, idempotency_key=step.idempotency_key) is None:
            raise stale(f"{change.address}: {endpoint_id} was deleted at Stripe meanwhile")
        record = _record(run, change, _wanted(change), endpoint_id, _replaced(run, change))
        if given is None:
            run.done(step, resource=record)
        else:
            name = kind.secret_name(change.name, endpoint_id)
            run.done(step, resource=record, secret_name=name, secret=given, integration_id=change.name)


def _delete(run: Run, writer: AccountWriter, change: Change) -> None:
    """An endpoint that is wanted no longer; 404 means that it is gone, which is what was asked for."""
    remote_id = change.remote_id
    if remote_id is None:
        raise BrokenInvariant(f"{change.address}: a deletion without an id")
    current = run.state.applied().get(change.address)
    if change.deposed is not None and current is not None and current.remote_id == remote_id:
        raise BrokenInvariant(f"{change.address}: {remote_id} is in use and no leftover")
    step = run.intend(change.address, change.action.value, {"remote_id": remote_id})
    with _Closing(run, step):
        writer.delete_endpoint(remote_id)
        _forgotten(run, change, step, remote_id)


def _wanted(change: Change) -> dict[str, Any]:
    if change.after is None:
        raise BrokenInvariant(f"{change.address}: {change.action.value} without a wish")
    return change.after


class _Closing:
    """Ends the step of a call that failed: surely not made becomes FAILED, maybe made stays INTENDED."""

    def __init__(self, run: Run, step: Step) -> None:
        self._run = run
        self._step = step

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind_of: object, error: BaseException | None, trace: object) -> None:
        if not isinstance(error, FlexpayError) or isinstance(error, BrokenInvariant):
            return
        maybe_made = isinstance(error, TryLater) and error.code == UNKNOWN_OUTCOME
        if not maybe_made and error.kind is not ErrorKind.LOCK_HELD:
            self._run.failed(self._step, error.message)
