"""The case an unpaid invoice begins with: which charge counts, which decline, which window, which card."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from flexpay_reconcile.billing.charge import Charge, ChargeStatus, RefusalFacts
from flexpay_reconcile.billing.invoice import InvoicePayment
from flexpay_reconcile.config.integration import SmartRetries, StopStripeRetries
from flexpay_reconcile.declines.decline import DeclineKind
from flexpay_reconcile.recovery.case import CaseState, RecoveryCase
from flexpay_reconcile.recovery.opening import FOUND_LATE, Findings, Opening, first_decline, last_charge, new_case
from flexpay_reconcile.values.ids import CaseId, ChargeId, PaymentMethodId
from flexpay_reconcile.values.instant import Instant, Span
from tests.unit.billing import reads
from tests.unit.config import agreed
from tests.unit.recovery import book
from tests.unit.recovery.book import HOUR, MS, after

OTHER = PaymentMethodId("pm_2")
WAIT = RefusalFacts(error_code="card_declined", decline_code="try_again_later", network_advice_code="24")
NO_STOP = SmartRetries(stop_stripe_retries=StopStripeRetries.NO)


def of_charge(last: Charge | None, **changes: Any) -> Findings:
    """What was read where `last` is the invoice's newest charge."""
    return replace(
        Findings(
            invoice=reads.invoice(),
            customer=reads.customer(),
            charges=() if last is None else (last,),
            last=last,
            decline=first_decline(last, (), reads.CARD),
            payment_method=reads.CARD,
            taken_over=False,
        ),
        **changes,
    )


def opened(
    findings: Findings, *, known: Charge | None = None, now: Instant | None = None, **integration: Any
) -> RecoveryCase:
    """The case, opened an hour after the first decline under revision 7 where a test does not say otherwise."""
    terms = Opening(integration=agreed.integration(**integration), policy=agreed.policy(), revision=7)
    return new_case(findings, terms, known, now or after(hours=1))


def test_a_case_is_the_invoice_its_customer_and_its_terms():
    """Ids, amount, links and revision come from what was read and agreed, and nothing is used up yet."""
    invoice = reads.invoice(hosted_invoice_url="https://pay.example/1", livemode=True, created=after(hours=-2))
    case = opened(of_charge(reads.charge(), invoice=invoice))
    assert (case.id, case.life, case.state, case.version) == (CaseId("acct_1/in_1/1"), 1, CaseState.OPENED, 0)
    assert (case.account, case.livemode, case.integration_id, case.revision) == (reads.ACCOUNT, True, "acme-us", 7)
    assert (case.invoice, case.subscription, case.customer) == ("in_1", "sub_1", "cus_1")
    assert (case.amount, case.attempts_used) == (reads.USD_1999, 0)
    assert (case.hosted_invoice_url, case.customer_name) == ("https://pay.example/1", "Ada")
    assert (case.invoice_created_at, case.opened_at, case.due_at) == (after(hours=-2), after(hours=1), after(hours=1))


def test_a_case_carries_its_card_and_its_decline():
    """The card that was refused is the card of the case, with the network its charge went over."""
    case = opened(of_charge(reads.charge()))
    assert (case.payment_method, case.card_key, case.network) == (reads.CARD, "fingerprint_1", "visa")
    assert case.payment_method_type == "card"
    assert (case.decline_kind, case.decline_reason) == (DeclineKind.SOFT, "insufficient_funds")
    assert (case.last_declined_at, case.wait_until, case.wait_because) == (after(), None, None)


def test_the_window_begins_with_the_first_charge_of_the_invoices_payment():
    """Earlier charges of the same payment count; a charge of the same customer for something else does not."""
    last = reads.charge(id=ChargeId("ch_3"), created=after(hours=20))
    first = reads.charge(id=ChargeId("ch_2"), created=after(hours=4))
    foreign = reads.charge(id=ChargeId("ch_1"), created=after(hours=1), payment_intent="pi_other")
    case = opened(of_charge(last, charges=(foreign, first, last)), now=after(hours=21))
    assert (case.first_declined_at, case.window_from) == (after(hours=4), after(hours=4))
    assert case.window_until == after(hours=4, days=28)
    assert case.last_declined_at == after(hours=20)


def test_a_charge_without_a_payment_intent_counts_alone():
    """Where the last charge names no PaymentIntent, no other charge is taken for the same payment."""
    last = reads.charge(id=ChargeId("ch_2"), created=after(hours=2), payment_intent=None)
    foreign = reads.charge(id=ChargeId("ch_1"), created=after(), payment_intent=None)
    case = opened(of_charge(last, charges=(foreign, last)), now=after(hours=3))
    assert case.first_declined_at == after(hours=2)


def test_without_any_charge_the_invoice_itself_is_the_beginning():
    """No charge at all: the case counts from the invoice's creation, and no decline is invented."""
    invoice = reads.invoice(created=after(hours=-1))
    case = opened(of_charge(None, invoice=invoice))
    assert (case.first_declined_at, case.last_declined_at) == (after(hours=-1), after(hours=-1))
    assert (case.card_key, case.network, case.payment_method_type) == (reads.CARD, None, None)


@pytest.mark.parametrize(("late", "begins"), [(FOUND_LATE, after()), (FOUND_LATE.plus(MS), None)])
def test_found_late_the_window_begins_when_it_is_found(late: Span, begins: Instant | None):
    """Up to a day after its decline a case keeps the whole window from there; later it begins now."""
    now = after().plus(late)
    case = opened(of_charge(reads.charge()), now=now)
    assert case.window_from == (begins or now)
    assert case.first_declined_at == after()


def test_taken_over_the_window_begins_now():
    """What had failed before we came gets a whole window from today, however young its decline."""
    case = opened(of_charge(reads.charge(), taken_over=True))
    assert (case.window_from, case.window_until) == (after(hours=1), after(hours=1, days=28))


def test_advice_to_wait_counts_from_the_decline():
    """The network's wait is kept from the moment of its refusal, whenever the case is opened (A11)."""
    last = reads.charge(created=after(hours=2), refusal=WAIT)
    findings = of_charge(last)
    least = findings.decline.advice.wait_at_least
    assert least is not None
    case = opened(findings, now=after(hours=3))
    assert (case.wait_until, case.wait_because) == (after(hours=2).plus(least), findings.decline.reason)


def test_another_card_than_the_refused_one_is_tried_as_a_new_card():
    """The refusal and its wait belong to the old card; the new one is soft, known by its own last charge."""
    findings = of_charge(reads.charge(refusal=WAIT), payment_method=OTHER)
    known = reads.charge(
        payment_method=OTHER, fingerprint="fingerprint_2", network="amex", payment_method_type="sepa_debit"
    )
    case = opened(findings, known=known)
    assert (case.payment_method, case.card_key) == (OTHER, "fingerprint_2")
    assert (case.network, case.payment_method_type) == ("amex", "sepa_debit")
    assert (case.decline_kind, case.decline_reason) == (DeclineKind.SOFT, "new_card")
    assert (case.wait_until, case.wait_because) == (None, None)


def test_a_refused_card_is_known_by_its_refusal():
    """The last charge was on the very card: it says more than an older charge does."""
    older = reads.charge(fingerprint="fingerprint_9", network="amex")
    case = opened(of_charge(reads.charge()), known=older)
    assert (case.card_key, case.network) == ("fingerprint_1", "visa")


def test_a_new_card_never_charged_is_its_own_key():
    """Nothing is known of a card without a charge but its name."""
    case = opened(of_charge(reads.charge(), payment_method=OTHER))
    assert (case.card_key, case.network, case.payment_method_type) == (OTHER, None, None)


def test_without_a_card_the_decline_stands():
    """No card to charge is no new card: the kind of the last decline is kept."""
    case = opened(of_charge(reads.charge(refusal=WAIT), payment_method=None))
    assert case.decline_reason != "new_card"
    assert case.payment_method is None
    assert case.wait_until is not None


@pytest.mark.parametrize(
    ("advances", "upcoming", "stop", "stopped"),
    [
        (True, None, {}, False),
        (False, None, {}, True),
        (False, after(hours=5), {}, True),
        (True, None, {"smart_retries": NO_STOP}, True),
        (True, after(hours=5), {"smart_retries": NO_STOP}, False),
    ],
)
def test_stripes_own_retries_are_known_to_be_stopped_or_not(
    advances: bool, upcoming: Instant | None, stop: dict[str, Any], stopped: bool
):
    """Per invoice: stopped once it advances by itself no more; otherwise once Stripe plans no retry (A15)."""
    invoice = reads.invoice(auto_advance=advances, next_payment_attempt=upcoming)
    case = opened(of_charge(reads.charge(), invoice=invoice), **stop)
    assert (case.stripe_retries_stopped, case.auto_advance_before) == (stopped, advances)


def in_payment(charge: Charge | None, intent: str | None = "pi_1", status: str | None = None) -> InvoicePayment:
    """A payment of the invoice with its last charge."""
    return replace(book.payment(status, charge), payment_intent=intent)


def test_the_last_charge_is_the_newest_of_the_invoices_payments():
    """By payment or by PaymentIntent; the greater id decides between two of one instant; strangers do not count."""
    early = reads.charge(id=ChargeId("ch_a"), created=after())
    late = reads.charge(id=ChargeId("ch_b"), created=after(hours=1))
    twin = reads.charge(id=ChargeId("ch_c"), created=after(hours=1))
    stranger = reads.charge(id=ChargeId("ch_z"), created=after(hours=9), payment_intent="pi_other")
    assert last_charge([in_payment(early)], [late, stranger, twin]) == twin
    assert last_charge([in_payment(twin)], [early, late]) == twin
    assert last_charge([in_payment(None)], [stranger]) is None
    assert last_charge([in_payment(None, None)], [reads.charge(payment_intent=None)]) is None


def test_a_payment_of_any_intent_brings_its_charge():
    """Of several payments each counts, also one whose charge says nothing of its PaymentIntent."""
    loose = reads.charge(id=ChargeId("ch_b"), created=after(hours=1), payment_intent=None)
    assert last_charge([in_payment(reads.charge()), in_payment(loose, None)], []) == loose


def test_the_first_decline_is_what_the_last_charge_says():
    """A failed charge is classified by its refusal, with network and card."""
    decline = first_decline(reads.charge(refusal=RefusalFacts(decline_code="stolen_card")), (), reads.CARD)
    assert decline.kind is DeclineKind.HARD


def test_a_waiting_authentication_is_the_customers():
    """No refusal, but a payment that asks for the customer: a decline that only they can mend."""
    decline = first_decline(None, (in_payment(None, status="requires_action"),), reads.CARD)
    assert (decline.kind, decline.reason) == (DeclineKind.CUSTOMER, "authentication_required")
    assert not decline.blocked_by_stripe


def test_nothing_to_charge_is_the_customers():
    """No charge and no card: the customer has to bring one."""
    decline = first_decline(None, (in_payment(None, status="requires_payment_method"),), None)
    assert (decline.kind, decline.reason) == (DeclineKind.CUSTOMER, "no_payment_method")


@pytest.mark.parametrize(
    ("last", "chosen"),
    [
        (None, reads.CARD),
        (reads.charge(refusal=None), None),
        (reads.charge(status=ChargeStatus.PENDING), reads.CARD),
        (reads.charge(status=ChargeStatus.SUCCEEDED, refusal=RefusalFacts(decline_code="stolen_card")), None),
    ],
)
def test_no_evidence_is_unknown(last: Charge | None, chosen: PaymentMethodId | None):
    """A failure of which Stripe says nothing is not guessed at; what did not fail is no decline."""
    assert first_decline(last, (), chosen).kind is DeclineKind.UNKNOWN


def test_a_findings_customer_is_the_one_that_was_read():
    """The case is the read customer's, also where the invoice names none."""
    case = opened(of_charge(reads.charge(), invoice=reads.invoice(customer=None)))
    assert case.customer == "cus_1"
    assert case.opened_at.since(case.first_declined_at) == HOUR
