"""The gates before `pay`: each one closed alone, what follows from it, and all of them open."""

from __future__ import annotations

from dataclasses import replace

import pytest

from flexpay_reconcile.billing.invoice import InvoiceStatus, SubscriptionStatus
from flexpay_reconcile.config.company import Company
from flexpay_reconcile.config.integration import ListenTo, SmartRetries, StopStripeRetries
from flexpay_reconcile.config.keys import Environment
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery import gates
from flexpay_reconcile.recovery.case import CaseState
from flexpay_reconcile.recovery.gates import Then
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import AccountId, CustomerId, InvoiceId, PaymentMethodId, SubscriptionId
from flexpay_reconcile.values.instant import Span
from tests.unit.billing import reads
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import MS, NOW, facts


def invoice(**changes):
    """The facts with another invoice."""
    return facts(invoice=reads.invoice(**{"read_at": NOW, **changes}))


def subscription(**changes):
    """The facts with another subscription."""
    return facts(subscription=reads.subscription(read_at=NOW, **changes))


def case(**changes):
    """The facts with another case."""
    return facts(case=book.case(state=CaseState.ATTEMPTING, **changes))


NO_STOPPING = agreed.integration(smart_retries=SmartRetries(stop_stripe_retries=StopStripeRetries.NO))
OTHER = AccountId("acct_2")

CLOSED = [
    ("account of the invoice", invoice(account=OTHER), "identity", Then.PARK),
    ("account of the subscription", subscription(account=OTHER), "identity", Then.PARK),
    ("account of the customer", facts(customer=reads.customer(account=OTHER)), "identity", Then.PARK),
    ("mode of the invoice", invoice(livemode=True), "identity", Then.PARK),
    ("mode of the subscription", subscription(livemode=True), "identity", Then.PARK),
    ("mode of the customer", facts(customer=reads.customer(livemode=True)), "identity", Then.PARK),
    ("another invoice", invoice(id=InvoiceId("in_2")), "identity", Then.PARK),
    ("another subscription", subscription(id=SubscriptionId("sub_2")), "identity", Then.PARK),
    ("another customer", facts(customer=reads.customer(id=CustomerId("cus_2"))), "identity", Then.PARK),
    ("environment", facts(integration=agreed.integration(environment=Environment.LIVE)), "identity", Then.PARK),
    ("attempt of another invoice", facts(attempt=book.attempt(invoice=InvoiceId("in_2"))), "identity", Then.PARK),
    ("attempt of another account", facts(attempt=book.attempt(account=OTHER)), "identity", Then.PARK),
    (
        "company of another account",
        facts(
            configuration=agreed.configuration(
                companies={"acme": Company(id="acme", name="Acme", stripe_account=OTHER)}
            )
        ),
        "identity",
        Then.PARK,
    ),
    ("company removed", facts(configuration=agreed.configuration(companies={})), "identity", Then.PARK),
    ("invoice gone", facts(invoice=None), "exists", Then.CLOSE),
    ("invoice and customer gone", facts(invoice=None, customer=None), "exists", Then.CLOSE),
    ("invoice and subscription gone", facts(invoice=None, subscription=None), "exists", Then.CLOSE),
    ("nothing to be seen", facts(invoice=None, subscription=None, customer=None), "exists", Then.PARK),
    ("invoice paid", invoice(status=InvoiceStatus.PAID), "open", Then.PAID_ELSEWHERE),
    ("invoice void", invoice(status=InvoiceStatus.VOID), "open", Then.CLOSE),
    ("invoice written off", invoice(status=InvoiceStatus.UNCOLLECTIBLE), "open", Then.CLOSE),
    ("invoice a draft", invoice(status=InvoiceStatus.DRAFT), "open", Then.PARK),
    ("invoice in a new status", invoice(status=InvoiceStatus.UNKNOWN), "open", Then.PARK),
    ("invoice sent, not charged", invoice(collection_method="send_invoice"), "automatic", Then.CLOSE),
    ("nothing remaining", invoice(amount_remaining=money.of(0, "usd")), "amount", Then.PARK),
    ("less than nothing remaining", invoice(amount_remaining=money.of(-1, "usd")), "amount", Then.PARK),
    ("another amount", invoice(amount_remaining=money.of(1998, "usd")), "amount", Then.DECIDE_AGAIN),
    ("another currency", invoice(amount_remaining=money.of(1999, "eur")), "amount", Then.DECIDE_AGAIN),
    ("currency not declared", facts(configuration=agreed.configuration(currencies=("EUR",))), "currency", Then.PARK),
    ("subscription gone", facts(subscription=None), "subscription", Then.CLOSE),
    ("subscription canceled", subscription(status=SubscriptionStatus.CANCELED), "subscription", Then.CLOSE),
    ("subscription expired", subscription(status=SubscriptionStatus.INCOMPLETE_EXPIRED), "subscription", Then.CLOSE),
    ("subscription paused", subscription(status=SubscriptionStatus.PAUSED), "subscription", Then.PARK),
    ("subscription incomplete", subscription(status=SubscriptionStatus.INCOMPLETE), "subscription", Then.PARK),
    ("subscription in a new status", subscription(status=SubscriptionStatus.UNKNOWN), "subscription", Then.PARK),
    ("customer gone", facts(customer=None), "customer", Then.CLOSE),
    ("customer deleted", facts(customer=reads.customer(deleted=True)), "customer", Then.CLOSE),
    ("Stripe advances it", invoice(auto_advance=True), "other_engine", Then.STOP_STRIPE),
    ("a payment under way", facts(payments=(book.payment("processing"),)), "other_payment", Then.WAIT),
    ("card changed", subscription(default_payment_method=PaymentMethodId("pm_2")), "card", Then.DECIDE_AGAIN),
    ("no card", subscription(default_payment_method=None), "card", Then.ASK_CUSTOMER),
    (
        "refused for ever",
        facts(history=replace(facts().history, never_because="lost_card")),
        "never",
        Then.DECIDE_AGAIN,
    ),
    ("hard decline", case(decline_kind=DeclineKind.HARD), "decline", Then.DECIDE_AGAIN),
    ("credential decline", case(decline_kind=DeclineKind.CREDENTIAL), "decline", Then.DECIDE_AGAIN),
    ("customer must act", case(decline_kind=DeclineKind.CUSTOMER), "decline", Then.DECIDE_AGAIN),
    ("operator's rule", case(decline_kind=DeclineKind.OPERATOR), "decline", Then.DECIDE_AGAIN),
    ("unknown decline", case(decline_kind=DeclineKind.UNKNOWN), "decline", Then.DECIDE_AGAIN),
    ("no decline recorded", case(decline_kind=None), "decline", Then.DECIDE_AGAIN),
    (
        "decided at the window's end",
        facts(
            case=book.case(state=CaseState.ATTEMPTING, window_until=NOW),
            attempt=book.attempt(decided_at=NOW),
        ),
        "window",
        Then.DECIDE_AGAIN,
    ),
    ("attempts used", case(attempts_used=8), "attempts", Then.DECIDE_AGAIN),
    (
        "key too old",
        facts(attempt=book.attempt(first_sent_at=NOW.minus(gates.KEY_LIFE))),
        "key_age",
        Then.DECIDE_AGAIN,
    ),
]


def test_all_open():
    """With everything in order nothing is in the way."""
    assert gates.ask(facts()) is None


@pytest.mark.parametrize(("given", "gate", "then"), [row[1:] for row in CLOSED], ids=[row[0] for row in CLOSED])
def test_each_gate_alone(given, gate, then):
    """One fact out of order closes exactly its gate, with what follows from it and a reason."""
    closed = gates.ask(given)
    assert closed is not None
    assert (closed.gate, closed.then) == (gate, then)
    assert closed.because


@pytest.mark.parametrize(("given", "gate", "then"), [row[1:] for row in CLOSED], ids=[row[0] for row in CLOSED])
def test_a_replay_passes_the_same_gates(given, gate, then):
    """A replay is held back by the very same facts (invariant A6)."""
    assert gates.ask(replace(given, replay=True)) == gates.ask(given)


@pytest.mark.parametrize(
    ("given", "word"),
    [
        (facts(invoice=None), "gone"),
        (invoice(status=InvoiceStatus.VOID), "voided"),
        (invoice(status=InvoiceStatus.UNCOLLECTIBLE), "uncollectible_by_other"),
        (invoice(collection_method="send_invoice"), "not_automatic"),
        (facts(subscription=None), "gone"),
        (subscription(status=SubscriptionStatus.CANCELED), "subscription_cancelled_by_other"),
        (facts(customer=None), "gone"),
    ],
)
def test_the_closing_word(given, word):
    """Where a gate closes the case, it names the closing reason."""
    closed = gates.ask(given)
    assert closed is not None
    assert (closed.then, closed.word) == (Then.CLOSE, word)


def test_a_paid_invoice_counts_before_anything_else_of_it():
    """An invoice paid by somebody else is recorded as paid even when the read is old and the card has changed."""
    given = replace(
        invoice(status=InvoiceStatus.PAID, read_at=NOW.minus(Span.of(days=1)), amount_remaining=money.of(0, "usd")),
        subscription=None,
    )
    closed = gates.ask(given)
    assert closed is not None
    assert closed.then is Then.PAID_ELSEWHERE


def test_identity_speaks_first():
    """A paid invoice of another account says nothing about ours."""
    closed = gates.ask(invoice(status=InvoiceStatus.PAID, account=OTHER))
    assert closed is not None
    assert closed.gate == "identity"


@pytest.mark.parametrize(
    ("read_at", "now", "fresh"),
    [
        (NOW, NOW, True),
        (NOW, NOW.plus(Span.of(seconds=60)), True),
        (NOW, NOW.plus(Span.of(seconds=60)).plus(MS), False),
        (NOW.minus(MS), NOW, False),
    ],
)
def test_freshness(read_at, now, fresh):
    """The read is made after the intent and is at most 60 s old (invariant A7)."""
    closed = gates.ask(replace(invoice(read_at=read_at), now=now))
    assert (closed is None) is fresh
    if closed is not None:
        assert (closed.gate, closed.then, closed.until) == ("fresh", Then.WAIT, now.plus(Span.of(minutes=1)))


def test_without_an_intent_nothing_is_fresh():
    """No call goes out without a stored intent (invariant A3)."""
    closed = gates.ask(facts(attempt=book.attempt(intent_at=None)))
    assert closed is not None
    assert closed.gate == "fresh"


@pytest.mark.parametrize(("minutes", "waits"), [(-1, False), (0, True), (1, True), (60, True), (61, False)])
def test_nothing_is_sent_near_a_stripe_retry(minutes, waits):
    """Within 60 minutes before a retry of Stripe's own nothing is sent, even with auto_advance off (invariant A15)."""
    upcoming = NOW.plus(Span.of(minutes=minutes))
    closed = gates.ask(invoice(next_payment_attempt=upcoming))
    assert (closed is not None) is waits
    if closed is not None:
        assert (closed.gate, closed.then) == ("other_engine", Then.WAIT)
        assert closed.until == upcoming.plus(Span.of(minutes=60))


@pytest.mark.parametrize("days", [-1, 0, 7])
def test_a_foreign_engine_parks_where_we_may_not_stop_it(days):
    """With `stop_stripe_retries: no` any retry of Stripe's own parks the case, however far away (invariant A15)."""
    upcoming = NOW.plus(Span.of(days=days))
    closed = gates.ask(replace(invoice(next_payment_attempt=upcoming, auto_advance=True), integration=NO_STOPPING))
    assert closed is not None
    assert (closed.gate, closed.then) == ("other_engine", Then.PARK)


def test_a_finished_stripe_engine_is_no_obstacle_where_we_stop_nothing():
    """With `stop_stripe_retries: no` an invoice without a planned Stripe retry may be tried."""
    assert gates.ask(replace(invoice(auto_advance=True), integration=NO_STOPPING)) is None


def test_an_incomplete_subscription_passes_only_where_first_invoices_are_included():
    """The first invoice of a subscription is tried only where the operator asked for it."""
    incomplete = subscription(status=SubscriptionStatus.INCOMPLETE)
    assert gates.ask(incomplete) is not None
    assert gates.ask(replace(incomplete, integration=agreed.integration(include_first_invoice=True))) is None


@pytest.mark.parametrize(
    "status",
    [
        SubscriptionStatus.ACTIVE,
        SubscriptionStatus.PAST_DUE,
        SubscriptionStatus.UNPAID,
        SubscriptionStatus.TRIALING,
    ],
)
def test_a_living_subscription_is_no_obstacle(status):
    """In each living status the attempt may go."""
    assert gates.ask(subscription(status=status)) is None


def test_the_card_is_the_one_stripe_would_pick():
    """The gate resolves the card in Stripe's order: a default on the invoice changes the card."""
    closed = gates.ask(invoice(default_payment_method=PaymentMethodId("pm_9")))
    assert closed is not None
    assert (closed.gate, closed.then) == ("card", Then.DECIDE_AGAIN)


def test_the_customers_own_card_is_the_one_that_is_judged():
    """Where neither invoice nor subscription names a card, the customer's default is charged, and so judged (A20)."""
    plain = {"subscription": reads.subscription(default_payment_method=None)}
    own = reads.customer(default_payment_method=reads.CARD)
    assert gates.ask(facts(**plain, customer=own)) is None
    other = reads.customer(default_payment_method=PaymentMethodId("pm_2"))
    closed = gates.ask(facts(**plain, customer=other))
    assert closed is not None
    assert (closed.gate, closed.then) == ("card", Then.DECIDE_AGAIN)


def _because(given):
    closed = gates.ask(given)
    assert closed is not None
    return closed.because


def test_a_closed_gate_says_why():
    """What a person reads in the journal names the cause, with Stripe's own moment where there is one."""
    upcoming = NOW.plus(Span.of(minutes=30))
    at = upcoming.short_text()
    assert _because(invoice(read_at=NOW.minus(Span.of(hours=1)))) == "the read of the invoice is too old"
    assert _because(invoice(next_payment_attempt=upcoming)) == f"Stripe's own retry is at {at}"
    planned = reads.invoice(read_at=NOW, next_payment_attempt=upcoming)
    assert _because(facts(invoice=planned, integration=NO_STOPPING)) == f"Stripe itself retries at {at}"


def test_an_account_that_is_not_acted_for_is_told_apart():
    """Its company gone is one thing to a reader; an account that the platform acts for no more is another."""
    nobody = agreed.configuration(companies={})
    assert _because(facts(configuration=nobody)) == "the integration's company is another Stripe account now"
    connect = replace(agreed.integration().webhook, listen_to=ListenTo.CONNECTED_ACCOUNTS)
    platform = agreed.integration(webhook=connect)
    assert _because(facts(configuration=nobody, integration=platform)) == "the integration acts for it no more"
