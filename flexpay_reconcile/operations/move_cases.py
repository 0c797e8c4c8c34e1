"""Move open cases to a changed policy (`migrate: true`): one unit of work a case, each once. Calls nothing outside.

`recovery.migration` says who moves and what changes. Nothing is decided here: a case that may still be tried is opened
again and decided like any other, through every rule; one whose recovery has ended has its final actions planned anew.
Whatever is decided after the apply is decided under the new terms, whether or not the loop has come by (`decide`).
"""

from __future__ import annotations

from dataclasses import replace

from flexpay_reconcile.errors import BrokenInvariant
from flexpay_reconcile.operations import finishing, plan_next
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery import migration
from flexpay_reconcile.recovery.attempt import BLOCKING_STATES
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.recovery.migration import Move, Terms
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.ids import CaseId, IntegrationId
from flexpay_reconcile.values.instant import Instant, Span

WAITING_AGAIN = Span.of(hours=1)
"""How often cases with an attempt under way are looked at again."""


def next_move(context: Context) -> Instant | None:
    """When the loop has work next; None when every case that moves has moved."""
    running = context.running()
    if running is None:
        return None
    dues = []
    with context.store.reading() as view:
        for integration_id, _ in _moving(running):
            at = _due(view, running, integration_id)
            if at is not None:
                dues.append(at)
    return min(dues, default=None)


def move_due(context: Context, *, limit: int = 200) -> int:
    """One bounded turn; returns how many cases were looked at."""
    running = context.running()
    if running is None:
        return 0
    looked = 0
    for integration_id, new in _moving(running):
        with context.store.reading() as view:
            at = _due(view, running, integration_id)
            if at is None or at > context.clock.now():
                continue
            after = _cursor(view, running, integration_id)
            page = view.cases.begun_before(integration_id, running.revision, after, limit)
        for seen in page:
            _one(context, seen, new)
        looked += len(page)
        _keep(context, running, integration_id, page[-1].id if len(page) == limit else None)
    return looked


def decide(context: Context, unit: UnitOfWork, case: RecoveryCase, now: Instant) -> RecoveryCase:
    """Decide an opened case under its terms, which are the changed ones where it has to move (`plan_next`)."""
    fresh = bring(context, unit, case, now)
    if fresh is not case and not fresh.stripe_retries_stopped:
        return unit.cases.save(replace(fresh, due_at=now))  # first what the new terms ask for at Stripe
    return plan_next.plan_next(unit, fresh, context.policy_of(fresh), context.pinned(fresh.revision), now)


def bring(context: Context, unit: UnitOfWork, case: RecoveryCase, now: Instant) -> RecoveryCase:
    """The case under the terms it has now, told in its journal and not yet saved; itself where nothing changes."""
    found = _move_of(context, unit, case)
    if found is None:
        return case
    _tell(unit, case, found, now)
    return found.case


def move_first(context: Context, unit: UnitOfWork, case: RecoveryCase, now: Instant) -> bool:
    """Move it in this unit of work, if it has to; True: what was planned is planned anew, and nothing is sent now.

    Asked before each call too: the loop has one pass a revision, and a case may be held up until after it.
    """
    found = _move_of(context, unit, case)
    if found is None:
        return False
    _carry_out(context, unit, case, found, now)
    return True


def _move_of(context: Context, unit: UnitOfWork, case: RecoveryCase) -> Move | None:
    running = context.running()
    if running is None or running.revision <= case.revision:
        return None
    new = migration.terms_of(running.configuration, case.integration_id, running.revision)
    old = migration.terms_of(context.pinned(case.revision), case.integration_id, case.revision)
    if new is None or old is None or not new.policy.migrate:
        return None
    attempts = unit.attempts.of_invoice(case.account, case.invoice)
    blocked = any(each.state in BLOCKING_STATES for each in attempts)
    return migration.moved(case, old, new, unit.actions.of_case(case.id), blocked=blocked)


def _one(context: Context, seen: RecoveryCase, new: Terms) -> None:
    now = context.clock.now()
    try:
        with context.store.begin() as unit:
            case = unit.cases.get(seen.id)
            if case is not None:
                move_first(context, unit, case, now)
    except BrokenInvariant as broken:  # one odd case must not stop the others
        facts = {"case": seen.id, "revision": new.revision, "because": broken.message}
        LOG.critical("invariant broken in one case", extra=facts)


def _carry_out(context: Context, unit: UnitOfWork, case: RecoveryCase, found: Move, now: Instant) -> None:
    """What was planned under the old terms is taken back and planned anew, in the unit of work of the move."""
    _tell(unit, case, found, now)
    fresh = found.case
    if found.stays_ended:
        finishing.plan_anew(unit, fresh, context.pinned(fresh.revision), now)
        unit.cases.save(replace(fresh, due_at=now))
        return
    if case.state not in migration.TRIED_ANEW:
        unit.cases.save(fresh)  # parked, or with a person: what comes next is not the policy's
        return
    plan_next.supersede_planned(unit, case, f"its policy has changed (revision {fresh.revision})", now)
    opened = fresh if fresh.state is CaseState.OPENED else move(fresh, CaseState.OPENED)
    unit.cases.save(replace(opened, due_at=now, next_attempt_at=None, next_attempt_number=None))


def _tell(unit: UnitOfWork, case: RecoveryCase, found: Move, now: Instant) -> None:
    text = f"Moved from revision {case.revision} to revision {found.case.revision}: {', '.join(found.what)}"
    facts = {"from": str(case.revision), "to": str(found.case.revision), "window_until": found.case.window_until.text()}
    unit.journal.append(Entry(case_id=case.id, at=now, kind=EntryKind.POLICY_CHANGED, text=text, facts=facts))


def _moving(running: AppliedConfiguration) -> list[tuple[IntegrationId, Terms]]:
    """The integrations whose open cases move, with the terms they move to."""
    found = []
    for integration in running.configuration.integrations.values():
        terms = migration.terms_of(running.configuration, integration.id, running.revision)
        if terms is not None and terms.policy.migrate and terms.enabled:
            found.append((integration.id, terms))
    return found


def _due(view: UnitOfWork, running: AppliedConfiguration, integration_id: IntegrationId) -> Instant | None:
    word, _, rest = _kept(view, running, integration_id).partition(" ")
    if word == "done":
        return None
    return Instant.from_text(rest) if word == "again" else running.applied_at


def _cursor(view: UnitOfWork, running: AppliedConfiguration, integration_id: IntegrationId) -> CaseId | None:
    word, _, rest = _kept(view, running, integration_id).partition(" ")
    return CaseId(rest) if word == "after" else None


def _kept(view: UnitOfWork, running: AppliedConfiguration, integration_id: IntegrationId) -> str:
    """`after <case>`, `again <instant>` or `done`; empty where this revision has not begun."""
    revision, _, rest = (view.marks.get(_name(integration_id)) or "").partition(" ")
    return rest if revision == str(running.revision) else ""


def _keep(context: Context, running: AppliedConfiguration, integration_id: IntegrationId, after: CaseId | None) -> None:
    """Where the pass stands. At its end: again later while a case waits for its attempt's answer, else done."""
    with context.store.begin() as unit:
        if after is not None:
            kept = f"after {after}"
        elif _waiting(unit, running, integration_id):
            kept = f"again {context.clock.now().plus(WAITING_AGAIN).text()}"
        else:
            kept = "done"
        unit.marks.set(_name(integration_id), f"{running.revision} {kept}")


def _waiting(unit: UnitOfWork, running: AppliedConfiguration, integration_id: IntegrationId) -> bool:
    busy = unit.cases.list(integration_id=integration_id, states=[CaseState.ATTEMPTING])
    return any(each.revision < running.revision for each in busy)


def _name(integration_id: IntegrationId) -> str:
    return f"moved:{integration_id}"
