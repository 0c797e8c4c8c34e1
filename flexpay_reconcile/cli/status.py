"""`flexpay status`: what is applied and how the cases stand. Reads the state only; asks Stripe nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from flexpay_reconcile.cli import options, output

if TYPE_CHECKING:
    from flexpay_reconcile import bootstrap


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
    state = parts.state
    latest, identity, lock = state.latest(), state.identity(), state.lock()
    with parts.store.reading() as unit:
        counts = unit.cases.counts()
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
        "lock": {
            "owner": lock.owner,
            "host": lock.host,
            "pid": lock.pid,
            "nonce": lock.nonce,
            "expires_at": lock.expires_at.text(),
        }
        if lock
        else None,
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
        cases = ", ".join(f"{number} {state}" for state, number in each["cases"].items())
        lines.append(f"  cases: {cases or 'none'}")
    for step in document["unfinished_steps"]:
        lines.append(f"unfinished: {step}; the next apply goes on from there")
    if lock := document["lock"]:
        who = f"{lock['owner']} on {lock['host']} (pid {lock['pid']})"
        lines.append(f"lock: {who}, until {lock['expires_at']}, nonce {lock['nonce']}")
    return lines
