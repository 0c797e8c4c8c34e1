"""One bounded turn over the inbox: events to signals, objects read again once a turn, cases brought into line.

An event whose handler failed is tried again and never marked done; one that always fails is set aside for a person
and blocks nobody (invariant D4).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import assert_never

from flexpay_reconcile.billing.signal import (
    ChargeSeen,
    EventFacts,
    InvoiceChanged,
    NotForUs,
    PaymentMethodChanged,
    RefundSeen,
    Signal,
    SubscriptionChanged,
)
from flexpay_reconcile.config.integration import Integration
from flexpay_reconcile.errors import FlexpayError, OperatorError, TryLater
from flexpay_reconcile.operations import follow_invoice, follow_subscription, record_money
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.store import InboxEvent, InboxState
from flexpay_reconcile.recovery.attempt import KEY_PREFIX, is_ours
from flexpay_reconcile.values.ids import IntegrationId, InvoiceId
from flexpay_reconcile.values.instant import Span

MAX_TRIES = 10
_BACKOFF_MINUTES = (1, 2, 5, 10, 30, 60)
_CARD_UPDATES = frozenset({"payment_method.updated", "payment_method.automatically_updated"})


@dataclass(slots=True)
class Turn:
    """What one turn has already read again, so that no object is read twice."""

    seen: set[tuple[IntegrationId, str]] = field(default_factory=set)
    processed: int = 0


def process_inbox(context: Context, *, limit: int = 200) -> int:
    """Work through up to `limit` pending events; returns how many were processed."""
    running = context.running()
    if running is None:
        return 0
    with context.store.reading() as view:
        events = view.inbox.pending(context.clock.now(), limit)
    turn = Turn()
    for event in events:
        _one(context, running, event, turn)
    return turn.processed


def _one(context: Context, running: AppliedConfiguration, event: InboxEvent, turn: Turn) -> None:
    integration = running.configuration.integrations.get(event.integration_id)
    try:
        if integration is None:
            raise OperatorError("the integration is no longer configured", code="E-integration-unknown")
        account = running.configuration.company_of(integration).stripe_account
        word = _act(context, running, integration, context.events.signal(event.body, account), turn)
    except (FlexpayError, ValueError) as problem:
        _failed(context, event, problem)
        return
    turn.processed += 1
    LOG.debug("event processed", extra={"event": event.event_id, "type": event.type, "came_to": word})
    with context.store.begin() as unit:
        unit.inbox.mark(replace(event, state=InboxState.DONE, tries=event.tries + 1, next_try_at=None, error=""))


def _failed(context: Context, event: InboxEvent, problem: Exception) -> None:
    """Try again later; after too many faults of the event itself, set it aside. Outages never use up tries."""
    outage = isinstance(problem, (TryLater, OperatorError))
    tries = event.tries + 1
    dead = not outage and tries >= MAX_TRIES
    minutes = _BACKOFF_MINUTES[min(tries, len(_BACKOFF_MINUTES)) - 1]
    level = LOG.error if dead else LOG.warning
    level("event not processed", extra={"event": event.event_id, "type": event.type, "because": str(problem), "dead": dead})
    state = InboxState.DEAD if dead else InboxState.PENDING
    next_try = None if dead else context.clock.now().plus(Span.of(minutes=minutes))
    with context.store.begin() as unit:
        unit.inbox.mark(replace(event, state=state, tries=tries, next_try_at=next_try, error=str(problem)[:500]))


def _act(
    context: Context, running: AppliedConfiguration, integration: Integration, signal: Signal, turn: Turn
) -> str:
    """One signal. A new kind of signal must be given a place here: the type checker insists."""
    if signal.event.livemode != integration.environment.livemode:
        return "wrong_mode"
    match signal:
        case InvoiceChanged():
            if is_ours(signal.event.idempotency_key):
                return _wake_our_attempt(context, signal.event)
            if not _first(turn, integration, signal.invoice):
                return "read_this_turn"
            return follow_invoice.follow_invoice(context, running, integration, signal.invoice, signal.event)
        case SubscriptionChanged():
            if not _first(turn, integration, signal.subscription):
                return "read_this_turn"
            return follow_subscription.follow_subscription(context, running, integration, signal.subscription)
        case PaymentMethodChanged():
            updated = signal.event.type in _CARD_UPDATES
            if not _first(turn, integration, f"{signal.customer}:{updated}"):
                return "read_this_turn"
            return follow_subscription.follow_customer(
                context, running, integration, signal.customer, card_updated=updated
            )
        case ChargeSeen():
            invoice = _invoice_of_key(signal.event.idempotency_key)
            with context.store.begin() as unit:
                record_money.record_charges(unit, integration.id, [signal.charge], invoice=invoice)
            return "recorded"
        case RefundSeen():
            with context.store.begin() as unit:
                record_money.record_refund(unit, integration.id, signal)
            return "recorded"
        case NotForUs():
            return signal.because
        case _:
            assert_never(signal)


def _first(turn: Turn, integration: Integration, what: str) -> bool:
    key = (integration.id, what)
    if key in turn.seen:
        return False
    turn.seen.add(key)
    return True


def _wake_our_attempt(context: Context, event: EventFacts) -> str:
    """An event our own call caused: recorded by that call already, unless its answer was lost: then ask now."""
    parts = _parts_of_key(event.idempotency_key)
    if parts is None:
        return "our_own_call"
    account, invoice, number = parts
    now = context.clock.now()
    with context.store.begin() as unit:
        attempt = unit.attempts.get(event.account, InvoiceId(invoice), number)
        if attempt is None or account != event.account or attempt.check_at is None or attempt.check_at <= now:
            return "our_own_call"
        unit.attempts.save(replace(attempt, check_at=now))
    return "resolver_woken"


def _parts_of_key(key: str | None) -> tuple[str, str, int] | None:
    """Account, invoice and number of `fp1:{account}:{invoice}:{n}`; None for any other key."""
    if key is None or not key.startswith(KEY_PREFIX):
        return None
    parts = key.removeprefix(KEY_PREFIX).split(":")
    if len(parts) != 3 or not parts[2].isdecimal():  # noqa: PLR2004 - account, invoice, number
        return None
    return parts[0], parts[1], int(parts[2])


def _invoice_of_key(key: str | None) -> InvoiceId | None:
    parts = _parts_of_key(key)
    return InvoiceId(parts[1]) if parts else None
