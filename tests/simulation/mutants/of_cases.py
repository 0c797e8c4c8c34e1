"""Bugs in finding, following and counting cases: the inbox, the sweeps, the take-over, time."""

from __future__ import annotations

import dataclasses

from flexpay_reconcile.adapters.sqlite_store.inbox import SqliteInbox
from flexpay_reconcile.errors import TryLater
from flexpay_reconcile.operations import (
    backfill_events,
    endings,
    follow_invoice,
    process_inbox,
    receive_event,
    record_outcome,
    take_over,
)
from flexpay_reconcile.recovery import decide, gates
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.values.instant import Span
from tests.simulation.mutants.planting import Patch, mutant


def check_then_insert(patch: Patch) -> None:
    """The inbox asks whether an event is there and inserts it where it forgot."""
    real = SqliteInbox.put

    def put(self, event):
        real(self, dataclasses.replace(event, event_id=f"{event.event_id}:{event.received_at.ms}"))
        return True

    patch.setattr(SqliteInbox, "put", put)


def no_sweep(patch: Patch) -> None:
    """What webhooks do not bring is never found."""
    patch.setattr(backfill_events, "_sweep", lambda *_: 0)


def sweep_moved_too_far(patch: Patch) -> None:
    """A sweep that broke off counts as made, and there is no other for months."""
    real = backfill_events._sweep

    def sweep(*args):
        try:
            return real(*args)
        except Exception:  # noqa: BLE001 - the bug is that nobody hears of it
            return 0

    patch.setattr(backfill_events, "_sweep", sweep)
    patch.setattr(backfill_events, "SWEEP_EVERY", Span.of(days=400))


def event_trusted(patch: Patch) -> None:
    """The event's copy of the invoice is believed: whoever paid, it is told by the type of the event."""
    real = follow_invoice.follow_invoice

    def follow(context, running, integration, account, invoice_id, event=None):
        if event is not None and event.type == "invoice.payment_failed":
            return real(context, running, integration, account, invoice_id, None)
        return "trusted" if event is not None else real(context, running, integration, account, invoice_id, event)

    patch.setattr(follow_invoice, "follow_invoice", follow)
    patch.setattr(backfill_events, "_sweep", lambda *_: 0)


def paid_by_event(patch: Patch) -> None:
    """That an invoice is paid, void or written off is taken from the event."""
    real = follow_invoice.follow_invoice

    def follow(context, running, integration, account, invoice_id, event=None):
        if event is None or event.type not in _ENDS:
            return real(context, running, integration, account, invoice_id, event)
        with context.store.begin() as unit:
            case = unit.cases.live_for_invoice(account, invoice_id)
            if case is None or follow_invoice._wake_blocking(unit, case, context.clock.now()):
                return "known"
            if event.type == "invoice.paid":
                endings.recovered_elsewhere(unit, case, "an event says so", context.clock.now())
            else:
                endings.closed(unit, case, _ENDS[event.type], "an event says so", context.clock.now())
        return "believed"

    patch.setattr(follow_invoice, "follow_invoice", follow)


_ENDS = {
    "invoice.paid": "",
    "invoice.voided": "voided",
    "invoice.marked_uncollectible": "uncollectible_by_other",
}


def answered_before_stored(patch: Patch) -> None:
    """A delivery is thanked for whether or not it could be stored."""
    real = receive_event.receive_event

    def receive(*args, **rest):
        try:
            return real(*args, **rest)
        except TryLater:
            return receive_event.Received.STORED

    patch.setattr(receive_event, "receive_event", receive)


def poison_blocks(patch: Patch) -> None:
    """An event that cannot be understood holds up all that come after it."""
    real = process_inbox._understand

    def understand(context, running, event):
        found = real(context, running, event)
        if found is None:
            raise TryLater("cannot go on", code="E-stripe-answer")
        return found

    patch.setattr(process_inbox, "_understand", understand)
    patch.setattr(process_inbox, "_failed", lambda *_: None)
    patch.setattr(backfill_events, "_sweep", lambda *_: 0)


def mode_ignored(patch: Patch) -> None:
    """Events of another mode or account are taken in."""
    real = receive_event.receive_event

    def receive(*args, events, **rest):
        class Blind:
            """Sees every event as our own."""

            def envelope(self, body):
                """The envelope, made ours."""
                return dataclasses.replace(events.envelope(body), livemode=False, account=None)

            def __getattr__(self, name):
                return getattr(events, name)

        return real(*args, events=Blind(), **rest)

    patch.setattr(receive_event, "receive_event", receive)


def every_delivery_opens(patch: Patch) -> None:
    """An ended case is opened again by whatever comes late."""
    real = follow_invoice._for_the_books

    def books(context, last, invoice):
        if last.state in (CaseState.CLOSED, CaseState.EXHAUSTED, CaseState.HARD_DECLINED):
            with context.store.begin() as unit:
                fresh = unit.cases.get(last.id)
                if fresh is not None:
                    unit.cases.save(dataclasses.replace(fresh, state=CaseState.OPENED, due_at=context.clock.now()))
            return "opened again"
        return real(context, last, invoice)

    patch.setattr(follow_invoice, "_for_the_books", books)


def no_take_over(patch: Patch) -> None:
    """What had failed before is never taken over."""
    patch.setattr(take_over, "take_over_due", lambda *_: 0)
    patch.setattr(backfill_events, "began", lambda context, running, integration: context.clock.now())


def attempts_without_end(patch: Patch) -> None:
    """The number of attempts that the policy gives is forgotten."""
    patch.setattr(decide, "may_attempt", lambda case, policy: True)
    real = decide.decide

    def decided(case, history, policy, aim, now):
        soon = decide.Aim(at=now.plus(Span.of(hours=13)), model="even/1", words="again and again")
        over = case.attempts_used >= decide.allowed_attempts(policy)
        longer = dataclasses.replace(case, window_until=case.window_until.plus(Span.of(days=20)))
        return real(longer, history, policy, soon, now) if over else real(case, history, policy, aim, now)

    patch.setattr(decide, "decide", decided)
    patch.setattr(gates, "ask", lambda facts: next((each for each in gates._all(facts) if each.gate != "window"), None))


def amounts_miscounted(patch: Patch) -> None:
    """The books say what was asked for, not what was taken."""
    real = record_outcome.approved

    def approved(unit, case, attempt, outcome, now, *, charge=None, how=""):
        wrong = None if charge is None else dataclasses.replace(charge, amount=attempt.amount)
        return real(unit, case, attempt, outcome, now, charge=wrong, how=how)

    patch.setattr(record_outcome, "approved", approved)


def parked_for_ever(patch: Patch) -> None:
    """A case that was parked is never looked at again."""
    patch.setattr("flexpay_reconcile.operations.schedule_retries._cause_gone", lambda *_: False)


MUTANTS = (
    mutant("check, then insert, in the inbox", check_then_insert, "D3"),
    mutant("nobody sweeps", no_sweep, "D6 C1 B4"),
    mutant("only the first sweep is made, however it went", sweep_moved_too_far, "D6 C1 B4 D10"),
    mutant("events are believed without a read", event_trusted, "B4 C1 D6"),
    mutant("an event is believed that an invoice is over", paid_by_event, "D5"),
    mutant("thanked for before it is stored", answered_before_stored, "D2"),
    mutant("a poison event blocks the others", poison_blocks, "C1 D6 D4 B4"),
    mutant("events of another mode are taken in", mode_ignored, "A16"),
    mutant("late events open ended cases", every_delivery_opens, "C7"),
    mutant("what had failed before is never taken over", no_take_over, "D6"),
    mutant("attempts without end", attempts_without_end, "C1 A10"),
    mutant("the books say what was asked, not what was taken", amounts_miscounted, "G1"),
    mutant("parked for ever", parked_for_ever, "C1"),
)
