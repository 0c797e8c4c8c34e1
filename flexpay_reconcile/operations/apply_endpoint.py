"""Carrying out the change of one webhook endpoint: intent, call, receipt with the secret. May not decide what changes.

A replacement makes the new endpoint, stores its secret, and only then deletes the old one; until then both secrets
are accepted. Killed anywhere, the next apply ends with one endpoint and a known secret (invariant E5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.billing.webhook_endpoint import EndpointStatus
from flexpay_reconcile.config.events import API_VERSION
from flexpay_reconcile.errors import BrokenInvariant, FlexpayError, TryLater
from flexpay_reconcile.operations.apply_steps import Run, stale
from flexpay_reconcile.operations.plan_manifest import CREATE_STEP
from flexpay_reconcile.ports.account_writer import AccountWriter, EndpointChanges
from flexpay_reconcile.ports.control_state import Step
from flexpay_reconcile.reconcile.change import Action, Change
from flexpay_reconcile.reconcile.kinds import webhook_endpoint as kind
from flexpay_reconcile.reconcile.resource import Kind

UNKNOWN_OUTCOME = "E-stripe-unknown"
"""The code of a TryLater after which the change was maybe made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EndpointWork:
    """One change to carry out. `resume` is the unfinished step whose creation is sent again."""

    change: Change
    lineage: str
    resume: Step | None = None


def carry_out(run: Run, writer: AccountWriter, work: EndpointWork) -> None:
    """Make the change; TryLater or OperatorError leave a journal from which the next apply goes on."""
    change = work.change
    match change.action:
        case Action.CREATE:
            _create(run, writer, work, replaces=None)
        case Action.UPDATE:
            _update(run, writer, change, change.remote_id or "", _in_place(change))
        case Action.REPLACE:
            new_id, recorded = _create(run, writer, work, replaces=change.remote_id)
            _delete_replaced(run, writer, change, new_id, recorded)
        case Action.DELETE:
            _delete(run, writer, change)
        case Action.FORGET:
            forget(run, change)
        case Action.NO_OP:
            return


def forget(run: Run, change: Change) -> None:
    """Remove our record of it; nothing is called."""
    step = run.intend(change.address, change.action.value, {"remote_id": change.remote_id})
    name = kind.secret_name(change.name, change.remote_id) if change.remote_id else None
    run.done(step, forget=True, secret_name=name, integration_id=change.name)


def _create(run: Run, writer: AccountWriter, work: EndpointWork, *, replaces: str | None) -> tuple[str, dict[str, Any]]:
    """The new endpoint's id and what is on record of it; its secret is on disk in the same transaction."""
    change = work.change
    wanted = _wanted(change)
    step = work.resume
    if step is None:
        detail = {"attributes": wanted, "api_version": API_VERSION, kind.REPLACES: replaces}
        step = run.intend(change.address, CREATE_STEP, detail)
    else:
        run.beat()
    with _Closing(run, step):
        endpoint, secret = writer.create_endpoint(
            url=wanted["url"],
            enabled_events=tuple(wanted["enabled_events"]),
            description=wanted["description"],
            metadata={**wanted["metadata"], kind.STATE_KEY: work.lineage},
            connect=False,
            api_version=API_VERSION,
            idempotency_key=step.idempotency_key,
        )
        recorded = {**wanted, "status": endpoint.status.value}
        if replaces is not None:
            recorded[kind.REPLACES] = replaces
        run.done(
            step,
            resource=run.record(Kind.WEBHOOK_ENDPOINT, change.address, recorded, remote_id=endpoint.id),
            secret_name=kind.secret_name(change.name, endpoint.id),
            secret=secret,
            integration_id=change.name,
        )
    if wanted["status"] != endpoint.status.value:  # Stripe makes every endpoint enabled
        disabled = wanted["status"] == EndpointStatus.DISABLED.value
        recorded = {**recorded, "status": wanted["status"]}
        _update(run, writer, change, endpoint.id, EndpointChanges(disabled=disabled), recorded)
    return endpoint.id, recorded


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
    recorded: dict[str, Any] | None = None,
) -> None:
    step = run.intend(change.address, Action.UPDATE.value, {"remote_id": endpoint_id})
    with _Closing(run, step):
        if writer.update_endpoint(endpoint_id, changes, idempotency_key=step.idempotency_key) is None:
            raise stale(f"{change.address}: {endpoint_id} was deleted at Stripe meanwhile")
        attributes = recorded or _wanted(change)
        run.done(step, resource=run.record(Kind.WEBHOOK_ENDPOINT, change.address, attributes, remote_id=endpoint_id))


def _delete_replaced(run: Run, writer: AccountWriter, change: Change, new_id: str, recorded: dict[str, Any]) -> None:
    """The old endpoint of a replacement; the record then no longer names it."""
    old = change.remote_id
    if old is None or old == new_id:
        raise BrokenInvariant(f"{change.address}: a replacement has an old endpoint and a new one")
    attributes = {name: value for name, value in recorded.items() if name != kind.REPLACES}
    step = run.intend(change.address, Action.DELETE.value, {"remote_id": old})
    with _Closing(run, step):
        writer.delete_endpoint(old)
        run.done(
            step,
            resource=run.record(Kind.WEBHOOK_ENDPOINT, change.address, attributes, remote_id=new_id),
            secret_name=kind.secret_name(change.name, old),
            integration_id=change.name,
        )


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
        resource = None
        if change.deposed is not None and current is not None:
            attributes = {n: v for n, v in current.attributes.items() if n != kind.REPLACES or v != remote_id}
            resource = run.record(Kind.WEBHOOK_ENDPOINT, change.address, attributes, remote_id=current.remote_id)
        run.done(
            step,
            resource=resource,
            forget=change.deposed is None,
            secret_name=kind.secret_name(change.name, remote_id),
            integration_id=change.name,
        )


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
        maybe_made = isinstance(error, TryLater) and error.code == UNKNOWN_OUTCOME
        if isinstance(error, FlexpayError) and not isinstance(error, BrokenInvariant) and not maybe_made:
            self._run.failed(self._step, error.message)
