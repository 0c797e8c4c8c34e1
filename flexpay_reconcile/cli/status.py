"""`flexpay status`: what is applied and how the cases stand. Reads the state only; asks Stripe nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flexpay_reconcile.cli import options, output
from flexpay_reconcile.cli.lock import document_of, line_of

if TYPE_CHECKING:
    from flexpay_reconcile import bootstrap
    from flexpay_reconcile.ports.store import UnitOfWork
    from flexpay_reconcile.recovery.take_over import TakeOver
    from flexpay_reconcile.values.instant import Instant


@click.command("status")
@options.state
@options.output_format("text", "json")
def command(state_path: str, format_: str) -> int:
    """What is applied: revision, endpoints, cases."""
    from flexpay_reconcile import bootstrap

    parts = bootstrap.open_control(state_path, None, create=False)  # no simulator is asked either: it may be gone
    try:
        document = _document(parts)
    finally:
        parts.close()
    if format_ == "json":
        output.result_json(document)
    else:
        output.result("\n".join(_lines(document)))
    return 0


def _document(parts: bootstrap.ControlParts) -> dict[str, Any]:
    from flexpay_reconcile.operations import watch_drift
    from flexpay_reconcile.operations.take_over import record_of
    from flexpay_reconcile.reconcile.guidance import StepStatus, steps_for
    from flexpay_reconcile.values.ids import IntegrationId

    state = parts.state
    latest, identity, now = state.latest(), state.identity(), parts.clock.now()
    with parts.store.reading() as unit:
        counts, events = unit.cases.counts(), unit.inbox.counts()
        heard = {each: _webhooks(unit, each, now) for each in (latest.configuration.integrations if latest else ())}
        drifts = {
            each: watch_drift.found_of(unit, each) for each in (latest.configuration.integrations if latest else ())
        }
        takes = {
            each: record_of(unit, IntegrationId(each)) for each in (latest.configuration.integrations if latest else ())
        }
    integrations: dict[str, Any] = {}
    applied = state.applied()
    for name, integration in latest.configuration.integrations.items() if latest else ():
        endpoint = applied.get(f"webhook_endpoint.{name}")
        integrations[name] = {
            "status": integration.status.value,
            "environment": integration.environment.value,
            "endpoint": endpoint.remote_id if endpoint else None,
            "endpoint_status": endpoint.attributes.get("status") if endpoint else None,
            "signing_secret": bool(state.secrets_for(name)),
            "take_over": _take_over(takes[name]),
            "webhooks": heard[name],
            "manual_steps": [
                {"id": each.id, "title": each.title, "status": each.status.value}
                for each in steps_for(integration, now)
                if each.status is not StepStatus.ATTESTED
            ],
            "drift_policy": integration.drift_policy,
            "drift": drifts[name],
            "cases": {case_state: number for (each, case_state), number in sorted(counts.items()) if each == name},
        }
    return {
        "lineage": identity.lineage,
        "serial": identity.serial,
        "revision": latest.revision if latest else None,
        "applied_at": latest.applied_at.text() if latest else None,
        "applied_by": latest.applied_by if latest else None,
        "integrations": integrations,
        "unfinished_steps": [f"{each.address} {each.action}" for each in state.unfinished_steps()],
        "events": events,
        "lock": document_of(parts),
    }


def _webhooks(unit: UnitOfWork, name: str, now: Instant) -> dict[str, Any]:
    from flexpay_reconcile.operations import signing_secret, suspicion
    from flexpay_reconcile.values.ids import IntegrationId

    newest = unit.inbox.newest(IntegrationId(name))
    wrong = signing_secret.refused_at(unit, IntegrationId(name))
    return {
        "last_event_at": newest.received_at.text() if newest else None,
        "suspect": suspicion.is_suspect(unit, IntegrationId(name), now),
        "wrong_secret_at": wrong.text() if wrong else None,
    }


def _take_over(record: TakeOver | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {
        "ordered_at": record.ordered_at.text(),
        "invoices": record.total,
        "looked_at": record.looked,
        "cases": record.opened,
        "finished_at": record.finished_at.text() if record.finished_at else None,
    }


def _lines(document: dict[str, Any]) -> list[str]:
    if document["revision"] is None:
        lines = ["nothing is applied yet: flexpay plan, then flexpay apply"]
    else:
        when = f"applied {document['applied_at']} by {document['applied_by']}"
        lines = [f"configuration revision {document['revision']}, {when}"]
    for name, each in document["integrations"].items():
        endpoint = f"{each['endpoint']} ({each['endpoint_status']})" if each["endpoint"] else "none of ours"
        lines.append(f"{name}: {each['status']}, {each['environment']}, webhook endpoint {endpoint}")
        webhooks = each["webhooks"]
        heard = f"last event {webhooks['last_event_at']}" if webhooks["last_event_at"] else "no event yet"
        lines.append(
            f"  webhooks: {heard}" + ("; suspect: sweeps come every ten minutes" if webhooks["suspect"] else "")
        )
        if wrong := webhooks["wrong_secret_at"]:
            lines.append(f"  wrong signing secret: what came at {wrong} was refused (flexpay doctor tells what to do)")
        if steps := [step for step in each["manual_steps"] if step["status"] in ("outstanding", "expired")]:
            lines.append(f"  by hand: {'; '.join(step['title'] for step in steps)} (flexpay plan shows how)")
        lines += [f"  {line}" for line in _drift_lines(each["drift"])]
        if take := each["take_over"]:
            how = f"finished {take['finished_at']}" if take["finished_at"] else "in progress"
            lines.append(f"  take-over: {how}, {take['looked_at']}/{take['invoices']} invoices, {take['cases']} cases")
        cases = ", ".join(f"{number} {state}" for state, number in each["cases"].items())
        lines.append(f"  cases: {cases or 'none'}")
    for step in document["unfinished_steps"]:
        lines.append(f"unfinished: {step}; the next apply goes on from there")
    if dead := document["events"].get("dead"):
        lines.append(f"events that failed too often and wait for a person: {dead}")
    if document["lock"]:
        lines.append(line_of(document["lock"]))
    return lines


def _drift_lines(found: dict[str, Any] | None) -> list[str]:
    """What the daemon last saw of the endpoint."""
    if found is None:
        return ["drift: the daemon has not looked yet"]
    lines = (
        [f"drift since {found['since']}: " + "; ".join(_moved(each) for each in found["drift"])]
        if found["drift"]
        else []
    )
    if found["unseen"]:
        lines.append(f"drift: could not be seen: {output.printable(found['unseen'])}")
    if found["repaired_at"]:
        lines.append(f"drift: last repaired {found['repaired_at']}")
    return lines or [f"drift: none, looked at {found['looked_at']}"]


def _moved(drift: dict[str, Any]) -> str:
    fields = ", ".join(sorted({each["path"] for each in drift["fields"]}))
    return f"{drift['address']} {drift['event'].replace('_', ' ')}" + (f" ({fields})" if fields else "")
