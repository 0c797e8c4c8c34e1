"""Which charge an attempt made, and who made the others: from events that carry keys, else from card and time.

Reads only what it is given and the store. "Not known yet" is an answer: it waits while events may still come.
"""

from __future__ import annotations

from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.billing.signal import ChargeSeen
from flexpay_reconcile.operations.context import Context
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.attempt import Attempt
from flexpay_reconcile.values.instant import Instant, Span

SURELY_OVER = Span.of(minutes=15)
"""A call that left no trace by now was not executed: the worst call takes 30 s."""
_SLACK = Span.of(minutes=5)
"""Stripe's clock may be this far behind ours: more, and nothing is charged (F3)."""
_MADE_IT = frozenset({"charge.succeeded", "charge.failed", "charge.pending"})
_ANSWERED_AT_ONCE = frozenset({None, "card"})
_PAID = frozenset({"invoice.paid", "charge.succeeded"})


def own_charge(context: Context, unit: UnitOfWork, attempt: Attempt, charges: list[Charge]) -> Charge | None:
    """The charge this attempt made: as Stripe's answer named it, or by the event that carries our key.

    Else by card and time, where nobody else claims it.
    """
    named = next((each for each in charges if each.id == attempt.charge), None)
    if named is not None:
        return named
    for event in unit.inbox.with_key(attempt.idempotency_key):
        try:
            signal = context.events.signal(event.body, attempt.account)
        except ValueError:
            continue
        if isinstance(signal, ChargeSeen):
            return next((each for each in charges if each.id == signal.charge.id), signal.charge)
    since = attempt.first_sent_at or attempt.intent_at
    if since is None:
        return None
    earlier = {
        each.charge
        for each in unit.attempts.of_invoice(attempt.account, attempt.invoice)
        if each.number != attempt.number
    }
    for charge in charges:
        matches = charge.payment_method == attempt.payment_method and charge.created.plus(_SLACK) > since
        if matches and charge.id not in earlier and not _claimed_by_another(unit, attempt, charge):
            return charge
    return None


def _claimed_by_another(unit: UnitOfWork, attempt: Attempt, charge: Charge) -> bool:
    """Whether an event says that another request, or Stripe itself, made this charge.

    A bank's answer to a debit comes days later and names no request: it says nothing of who made the charge (B4).
    """
    events = [each for each in unit.inbox.for_object(charge.id) if each.type in _MADE_IT]
    if charge.payment_method_type not in _ANSWERED_AT_ONCE:
        events = [each for each in events if each.type == "charge.pending" or each.idempotency_key is not None]
    return any(each.idempotency_key != attempt.idempotency_key for each in events)


def too_early(unit: UnitOfWork, attempt: Attempt, now: Instant) -> bool:
    """Paid, but by whom is not known yet: wait for the events while they may still come. Nothing can be charged."""
    sent = attempt.last_sent_at or attempt.intent_at or now
    if any(each.type in _PAID and each.received_at >= sent for each in unit.inbox.for_object(attempt.invoice)):
        return False
    return now.since(sent) < SURELY_OVER
