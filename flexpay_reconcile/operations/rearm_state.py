"""Make this copy of the state the one that may charge, and every other one a copy that may not (A18).

Database, note, endpoints, in this order: killed in between, this copy may not charge either, and is re-armed again.
"""

from __future__ import annotations

from collections.abc import Callable

from flexpay_reconcile.config.integration import ManagedBy
from flexpay_reconcile.ports.account_writer import AccountWriterFor, EndpointChanges
from flexpay_reconcile.ports.armed_copy import ArmedCopy
from flexpay_reconcile.ports.control_state import ControlState
from flexpay_reconcile.ports.identifiers import Identifiers
from flexpay_reconcile.reconcile.kinds import webhook_endpoint as kind
from flexpay_reconcile.reconcile.resource import Kind


def rearm_state(
    *,
    state: ControlState,
    note: ArmedCopy,
    writers: AccountWriterFor,
    identifiers: Identifiers,
    progress: Callable[[str], None],
) -> int:
    """How many endpoints carry the new id. Raises what the writers raise; then it has to be said again."""
    instance = identifiers.fresh()
    state.rearm(instance)
    note.write(instance)
    progress("this copy of the state has a new id, in the database and beside it")
    latest = state.latest()
    applied = state.applied()
    marked = 0
    for integration in latest.configuration.integrations.values() if latest else ():
        record = applied.get(f"{Kind.WEBHOOK_ENDPOINT.value}.{integration.id}")
        if integration.webhook.managed_by is ManagedBy.MANUAL or record is None or record.remote_id is None:
            continue
        changes = EndpointChanges(metadata={kind.ARMED_KEY: instance})
        key = f"fp1:rearm:{instance}:{integration.id}"
        found = writers(integration).update_endpoint(record.remote_id, changes, idempotency_key=key)
        if found is None:
            progress(f"{integration.id}: its endpoint is gone from Stripe; `flexpay apply` makes a new one")
            continue
        marked += 1
        progress(f"{integration.id}: {record.remote_id} at Stripe carries it")
    return marked
