"""Bugs in learning what a call came to: unknown taken for failed, keys used too long, results half written."""

from __future__ import annotations

import dataclasses

from flexpay_reconcile.adapters.stripe_api import outcomes
from flexpay_reconcile.adapters.stripe_api.events import StripeEvents
from flexpay_reconcile.billing.charge import ChargeStatus, RefusalFacts
from flexpay_reconcile.operations import (
    attribution,
    endings,
    plan_next,
    process_inbox,
    record_outcome,
    resolve_attempt,
    sweep_history,
)
from flexpay_reconcile.recovery import gates, migration, other_payment
from flexpay_reconcile.recovery.attempt import AttemptState
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.outcome import Declined, Unresolved
from flexpay_reconcile.recovery.transitions import move
from flexpay_reconcile.values.instant import Span
from tests.simulation.mutants.planting import Patch, mutant


def unknown_is_failed(patch: Patch) -> None:
    """A call without an answer counts as one that was never made, and the next one has a key of its own."""

    def unresolved(unit, case, attempt, outcome, now):
        ended = dataclasses.replace(attempt, state=AttemptState.NOT_SUBMITTED, finished_at=now, check_at=None)
        unit.attempts.save(ended)
        opened = move(case, CaseState.OPENED, due_at=now, next_attempt_at=None, next_attempt_number=None)
        unit.cases.save(opened)

    patch.setattr(record_outcome, "unresolved", unresolved)


def old_keys_replayed(patch: Patch) -> None:
    """A key is sent again whatever its age."""
    for module in (gates, resolve_attempt):
        patch.setattr(module, "KEY_LIFE", Span.of(days=90))


def server_error_is_decline(patch: Patch) -> None:
    """A 500 counts as a refusal."""
    real = outcomes._failed

    def failed(fault, alias):
        found = real(fault, alias)
        if isinstance(found, Unresolved) and fault.status is not None and fault.status >= 500:
            refusal = RefusalFacts(decline_code="generic_decline")
            return Declined(refusal=refusal, charge=None, request_id=fault.request_id, key_alias=alias)
        return found

    patch.setattr(outcomes, "_failed", failed)


def no_successor(patch: Patch) -> None:
    """A decline is written down, and what follows from it is not."""
    real = record_outcome.declined

    def declined(context, unit, case, attempt, outcome, charge, now):
        if case.attempts_used:
            unit.attempts.save(dataclasses.replace(attempt, state=AttemptState.DECLINED, check_at=None))
        else:
            real(context, unit, case, attempt, outcome, charge, now)

    patch.setattr(record_outcome, "declined", declined)


def given_up_by_age(patch: Patch) -> None:
    """What is unresolved is let go after a while without asking anybody."""

    def resolve(context, chargers, attempt):
        now = context.clock.now()
        with context.store.begin() as unit:
            fresh = resolve_attempt._still_open(unit, attempt)
            if fresh is None:
                return 1
            stored, case = fresh
            resolve_attempt._not_executed(unit, case, stored, "too old", now)
            opened = move(case, CaseState.OPENED, due_at=now, next_attempt_at=None, next_attempt_number=None)
            unit.cases.save(dataclasses.replace(opened, last_attempt_at=now))
        return 1

    patch.setattr(resolve_attempt, "_resolve", resolve)


def never_resolved(patch: Patch) -> None:
    """Nobody asks what became of a call without an answer; the question is put off by a day, and again."""

    def resolve_due(context, chargers, *, limit=50):
        now = context.clock.now()
        with context.store.begin() as unit:
            for attempt in unit.attempts.to_resolve(now, limit):
                unit.attempts.save(dataclasses.replace(attempt, check_at=now.plus(Span.of(days=1))))
        return 0

    patch.setattr(resolve_attempt, "resolve_due", resolve_due)


def replay_without_gates(patch: Patch) -> None:
    """A replay asks no gate."""
    patch.setattr(gates, "ask", lambda facts: None if facts.replay else next(gates._all(facts), None))


def busy_is_decline(patch: Patch) -> None:
    """A key in use, or a lock, counts as a refusal."""
    real = outcomes._failed

    def failed(fault, alias):
        if fault.status == 409 or fault.code == "lock_timeout":
            refusal = RefusalFacts(decline_code="generic_decline")
            return Declined(refusal=refusal, charge=None, request_id=fault.request_id, key_alias=alias)
        return real(fault, alias)

    patch.setattr(outcomes, "_failed", failed)


def pending_forgotten(patch: Patch) -> None:
    """A debit on its way blocks nothing: what is pending counts as never sent."""
    patch.setattr(other_payment, "on_its_way", lambda *_: None)
    real = record_outcome.pending

    def pending(unit, case, attempt, outcome, now):
        real(unit, case, attempt, outcome, now)
        fresh = unit.cases.get(case.id)
        ended = dataclasses.replace(attempt, state=AttemptState.NOT_SUBMITTED, finished_at=now, check_at=None)
        unit.attempts.save(ended)
        opened = move(fresh, CaseState.OPENED, due_at=now, next_attempt_at=None, next_attempt_number=None)
        unit.cases.save(opened)

    patch.setattr(record_outcome, "pending", pending)


def bank_answer_is_foreign(patch: Patch) -> None:
    """Where somebody else paid, our own debit on its way counts as one that was never sent."""
    real = resolve_attempt._settle_by_read

    def settle(context, attempt, invoice, charges):
        return real(context, attempt, invoice, [each for each in charges if each.status is not ChargeStatus.PENDING])

    patch.setattr(resolve_attempt, "_settle_by_read", settle)
    patch.setattr(attribution, "own_charge", _finished(attribution.own_charge))


def _finished(real):
    def own_charge(context, unit, attempt, charges):
        found = real(context, unit, attempt, charges)
        return None if found is not None and found.status is ChargeStatus.PENDING else found

    return own_charge


def foreign_success_is_ours(patch: Patch) -> None:
    """Money that came by another way is counted as recovered by us."""
    real = endings.recovered_elsewhere

    def elsewhere(unit, case, how, now):
        if case.state is CaseState.ATTEMPTING:
            return endings.recovered(unit, case, how, now)
        return real(unit, case, how, now)

    patch.setattr(endings, "recovered_elsewhere", elsewhere)


def any_charge_is_ours(patch: Patch) -> None:
    """The newest charge of the invoice is taken for the attempt's own."""
    patch.setattr(
        attribution,
        "own_charge",
        lambda context, unit, attempt, charges: max(charges, key=lambda each: each.created, default=None),
    )


def event_before_commit(patch: Patch) -> None:
    """An event is marked done before its facts are followed, and what fails then is lost."""
    patch.setattr(process_inbox, "_failed", lambda context, event, problem: _mark(context, event))
    patch.setattr("flexpay_reconcile.operations.backfill_events._sweep", lambda *_: 0)


def _mark(context, event):
    with context.store.begin() as unit:
        unit.inbox.mark(process_inbox._done(event))


def no_history(patch: Patch) -> None:
    """Nobody sweeps charges, refunds and events: what webhooks do not bring is not in the books."""
    patch.setattr(sweep_history.HistorySweep, "turn", lambda self: 0)
    patch.setattr(sweep_history.HistorySweep, "next_due", lambda self: None)


def revision_forgotten(patch: Patch) -> None:
    """Attempts say that they were made under the first revision's predecessor."""
    real = plan_next.Attempt  # type: ignore[attr-defined]
    patch.setattr(plan_next, "Attempt", lambda **given: real(**{**given, "revision": 0}))


def moved_unasked(patch: Patch) -> None:
    """Open cases move to every changed policy, whether or not it says `migrate: true`."""
    real = migration.terms_of

    def terms_of(*args):
        found = real(*args)
        return found and dataclasses.replace(found, policy=dataclasses.replace(found.policy, migrate=True))

    patch.setattr(migration, "terms_of", terms_of)


def stored_whole(patch: Patch) -> None:
    """The body of an event is stored as it came."""
    patch.setattr(StripeEvents, "kept", lambda self, body: body)


MUTANTS = (
    mutant("nobody sweeps the history", no_history, "D10"),
    mutant("events are stored whole", stored_whole, "G2"),
    mutant("an attempt's revision is not stored", revision_forgotten, "E14"),
    mutant("open cases move to a policy that does not say so", moved_unasked, "E14"),
    mutant("unknown is failed", unknown_is_failed, "B1 B4 A12 A3 A8 A11 A10 A9"),
    mutant("a key is replayed after a day", old_keys_replayed, "A5"),
    mutant("a key in use or a lock is a decline", busy_is_decline, "B6"),
    mutant("a debit on its way blocks nothing", pending_forgotten, "A2 A12 B1 B3"),
    mutant("a debit on its way is forgotten where somebody paid", bank_answer_is_foreign, "B1"),
    mutant("a 500 is a decline", server_error_is_decline, "B5 B1 B4 A21 A12 A8 A11 A3 C1"),
    mutant("a result without a successor", no_successor, "B3"),
    mutant("unresolved is let go by age", given_up_by_age, "B1 B4 A12 A3 A8 A9 A10 A11"),
    mutant("nobody resolves what is unresolved", never_resolved, "B2 C1"),
    mutant("a replay asks no gates", replay_without_gates, "A6 A20 A7 A8 A9 A10 A11 A12 A15 A5"),
    mutant("a foreign success counts as ours", foreign_success_is_ours, "B4"),
    mutant("any charge is taken for ours", any_charge_is_ours, "B1 B4 A21 G1 B5"),
    mutant("a failed event is marked done, and nobody sweeps", event_before_commit, "C1 D6 B4"),
)
