"""The applied revisions, newest first: when, by whom, and which records each changed. Reads the state only."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.errors import OperatorError
from flexpay_reconcile.ports.configurations import AppliedConfiguration, Configurations
from flexpay_reconcile.ports.control_state import ControlState
from flexpay_reconcile.reconcile.desired import local_records
from flexpay_reconcile.values.instant import Instant


@dataclass(frozen=True, slots=True, kw_only=True)
class Revision:
    """One revision; the three lists hold addresses."""

    revision: int
    applied_at: Instant
    applied_by: str
    digest: str
    added: tuple[str, ...]
    changed: tuple[str, ...]
    removed: tuple[str, ...]


def history(configurations: Configurations, *, limit: int) -> tuple[Revision, ...]:
    """The last `limit` revisions, newest first."""
    latest = configurations.latest()
    if latest is None:
        return ()
    numbers = range(latest.revision, max(0, latest.revision - limit), -1)
    return tuple(_revision(configurations, number) for number in numbers)


def revision_of(configurations: Configurations, number: int) -> AppliedConfiguration:
    """One revision; OperatorError naming those that there are."""
    found = configurations.revision(number)
    if found is not None:
        return found
    latest = configurations.latest()
    there = f"there are 1 to {latest.revision}" if latest else "nothing was applied yet"
    raise OperatorError(f"there is no revision {number}: {there}", code="E-revision", hint="flexpay history lists them")


def _revision(configurations: Configurations, number: int) -> Revision:
    this = revision_of(configurations, number)
    before = configurations.revision(number - 1) if number > 1 else None
    added, changed, removed = _differences(before.configuration if before else None, this.configuration)
    return Revision(
        revision=number,
        applied_at=this.applied_at,
        applied_by=this.applied_by,
        digest=this.manifest_digest,
        added=added,
        changed=changed,
        removed=removed,
    )


def _differences(
    before: Configuration | None, after: Configuration
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    old, new = local_records(before) if before else {}, local_records(after)
    return (
        tuple(each for each in new if each not in old),
        tuple(each for each in new if each in old and new[each].attributes != old[each].attributes),
        tuple(each for each in old if each not in new),
    )


def resources_of(state: ControlState) -> dict[str, dict[str, Any]]:
    """Everything that is applied, by address in level order: `attributes` and `provider_id`; no secret is in it."""
    latest = state.latest()
    records = local_records(latest.configuration) if latest else {}
    found: dict[str, dict[str, Any]] = {
        address: {"attributes": each.attributes, "provider_id": None} for address, each in records.items()
    }
    for address, applied in sorted(state.applied().items()):
        found[address] = {"attributes": applied.attributes, "provider_id": applied.remote_id}
    return found
