"""Values for the store's tests. Real values of the core; nothing is faked."""

from __future__ import annotations

import dataclasses
from typing import Any

from flexpay_reconcile.billing.charge import Charge, ChargeStatus, RefusalFacts
from flexpay_reconcile.billing.transaction import Transaction, TransactionKind
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.ports.rows import InboxEvent, LedgerRow
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState, KeyAlias
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.final_action import ActionKind, ActionState, FinalAction
from flexpay_reconcile.recovery.journal import Entry, EntryKind
from flexpay_reconcile.values import currency
from flexpay_reconcile.values.ids import (
    AccountId,
    CaseId,
    ChargeId,
    CustomerId,
    IntegrationId,
    InvoiceId,
    PaymentMethodId,
    SubscriptionId,
)
from flexpay_reconcile.values.instant import Instant, Span
from flexpay_reconcile.values.money import Money

ACCOUNT = AccountId("acct_1")
ACME = IntegrationId("acme-us")
T0 = Instant.from_text("2026-11-22T09:00:00Z")
IN_FLIGHT = (AttemptState.SUBMITTING, AttemptState.UNRESOLVED, AttemptState.PENDING)


def at(hours: int = 0, *, minutes: int = 0) -> Instant:
    """An instant some hours after the start of every test."""
    return T0.plus(Span.of(hours=hours, minutes=minutes))


def usd(minor: int) -> Money:
    """US dollars."""
    return Money(amount_minor=minor, currency=currency.of("USD"))


def invoice(number: int) -> InvoiceId:
    """An invoice id."""
    return InvoiceId(f"in_{number}")


def case_of(number: int = 1, *, life: int = 1, **changes: Any) -> RecoveryCase:
    """A case of invoice `number`."""
    case = RecoveryCase(
        id=CaseId(f"{ACCOUNT}/in_{number}/{life}"),
        life=life,
        account=ACCOUNT,
        livemode=False,
        integration_id=ACME,
        revision=1,
        invoice=invoice(number),
        subscription=SubscriptionId(f"sub_{number}"),
        customer=CustomerId(f"cus_{number}"),
        state=CaseState.OPENED,
        version=1,
        amount=usd(1999),
        opened_at=at(life),
        first_declined_at=at(),
        window_from=at(),
        window_until=at(28 * 24),
        invoice_created_at=at(),
        due_at=at(),
        decline_kind=DeclineKind.SOFT,
        decline_reason="insufficient_funds",
    )
    return dataclasses.replace(case, **changes)


def attempt_of(number: int = 1, *, of: int = 1, state: AttemptState = AttemptState.PLANNED, **changes: Any) -> Attempt:
    """Attempt `number` of invoice `of`; one in flight has the instants that go with it."""
    attempt = Attempt(
        account=ACCOUNT,
        invoice=invoice(of),
        number=number,
        case_id=case_of(of).id,
        integration_id=ACME,
        revision=1,
        state=state,
        planned_for=at(24),
        decided_at=at(),
        because=("the third of eight legal moments", "Tuesday, 09:00"),
        payment_method=PaymentMethodId("pm_1"),
        card_key="fingerprint_1",
        network="visa",
        amount=usd(1999),
        model_version="even-1",
    )
    if state in IN_FLIGHT:
        attempt = dataclasses.replace(
            attempt,
            fence=1,
            key_alias=KeyAlias.PRIMARY,
            sends=1,
            intent_at=at(24),
            first_sent_at=at(24),
            last_sent_at=at(24),
            check_at=at(24, minutes=5),
        )
    return dataclasses.replace(attempt, **changes)


def event_of(number: int = 1, **changes: Any) -> InboxEvent:
    """An event as the listener stores it."""
    event = InboxEvent(
        integration_id=ACME,
        event_id=f"evt_{number}",
        type="invoice.payment_failed",
        object_id=f"in_{number}",
        idempotency_key=None,
        created=at(minutes=number),
        received_at=at(minutes=number),
        body=b'{"id":"evt_%d","object":"event"}' % number,
    )
    return dataclasses.replace(event, **changes)


def charge_of(number: int = 1, **changes: Any) -> Charge:
    """A refused charge on the first card."""
    charge = Charge(
        id=ChargeId(f"ch_{number}"),
        account=ACCOUNT,
        livemode=False,
        status=ChargeStatus.FAILED,
        amount=usd(1999),
        created=at(number),
        customer=CustomerId("cus_1"),
        payment_intent=f"pi_{number}",
        payment_method=PaymentMethodId("pm_1"),
        payment_method_type="card",
        fingerprint="fingerprint_1",
        network="visa",
        brand="visa",
        funding="credit",
        country="US",
        last4="4242",
        refusal=RefusalFacts(error_code="card_declined", decline_code="insufficient_funds"),
        amount_refunded=usd(0),
    )
    return dataclasses.replace(charge, **changes)


def ledger_of(charge: Charge, **changes: Any) -> LedgerRow:
    """A charge as the card ledger keeps it."""
    row = LedgerRow(
        charge=charge, kind=DeclineKind.SOFT, reason="insufficient_funds", never=False, reached_network=True
    )
    return dataclasses.replace(row, **changes)


def action_of(kind: ActionKind, *, of: int = 1, order: int = 1, **changes: Any) -> FinalAction:
    """A planned final action of the case of invoice `of`."""
    action = FinalAction(
        case_id=case_of(of).id,
        integration_id=ACME,
        kind=kind,
        order=order,
        state=ActionState.PLANNED,
        invoice=invoice(of),
        subscription=SubscriptionId(f"sub_{of}"),
        prorate=False,
        revision=1,
        due_at=at(48),
        decided_at=at(),
    )
    return dataclasses.replace(action, **changes)


def transaction_of(number: int = 1, **changes: Any) -> Transaction:
    """A refund; other kinds by `changes`."""
    transaction = Transaction(
        id=f"re_{number}",
        kind=TransactionKind.REFUND,
        account=ACCOUNT,
        integration_id=ACME,
        order_id=ChargeId(f"ch_{number}"),
        amount=usd(-1999),
        at=at(number),
        status="pending",
        payment_intent=f"pi_{number}",
    )
    return dataclasses.replace(transaction, **changes)


def entry_of(text: str, *, of: int = 1, hours: int = 0, **facts: str) -> Entry:
    """A line of the story of the case of invoice `of`."""
    return Entry(case_id=case_of(of).id, at=at(hours), kind=EntryKind.NOTE, text=text, facts=facts)
