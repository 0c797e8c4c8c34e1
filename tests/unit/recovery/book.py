"""A case under recovery and all that the gates look at, at the moment its attempt is due. Nothing is faked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from flexpay_reconcile.billing.charge import Charge
from flexpay_reconcile.billing.invoice import InvoicePayment
from flexpay_reconcile.config.policy import QuietHours
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery.attempt import Attempt, AttemptState
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.gates import Facts
from flexpay_reconcile.recovery.limits import CardHistory
from flexpay_reconcile.values.ids import CaseId, CustomerId, IntegrationId, InvoiceId, SubscriptionId
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.billing import reads
from tests.unit.billing.reads import ACCOUNT, CARD, T0, USD_1999
from tests.unit.config import agreed

MS = Span(1)
HOUR = Span.of(hours=1)
DAY = Span.of(days=1)
NOW = T0.plus(Span.of(days=3, hours=12))
"""When the attempt is due: 84 hours after the first decline."""


def after(hours: int = 0, *, days: int = 0, minutes: int = 0, ms: int = 0) -> Instant:
    """An instant counted from the first decline."""
    return T0.plus(Span.of(days=days, hours=hours, minutes=minutes, ms=ms))


def case(**changes: Any) -> RecoveryCase:
    """A case of one soft decline, whose window of 28 days began with it."""
    return replace(
        RecoveryCase(
            id=CaseId("acct_1/in_1/1"),
            life=1,
            account=ACCOUNT,
            livemode=False,
            integration_id=IntegrationId("acme-us"),
            revision=1,
            invoice=InvoiceId("in_1"),
            subscription=SubscriptionId("sub_1"),
            customer=CustomerId("cus_1"),
            state=CaseState.OPENED,
            version=1,
            amount=USD_1999,
            opened_at=T0,
            first_declined_at=T0,
            window_from=T0,
            window_until=T0.plus(Span.of(days=28)),
            invoice_created_at=T0,
            due_at=T0,
            payment_method=CARD,
            card_key="fingerprint_1",
            network="visa",
            payment_method_type="card",
            last_declined_at=T0,
            decline_kind=DeclineKind.SOFT,
            decline_reason="insufficient_funds",
            stripe_retries_stopped=True,
        ),
        **changes,
    )


def attempt(**changes: Any) -> Attempt:
    """The first attempt, its intent just written."""
    return replace(
        Attempt(
            account=ACCOUNT,
            invoice=InvoiceId("in_1"),
            number=1,
            case_id=CaseId("acct_1/in_1/1"),
            integration_id=IntegrationId("acme-us"),
            revision=1,
            state=AttemptState.SUBMITTING,
            planned_for=NOW,
            decided_at=T0,
            because=("spread evenly",),
            payment_method=CARD,
            card_key="fingerprint_1",
            network="visa",
            amount=USD_1999,
            model_version="even/1",
            fence=1,
            sends=1,
            intent_at=NOW,
            first_sent_at=NOW,
            last_sent_at=NOW,
        ),
        **changes,
    )


def payment(intent: str | None, charge: Charge | None = None, *, status: str = "open") -> InvoicePayment:
    """One payment of the invoice: the status of its PaymentIntent and its last charge."""
    return InvoicePayment(
        id="inpay_1",
        status=status,
        is_default=True,
        payment_intent="pi_1",
        payment_intent_status=intent,
        latest_charge=charge,
    )


def facts(**changes: Any) -> Facts:
    """Everything read just after the intent, with every gate open."""
    return replace(
        Facts(
            case=case(state=CaseState.ATTEMPTING),
            attempt=attempt(),
            invoice=reads.invoice(read_at=NOW),
            subscription=reads.subscription(read_at=NOW),
            customer=reads.customer(read_at=NOW),
            payments=(),
            history=CardHistory(reached_at=(T0,)),
            policy=agreed.policy(),
            integration=agreed.integration(),
            configuration=agreed.configuration(),
            now=NOW,
        ),
        **changes,
    )


def quiet(start: str, end: str, zone: str) -> QuietHours:
    """Quiet hours from and to `HH:MM`."""
    minutes = [int(text[:2]) * 60 + int(text[3:]) for text in (start, end)]
    return QuietHours(from_minute=minutes[0], to_minute=minutes[1], time_zone=zone)
