"""Rows of the control plane to values and back. Knows no query and opens no secret."""

from __future__ import annotations

from typing import Any

import orjson

from flexpay_reconcile.adapters.sqlite_store.bodies import ms, parse
from flexpay_reconcile.adapters.sqlite_store.session import Row
from flexpay_reconcile.ports.control_state import AppliedResource, Lock
from flexpay_reconcile.values.instant import Instant


def resource_of(row: Row) -> AppliedResource:
    """The applied resource of a row."""
    return AppliedResource(
        address=row[0],
        kind=row[1],
        attributes=parse(row[2]),
        remote_id=row[3],
        revision=row[4],
        applied_at=Instant(row[5]),
    )


def resource_row(resource: AppliedResource) -> dict[str, Any]:
    """The row of an applied resource."""
    return {
        "address": resource.address,
        "kind": resource.kind,
        "attributes": orjson.dumps(resource.attributes).decode(),
        "remote_id": resource.remote_id,
        "revision": resource.revision,
        "applied_at": ms(resource.applied_at),
    }


def lock_of(row: Row | None) -> Lock | None:
    """The lock of a row, if there is one."""
    if row is None:
        return None
    return Lock(
        owner=row[0], host=row[1], pid=row[2], nonce=row[3], acquired_at=Instant(row[4]), expires_at=Instant(row[5])
    )


def lock_row(lock: Lock) -> dict[str, Any]:
    """The row of a lock."""
    return {
        "owner": lock.owner,
        "host": lock.host,
        "pid": lock.pid,
        "nonce": lock.nonce,
        "acquired_at": lock.acquired_at.ms,
        "expires_at": lock.expires_at.ms,
    }
