"""Guards: thresholds that plan and apply ask before anything is done. They count and refuse; they change no plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from flexpay_reconcile.config.configuration import Guards
from flexpay_reconcile.reconcile.change import Action, Change, Reason
from flexpay_reconcile.reconcile.resource import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class GuardResult:
    """One guard's answer: `actual` against `limit`."""

    id: str
    limit: int
    actual: int
    refused: bool
    message: str


def ask(guards: Guards, changes: Iterable[Change], live_cases: Mapping[str, int]) -> Iterator[GuardResult]:
    """Every guard's answer. `live_cases` counts the cases not in a final state, by integration id."""
    all_changes = tuple(changes)
    deletes = sum(1 for c in all_changes if c.kind is Kind.WEBHOOK_ENDPOINT and c.action is Action.DELETE)
    yield GuardResult(
        id="max_webhook_deletes",
        limit=guards.max_webhook_deletes,
        actual=deletes,
        refused=deletes > guards.max_webhook_deletes,
        message=f"{deletes} webhook endpoint(s) to delete; guards.max_webhook_deletes is {guards.max_webhook_deletes}",
    )
    for change in all_changes:
        if change.reason is not Reason.SCOPE:
            continue
        open_cases = live_cases.get(change.name, 0)
        yield GuardResult(
            id="open_cases_of_changed_scope",
            limit=0,
            actual=open_cases,
            refused=open_cases > 0,
            message=f"{change.address} hears other accounts then, and {open_cases} open case(s) of the former would be "
            "left alone; disable it, wait for their end, then change listen_to"
            if open_cases
            else f"{change.address} has no open case of the former scope",
        )
    for change in all_changes:
        if change.kind is not Kind.INTEGRATION or change.action is not Action.DELETE:
            continue
        open_cases = live_cases.get(change.name, 0)
        yield GuardResult(
            id="open_cases_of_removed_integration",
            limit=0,
            actual=open_cases,
            refused=open_cases > 0,
            message=f"{change.address} has {open_cases} open case(s); disable it, wait for their end, then remove it"
            if open_cases
            else f"{change.address} has no open case",
        )
