"""Guards: thresholds that plan and apply ask before anything is done. They count and refuse; they change no plan."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from flexpay_reconcile.billing.forecast import Impact
from flexpay_reconcile.config.configuration import Guards
from flexpay_reconcile.errors import ErrorKind, OperatorError
from flexpay_reconcile.reconcile import impact
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
    accepted: str | None = None
    """Why a person let it pass (`--accept-impact`)."""


_NAMED = 20
"""So many cases are named; the rest are counted."""
_RAISE = " (a higher limit counts from the apply after the one that sets it)"


def in_force(wanted: Guards, applied: Guards | None) -> Guards:
    """The limits a plan is held to: the stricter of what the manifest says and of what was applied last.

    So a change cannot lift, in the same apply, the guard that would refuse it: neither by raising a limit nor by
    deleting the section.
    """
    if applied is None:
        return wanted
    return replace(
        wanted,
        max_certain_cancellations=min(wanted.max_certain_cancellations, applied.max_certain_cancellations),
        max_webhook_deletes=min(wanted.max_webhook_deletes, applied.max_webhook_deletes),
    )


def ask(
    guards: Guards,
    changes: Iterable[Change],
    live_cases: Mapping[str, int],
    invoices: Mapping[str, Sequence[str]] | None = None,
) -> Iterator[GuardResult]:
    """Every guard's answer. `live_cases` counts the cases not in a final state, by integration id; `invoices` are
    theirs, where they were asked for.
    """
    all_changes = tuple(changes)
    deletes = sum(1 for c in all_changes if c.kind is Kind.WEBHOOK_ENDPOINT and c.action is Action.DELETE)
    yield GuardResult(
        id="max_webhook_deletes",
        limit=guards.max_webhook_deletes,
        actual=deletes,
        refused=deletes > guards.max_webhook_deletes,
        message=f"{deletes} webhook endpoint(s) to delete; guards.max_webhook_deletes is {guards.max_webhook_deletes}"
        + _RAISE,
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
            f"left alone; disable it, wait for their end, then change listen_to{_which(change.name, invoices)}"
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
            f"{_which(change.name, invoices)}"
            if open_cases
            else f"{change.address} has no open case",
        )


def _which(name: str, invoices: Mapping[str, Sequence[str]] | None) -> str:
    """The invoices of the cases, as far as there is room; nothing where they are not known."""
    found = sorted((invoices or {}).get(name, ()))
    if not found:
        return ""
    more = f" and {len(found) - _NAMED} more" if len(found) > _NAMED else ""
    return f" ({', '.join(found[:_NAMED])}{more})"


CERTAIN = "max_certain_cancellations"
UNSEEN = "impact_unseen"


def ask_impact(guards: Guards, impacts: Iterable[Impact]) -> Iterator[GuardResult]:
    """What is asked of the impact: too many certain cancellations, or one that could not be foretold."""
    found = tuple(impacts)
    number = impact.certain_cancellations(found)
    yield GuardResult(
        id=CERTAIN,
        limit=guards.max_certain_cancellations,
        actual=number,
        refused=number > guards.max_certain_cancellations,
        message=f"{number} subscription(s) would surely be cancelled because of this plan; guards.{CERTAIN} is "
        f"{guards.max_certain_cancellations}; --accept-impact {CERTAIN}=REASON lets it pass and is recorded{_RAISE}",
    )
    for why in impact.unseen(found):
        yield GuardResult(
            id=UNSEEN,
            limit=0,
            actual=1,
            refused=True,
            message=f"what this plan does to money in flight could not be foretold: {why}; "
            f"plan again later, or --accept-impact {UNSEEN}=REASON",
        )


_ACCEPTABLE = frozenset({CERTAIN, UNSEEN})


def accepted(results: Iterable[GuardResult], reasons: Mapping[str, str]) -> Iterator[GuardResult]:
    """The answers, with what a person accepted let pass. OperatorError (USAGE) for a guard that cannot be accepted."""
    for name in sorted(reasons):
        if name not in _ACCEPTABLE:
            raise OperatorError(
                f"there is no guard {name[:60]!r} that --accept-impact could let pass",
                code="E-accept-impact",
                hint=f"one of: {', '.join(sorted(_ACCEPTABLE))}",
                kind=ErrorKind.USAGE,
            )
    for each in results:
        reason = reasons.get(each.id) if each.refused else None
        yield each if reason is None else replace(each, refused=False, accepted=reason)
