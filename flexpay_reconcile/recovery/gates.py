"""Every gate between an intent and `pay`, asked on fresh reads for the very card that will be charged.

A closed gate says what follows. The first closed gate in order counts; all are asked in one place, so that a new
attempt and a replay pass the same ones (invariants A6 to A12, A15 to A17, A20).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from flexpay_reconcile.billing.invoice import (
    Customer,
    Invoice,
    InvoicePayment,
    InvoiceStatus,
    Subscription,
    SubscriptionStatus,
    payment_method_for,
)
from flexpay_reconcile.config.configuration import Configuration
from flexpay_reconcile.config.integration import Integration, ListenTo, StopStripeRetries
from flexpay_reconcile.config.policy import RetryPolicy
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery import decide, other_payment, windows
from flexpay_reconcile.recovery.attempt import Attempt
from flexpay_reconcile.recovery.case import RecoveryCase
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.values.instant import Instant, Span

FRESH = Span.of(seconds=60)
KEEP_AWAY = Span.of(minutes=60)
MINUTE = Span.of(minutes=1)
SETTLING = Span.of(hours=6)
"""How often a payment under way is looked at again."""
KEY_LIFE = Span.of(hours=23)
"""How long an idempotency key may be sent again: Stripe may forget it after 24 hours (A5)."""


class Then(StrEnum):
    """What a closed gate leads to."""

    PAID_ELSEWHERE = "paid_elsewhere"
    """The money came by another way."""
    CLOSE = "close"
    """Nothing left to recover; `word` is the closing reason."""
    PARK = "park"
    """Stop until the cause is gone."""
    WAIT = "wait"
    """The same attempt, not before `until`."""
    DECIDE_AGAIN = "decide_again"
    """The facts have changed: supersede the attempt and decide anew."""
    STOP_STRIPE = "stop_stripe"
    """Stripe still advances the invoice: stop that first."""
    ASK_CUSTOMER = "ask_customer"
    """There is no payment method to charge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Closed:
    """One closed gate."""

    gate: str
    then: Then
    because: str
    word: str = ""
    until: Instant | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that the gates look at, read after the intent."""

    case: RecoveryCase
    attempt: Attempt
    invoice: Invoice | None
    subscription: Subscription | None
    customer: Customer | None
    payments: tuple[InvoicePayment, ...]
    history: CardHistory
    policy: RetryPolicy
    integration: Integration
    configuration: Configuration
    now: Instant
    replay: bool = False


def ask(facts: Facts) -> Closed | None:
    """The first closed gate, or None when the charge may be made."""
    return next(_all(facts), None)


def _all(facts: Facts) -> Iterator[Closed]:
    yield from _identity(facts)
    invoice = facts.invoice
    if invoice is None:
        if facts.subscription is None and facts.customer is None:
            yield Closed(gate="exists", then=Then.PARK, because="this key can see nothing of the case any more")
        yield Closed(gate="exists", then=Then.CLOSE, word="gone", because="the invoice is gone")
        return
    yield from _invoice(facts, invoice)
    yield from _subscription(facts)
    yield from _other_engines(facts, invoice)
    under_way = other_payment.on_its_way(invoice, facts.payments)
    if under_way is not None:
        yield Closed(gate="other_payment", then=Then.WAIT, until=facts.now.plus(SETTLING), because=under_way)
    yield from _card(facts, invoice)
    yield from _time(facts)


def _identity(facts: Facts) -> Iterator[Closed]:
    """Livemode, account and the object asked for never mix (A16)."""
    case = facts.case
    asked = ((facts.invoice, case.invoice), (facts.subscription, case.subscription), (facts.customer, case.customer))
    for read, wanted in asked:
        if read is not None and (read.account != case.account or read.livemode != case.livemode):
            yield Closed(gate="identity", then=Then.PARK, because=f"{read.id} belongs to another account or mode")
        if read is not None and read.id != wanted:
            yield Closed(gate="identity", then=Then.PARK, because=f"{read.id} was read where {wanted} was asked for")
    company = facts.configuration.companies.get(facts.integration.company)
    if company is None or not facts.configuration.acts_for(facts.integration, case.account):
        own = facts.integration.webhook.listen_to is ListenTo.ACCOUNT
        words = "the integration's company is another Stripe account now"
        yield Closed(gate="identity", then=Then.PARK, because=words if own else "the integration acts for it no more")
    if facts.integration.environment.livemode != facts.case.livemode:
        yield Closed(gate="identity", then=Then.PARK, because="the integration's environment has changed")
    attempt = facts.attempt
    if (attempt.account, attempt.invoice) != (facts.case.account, facts.case.invoice):
        yield Closed(gate="identity", then=Then.PARK, because="the attempt belongs to another invoice")


def _invoice(facts: Facts, invoice: Invoice) -> Iterator[Closed]:
    """A7: open, automatic, something remaining, freshly read after the intent."""
    match invoice.status:
        case InvoiceStatus.OPEN:
            pass
        case InvoiceStatus.PAID:
            yield Closed(gate="open", then=Then.PAID_ELSEWHERE, because="the invoice is already paid")
        case InvoiceStatus.VOID:
            yield Closed(gate="open", then=Then.CLOSE, word="voided", because="the invoice is void")
        case InvoiceStatus.UNCOLLECTIBLE:
            yield Closed(
                gate="open", then=Then.CLOSE, word="uncollectible_by_other", because="the invoice is written off"
            )
        case _:
            yield Closed(gate="open", then=Then.PARK, because=f"the invoice reads {invoice.status.value}")
    intent_at = facts.attempt.intent_at
    if intent_at is None or invoice.read_at < intent_at or facts.now.since(invoice.read_at) > FRESH:
        yield Closed(
            gate="fresh", then=Then.WAIT, until=facts.now.plus(MINUTE), because="the read of the invoice is too old"
        )
    if invoice.collection_method != "charge_automatically":
        yield Closed(
            gate="automatic", then=Then.CLOSE, word="not_automatic", because="it is no longer charged automatically"
        )
    if not invoice.amount_remaining.is_positive():
        yield Closed(gate="amount", then=Then.PARK, because="the invoice is open with nothing remaining")
    if invoice.amount_remaining != facts.attempt.amount:
        yield Closed(
            gate="amount", then=Then.DECIDE_AGAIN, because=f"the amount is now {invoice.amount_remaining.text()}"
        )
    if invoice.amount_remaining.currency.code not in facts.configuration.currencies:
        yield Closed(gate="currency", then=Then.PARK, because="the currency is not declared any more")


def _subscription(facts: Facts) -> Iterator[Closed]:
    subscription = facts.subscription
    if subscription is None:
        yield Closed(gate="subscription", then=Then.CLOSE, word="gone", because="the subscription is gone")
        return
    match subscription.status:
        case (
            SubscriptionStatus.ACTIVE
            | SubscriptionStatus.PAST_DUE
            | SubscriptionStatus.UNPAID
            | SubscriptionStatus.TRIALING
        ):
            pass
        case SubscriptionStatus.CANCELED | SubscriptionStatus.INCOMPLETE_EXPIRED:
            word = "subscription_cancelled_by_other"
            yield Closed(gate="subscription", then=Then.CLOSE, word=word, because="the subscription is over")
        case SubscriptionStatus.INCOMPLETE if facts.integration.include_first_invoice:
            pass
        case _:
            yield Closed(
                gate="subscription", then=Then.PARK, because=f"the subscription reads {subscription.status.value}"
            )
    if facts.customer is None or facts.customer.deleted:
        yield Closed(gate="customer", then=Then.CLOSE, word="gone", because="the customer is gone")


def _other_engines(facts: Facts, invoice: Invoice) -> Iterator[Closed]:
    """A15: two engines never both charge."""
    upcoming = invoice.next_payment_attempt
    per_invoice = facts.integration.smart_retries.stop_stripe_retries is StopStripeRetries.PER_INVOICE
    if upcoming is not None and not per_invoice:
        yield Closed(gate="other_engine", then=Then.PARK, because=f"Stripe itself retries at {upcoming.short_text()}")
    if per_invoice and invoice.auto_advance:
        yield Closed(
            gate="other_engine", then=Then.STOP_STRIPE, because="Stripe may still retry this invoice by itself"
        )
    if upcoming is not None and Span(0) <= upcoming.since(facts.now) <= KEEP_AWAY:
        until = upcoming.plus(KEEP_AWAY)
        yield Closed(
            gate="other_engine",
            then=Then.WAIT,
            until=until,
            because=f"Stripe's own retry is at {upcoming.short_text()}",
        )


def _card(facts: Facts, invoice: Invoice) -> Iterator[Closed]:
    """A8, A9, A20: the card that would be charged is the card the intent names, and nothing forbids it."""
    chosen = payment_method_for(invoice, facts.subscription, facts.customer)
    if chosen is None:
        yield Closed(gate="card", then=Then.ASK_CUSTOMER, because="the customer has no payment method")
    elif chosen != facts.attempt.payment_method:
        yield Closed(gate="card", then=Then.DECIDE_AGAIN, because="the customer's card has changed")
    if facts.history.never_because is not None:
        yield Closed(
            gate="never", then=Then.DECIDE_AGAIN, because=f"this card must not be tried: {facts.history.never_because}"
        )
    if facts.case.decline_kind not in (DeclineKind.SOFT, DeclineKind.TECHNICAL):
        word = facts.case.decline_kind.value if facts.case.decline_kind else "unknown"
        yield Closed(gate="decline", then=Then.DECIDE_AGAIN, because=f"the last decline is {word}")


def _time(facts: Facts) -> Iterator[Closed]:
    """A10, A11, A12, quiet hours, the window and the number of attempts, asked again now."""
    first_sent = facts.attempt.first_sent_at
    if first_sent is not None and facts.now.since(first_sent) >= KEY_LIFE:
        yield Closed(gate="key_age", then=Then.DECIDE_AGAIN, because="the idempotency key is too old to be sent again")
    if facts.now >= facts.case.window_until and facts.attempt.decided_at >= facts.case.window_until:
        # Decided in the window means planned for it. What is late because we were down, or because a brake, an outage
        # or somebody else's payment put it off, is still made, once (F4).
        yield Closed(gate="window", then=Then.DECIDE_AGAIN, because="the window is over")
    if not decide.may_attempt(facts.case, facts.policy):
        yield Closed(gate="attempts", then=Then.DECIDE_AGAIN, because="all attempts are used")
    bounds = windows.bounds_of(facts.case, facts.history, facts.policy)
    for bound in sorted(bounds, key=lambda each: each.not_before, reverse=True):
        if bound.not_before > facts.now:
            yield _later(facts, bound.rule, bound.not_before, bound.because)
    quiet = facts.policy.quiet_hours
    if quiet is not None and windows.is_quiet(facts.now, quiet):
        yield _later(facts, "quiet_hours", windows.quiet_until(facts.now, quiet), "quiet hours")


def _later(facts: Facts, gate: str, until: Instant, because: str) -> Closed:
    """Wait until then; where the window is over by then, decide anew, so that the case ends in time (C1).

    An attempt that is late already (F4) waits for at most as long again as its window was: a ceiling that others keep
    full would put it off for ever.
    """
    end = facts.case.window_until
    if facts.now >= end:
        end = end.plus(end.since(facts.case.window_from))
    if until >= end:
        return Closed(gate=gate, then=Then.DECIDE_AGAIN, because=f"{because}, and the window ends first")
    return Closed(gate=gate, then=Then.WAIT, until=until, because=because)
