"""One bounded turn over the inbox: events to signals, objects read again once a turn, cases brought into line.

An event whose handler failed is tried again and never marked done; one that always fails is set aside for a person
and blocks nobody (invariant D4).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import assert_never

from flexpay_reconcile.billing.signal import (
    AccountLeft,
    ChargeSeen,
    EventFacts,
    InvoiceChanged,
    NotForUs,
    PaymentMethodChanged,
    RefundSeen,
    Signal,
    SubscriptionChanged,
)
from flexpay_reconcile.config.integration import Integration, ListenTo
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.operations import (
    connected,
    follow_accounts,
    follow_invoice,
    follow_subscription,
    record_money,
    suspicion,
)
from flexpay_reconcile.operations.context import LOG, Context
from flexpay_reconcile.ports.configurations import AppliedConfiguration
from flexpay_reconcile.ports.rows import InboxEvent, InboxState
from flexpay_reconcile.ports.store import UnitOfWork
from flexpay_reconcile.recovery.attempt import KEY_PREFIX, is_ours
from flexpay_reconcile.values import card_number
from flexpay_reconcile.values.ids import IntegrationId, InvoiceId
from flexpay_reconcile.values.instant import Span

MAX_TRIES = 10
_BACKOFF_MINUTES = (1, 2, 5, 10, 30, 60)
_ABOUT_MONEY = ("charge.", "refund.")
_CARD_UPDATES = frozenset({"payment_method.updated", "payment_method.automatically_updated"})


@dataclass(slots=True)
class Turn:
    """What one turn has already read again, so that no object is read twice."""

    seen: set[tuple[IntegrationId, str]] = field(default_factory=set)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Understood:
    """A stored event, whose it is, and what it says."""

    event: InboxEvent
    integration: Integration
    signal: Signal


def process_inbox(context: Context, *, limit: int = 200) -> int:
    """Work through up to `limit` pending events; returns how many were processed.

    Facts are written for all of them in one unit of work; objects are read one by one. A crash before the last commit
    processes events again, which changes nothing: every handler is idempotent.
    """
    running = context.running()
    if running is None:
        return 0
    with context.store.reading() as view:
        events = view.inbox.pending(context.clock.now(), limit)
    understood = [each for event in events if (each := _understand(context, running, event)) is not None]
    facts = [each for each in understood if isinstance(each.signal, ChargeSeen | RefundSeen | NotForUs)]
    done = len(facts)
    if facts and not _record_all(context, facts):
        done = sum(_record_all(context, [each]) for each in facts)
    turn = Turn()
    followed = [each.event for each in understood if each not in facts and _follow(context, running, each, turn)]
    if followed:
        with context.store.begin() as unit:
            for event in followed:
                unit.inbox.mark(_done(event))
    return done + len(followed)


def _understand(context: Context, running: AppliedConfiguration, event: InboxEvent) -> _Understood | None:
    """The event's integration and signal; None (and tried again later) when it cannot be understood."""
    try:
        integration = running.configuration.integrations.get(event.integration_id)
        if integration is None:
            raise OperatorError("the integration is no longer configured", code="E-integration-unknown")
        account = running.configuration.company_of(integration).stripe_account
        signal = context.events.signal(event.body, account)
        if not connected.claim(context, running, integration, signal.event.account):
            signal = NotForUs(event=signal.event, because="another integration acts for this account, or none does")
        return _Understood(event=event, integration=integration, signal=signal)
    except Exception as problem:  # noqa: BLE001 - one odd event must not hold up the others
        _failed(context, event, problem)
        return None


def _record_all(context: Context, facts: list[_Understood]) -> bool:
    """Write facts and marks together; False when that failed, and then a single one of them is tried again later."""
    try:
        with context.store.begin() as unit:
            for each in facts:
                _record(unit, each)
                unit.inbox.mark(_done(each.event))
    except Exception as problem:  # noqa: BLE001 - one odd event must not hold up the others
        if len(facts) == 1:
            _failed(context, facts[0].event, problem)
        return False
    return True


def _record(unit: UnitOfWork, understood: _Understood) -> None:
    """Money that moved: into the card ledger and the transactions. Of another mode: nothing (A16)."""
    signal, integration = understood.signal, understood.integration
    if signal.event.livemode != integration.environment.livemode:
        return
    if isinstance(signal, ChargeSeen):
        invoice = _invoice_of_key(signal.event.idempotency_key)
        record_money.record_charges(unit, integration.id, [signal.charge], invoice=invoice)
    elif isinstance(signal, RefundSeen):
        record_money.record_refund(unit, integration.id, signal)


def _follow(context: Context, running: AppliedConfiguration, understood: _Understood, turn: Turn) -> bool:
    """Read the object again and bring its cases into line; False when it has to be tried again."""
    try:
        word = _act(context, running, understood.integration, understood.signal, turn)
    except Exception as problem:  # noqa: BLE001 - one odd event must not hold up the others
        _failed(context, understood.event, problem)
        return False
    LOG.debug("event processed", extra={"event": understood.event.event_id, "came_to": word})
    return True


def _done(event: InboxEvent) -> InboxEvent:
    return replace(event, state=InboxState.DONE, tries=event.tries + 1, next_try_at=None, error="")


def _failed(context: Context, event: InboxEvent, problem: Exception) -> None:
    """Try again later; after too many faults of the event itself, set it aside. Outages never use up tries."""
    outage = isinstance(problem, (TryLater, OperatorError)) and getattr(problem, "code", "") != "E-stripe-answer"
    tries = event.tries + 1
    dead = not outage and tries >= MAX_TRIES
    minutes = _BACKOFF_MINUTES[min(tries, len(_BACKOFF_MINUTES)) - 1]
    level = LOG.error if dead else LOG.warning
    level(
        "event not processed",
        extra={"event": event.event_id, "type": event.type, "because": str(problem), "dead": dead},
    )
    state = InboxState.DEAD if dead else InboxState.PENDING
    next_try = None if dead else context.clock.now().plus(Span.of(minutes=minutes))
    words = card_number.masked(str(problem))[:500]
    with context.store.begin() as unit:
        unit.inbox.mark(replace(event, state=state, tries=tries, next_try_at=next_try, error=words))
        if not outage and event.type.startswith(_ABOUT_MONEY):
            _ask_the_lists(context, unit, event)


def _ask_the_lists(context: Context, unit: UnitOfWork, event: InboxEvent) -> None:
    """What an odd event says of a charge or a refund is read in Stripe's lists instead: ceilings count it."""
    running = context.running()
    integration = running and running.configuration.integrations.get(event.integration_id)
    if running is not None and integration:
        accounts = [account for account, _ in connected.accounts_of(unit, running, integration)]
        suspicion.not_understood(unit, integration.id, accounts, event.created)


def _act(context: Context, running: AppliedConfiguration, integration: Integration, signal: Signal, turn: Turn) -> str:
    """One signal. A new kind of signal must be given a place here: the type checker insists."""
    if signal.event.livemode != integration.environment.livemode:
        return "wrong_mode"
    account = signal.event.account
    if integration.webhook.listen_to is ListenTo.CONNECTED_ACCOUNTS:
        follow_accounts.hear(context, integration.id, account, signal.event.created)
    match signal:
        case InvoiceChanged():
            if is_ours(signal.event.idempotency_key):
                return _wake_our_attempt(context, signal.event)
            if not _first(turn, integration, signal.invoice):
                return "read_this_turn"
            return follow_invoice.follow_invoice(context, running, integration, account, signal.invoice, signal.event)
        case SubscriptionChanged():
            if not _first(turn, integration, signal.subscription):
                return "read_this_turn"
            return follow_subscription.follow_subscription(context, running, integration, account, signal.subscription)
        case PaymentMethodChanged():
            updated = signal.event.type in _CARD_UPDATES
            if not _first(turn, integration, f"{signal.customer}:{updated}"):
                return "read_this_turn"
            return follow_subscription.follow_customer(
                context, integration, account, signal.customer, card_updated=updated
            )
        case AccountLeft():
            words = "its owner has taken the access back"
            follow_accounts.lose(context, integration.id, account, words, context.clock.now())
            return "account_left"
        case ChargeSeen() | RefundSeen() | NotForUs():
            return "recorded"
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
    if len(parts) != 3 or not parts[2].isdecimal():
        return None
    return parts[0], parts[1], int(parts[2])


def _invoice_of_key(key: str | None) -> InvoiceId | None:
    parts = _parts_of_key(key)
    return InvoiceId(parts[1]) if parts else None
