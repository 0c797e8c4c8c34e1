"""Reading, writing and charging through the real SDK against the simulator."""

from __future__ import annotations

import pytest

from flexpay_reconcile.billing.invoice import InvoiceStatus, SubscriptionStatus, payment_method_for
from flexpay_reconcile.errors import OperatorError, TryLater
from flexpay_reconcile.ports.billing_writer import WriteResult
from flexpay_reconcile.recovery.attempt import KeyAlias
from flexpay_reconcile.recovery.outcome import (
    Approved,
    Declined,
    NothingToPay,
    NotSubmitted,
    NotSubmittedReason,
    Outcome,
    Unresolved,
)
from flexpay_reconcile.simulator import control
from flexpay_reconcile.values import money
from flexpay_reconcile.values.ids import CustomerId, InvoiceId, PaymentMethodId, SubscriptionId
from flexpay_reconcile.values.instant import Instant
from tests.contract.gateways.worlds import ACCOUNT, Site, site, there

EPOCH = Instant.from_seconds(0)


def card_of(here: Site, invoice) -> PaymentMethodId:
    """What Stripe's documented order would charge."""
    found = payment_method_for(
        invoice, here.reader.subscription(there(invoice.subscription)), here.reader.customer(there(invoice.customer))
    )
    assert found is not None
    return found


def pay(here: Site, invoice, number: int = 1, only_key: KeyAlias | None = None) -> Outcome:
    """Attempt `number` on an invoice with its card."""
    return here.charger.pay(
        invoice.id,
        payment_method=card_of(here, invoice),
        idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:{number}",
        only_key=only_key,
    )


def successes(here: Site, invoice) -> int:
    """How often the ledger took the invoice's money."""
    return here.world.ledger.successes_by_invoice().get(invoice.id, 0)


def test_a_failed_renewal_is_read_whole():
    """Invoice, subscription, customer, payments and charges of a declined renewal fit together."""
    here = site()
    invoice = here.fail_ada("insufficient_funds")
    assert (invoice.status, invoice.attempted, invoice.amount_remaining) == (
        InvoiceStatus.OPEN,
        True,
        money.of(2900, "usd"),
    )
    assert invoice.read_at.seconds == here.world.now
    subscription = here.reader.subscription(there(invoice.subscription))
    assert subscription is not None
    assert (subscription.status, subscription.customer) == (SubscriptionStatus.PAST_DUE, invoice.customer)
    customer = here.reader.customer(there(invoice.customer))
    assert customer is not None
    assert (customer.country, customer.deleted) == ("US", False)
    (payment, *_) = here.reader.payments_of(invoice.id)
    assert payment.latest_charge is not None
    refusal = payment.latest_charge.refusal
    assert refusal is not None
    assert (refusal.error_code, refusal.outcome_reason, refusal.network_decline_code) == (
        "card_declined",
        "insufficient_funds",
        "51",
    )
    assert (payment.latest_charge.network, payment.latest_charge.payment_method) == ("visa", card_of(here, invoice))
    charges = here.reader.charges_of(there(invoice.customer), EPOCH)
    assert charges[0].id == payment.latest_charge.id
    assert [charge.created for charge in charges] == sorted((c.created for c in charges), reverse=True)
    assert here.reader.charges_of(there(invoice.customer), Instant.from_seconds(here.world.now + 1)) == ()
    assert [found.id for found in here.reader.open_invoices(EPOCH)] == [invoice.id]
    assert here.reader.open_invoices(invoice.created) == ()
    paid = here.reader.paid_after(there(invoice.subscription), EPOCH)
    assert invoice.id not in paid
    assert here.reader.paid_after(there(invoice.subscription), invoice.created) == ()


def test_what_is_not_there_is_none():
    """Unknown ids are None or empty for every read."""
    reader = site().reader
    assert reader.invoice(InvoiceId("in_none")) is None
    assert reader.subscription(SubscriptionId("sub_none")) is None
    assert reader.customer(CustomerId("cus_none")) is None
    assert reader.payments_of(InvoiceId("in_none")) == ()
    assert reader.charges_of(CustomerId("cus_none"), EPOCH) == ()
    assert reader.paid_after(SubscriptionId("sub_none"), EPOCH) == ()


def test_declined_then_approved_then_nothing_to_pay():
    """Two attempts with two keys, then the third finds the invoice paid; one success in the ledger."""
    here = site()
    invoice = here.fail_ada()
    first = pay(here, invoice, 1)
    assert isinstance(first, Declined)
    assert (first.refusal.error_code, first.refusal.decline_code) == ("card_declined", "insufficient_funds")
    assert first.charge == here.reader.charges_of(there(invoice.customer), EPOCH)[0].id
    control.approve(here.world, "ada")
    assert isinstance(pay(here, invoice, 2), Approved)
    assert isinstance(pay(here, invoice, 3), NothingToPay)
    after = here.reader.invoice(invoice.id)
    assert after is not None
    assert (after.status, after.amount_remaining.amount_minor) == (InvoiceStatus.PAID, 0)
    assert successes(here, invoice) == 1
    assert after.id in here.reader.paid_after(there(invoice.subscription), EPOCH)


def test_the_same_key_is_the_same_attempt():
    """A replay gives the saved answer, and nothing is charged again."""
    here = site()
    invoice = here.fail_ada()
    first = pay(here, invoice)
    control.approve(here.world, "ada")
    again = pay(here, invoice, only_key=KeyAlias.PRIMARY)
    assert isinstance(first, Declined)
    assert isinstance(again, Declined)
    assert again.charge == first.charge
    assert successes(here, invoice) == 0


def test_the_same_key_with_another_card_is_an_alarm():
    """A key reused with other parameters is a bug that must be seen, not a new charge."""
    here = site()
    invoice = here.fail_ada()
    pay(here, invoice)
    other = PaymentMethodId(control.replace_card(here.world, "ada", "tok_visa_debit"))
    outcome = here.charger.pay(invoice.id, payment_method=other, idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1")
    assert isinstance(outcome, Unresolved)
    assert outcome.alarm
    assert successes(here, invoice) == 0


def test_3ds_asks_for_the_customer():
    """The issuer wants the customer; no retry loop can help."""
    here = site()
    invoice = here.fail_ada("requires_action")
    outcome = pay(here, invoice)
    assert isinstance(outcome, Declined)
    assert outcome.refusal.requires_action


FAULTS = [
    ("refused", NotSubmitted, False),
    ("timeout_before", Unresolved, False),
    ("lost_answer", Unresolved, True),
    ("500", Unresolved, False),
    ("429_lock", NotSubmitted, False),
    ("409", Unresolved, False),
]


@pytest.mark.parametrize(("kind", "outcome", "charged"), FAULTS)
def test_faults_of_the_wire(kind, outcome, charged):
    """What surely did nothing is NOT_SUBMITTED, what maybe did is UNRESOLVED; one request each, one success at most."""
    here = site()
    invoice = here.fail_ada()
    control.approve(here.world, "ada")
    here.transport.faults.add(kind, method="POST", path="/v1/invoices/*/pay")
    card = card_of(here, invoice)
    before = here.world.sim.requests
    found = here.charger.pay(invoice.id, payment_method=card, idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1")
    assert here.world.sim.requests == before + 1
    assert isinstance(found, outcome)
    assert successes(here, invoice) == int(charged)
    pay(here, invoice, only_key=KeyAlias.PRIMARY)
    assert successes(here, invoice) == (0 if kind == "500" else 1)


def test_a_limited_primary_uses_the_fallback():
    """The limiter's 429 moves the attempt to the fallback key, which takes the money once."""
    here = site()
    invoice = here.fail_ada()
    control.approve(here.world, "ada")
    here.transport.faults.add("429", method="POST", path="/v1/invoices/*/pay")
    outcome = pay(here, invoice)
    assert isinstance(outcome, Approved)
    assert outcome.key_alias is KeyAlias.FALLBACK
    assert successes(here, invoice) == 1


def test_an_unknown_invoice_or_card_charges_nobody():
    """404 and a foreign card are NOT_SUBMITTED with their reasons."""
    here = site()
    invoice = here.fail_ada()
    missing = here.charger.pay(
        InvoiceId("in_none"), payment_method=card_of(here, invoice), idempotency_key=f"fp1:{ACCOUNT}:in_none:1"
    )
    assert isinstance(missing, NotSubmitted)
    assert missing.reason is NotSubmittedReason.INVOICE_MISSING
    foreign = here.charger.pay(
        invoice.id, payment_method=PaymentMethodId("pm_none"), idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1"
    )
    assert isinstance(foreign, NotSubmitted)
    assert foreign.reason is NotSubmittedReason.NO_PAYMENT_METHOD


def test_a_voided_invoice_is_nothing_to_pay():
    """Somebody voided it between our read and the call."""
    here = site()
    invoice = here.fail_ada()
    card = card_of(here, invoice)
    control.void_invoice(here.world, invoice.id)
    outcome = here.charger.pay(invoice.id, payment_method=card, idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1")
    assert isinstance(outcome, NothingToPay)


def test_keys_that_may_only_read_cannot_charge():
    """The missing permission is named; reading goes on."""
    reads = [
        "rak_charge_read",
        "rak_customer_read",
        "rak_payment_intent_read",
        "rak_invoice_read",
        "rak_subscription_read",
    ]
    here = site(permissions=reads)
    invoice = here.fail_ada()
    outcome = pay(here, invoice)
    assert isinstance(outcome, NotSubmitted)
    assert outcome.reason is NotSubmittedReason.PERMISSION_MISSING
    assert "rak_invoice_write" in outcome.because
    with pytest.raises(OperatorError) as caught:
        here.writer.mark_uncollectible(invoice.id, idempotency_key="k")
    assert "rak_invoice_write" in caught.value.message


def test_a_revoked_key_is_refused_by_name():
    """A 401 stops charging and reading at once."""
    here = site()
    invoice = here.fail_ada()
    card = card_of(here, invoice)
    here.vault.values["PRIMARY"] = "rk_test_NobodyKnowsThisKey000"
    fresh = here.gateways._ring
    fresh.forget(here.integration)
    outcome = here.charger.pay(invoice.id, payment_method=card, idempotency_key=f"fp1:{ACCOUNT}:{invoice.id}:1")
    assert isinstance(outcome, NotSubmitted)
    assert outcome.reason is NotSubmittedReason.KEY_REFUSED
    with pytest.raises(OperatorError) as caught:
        here.reader.invoice(invoice.id)
    assert caught.value.code == "E-stripe-401"
    assert "NobodyKnows" not in str(caught.value)


def test_final_actions_and_their_second_time():
    """Cancel, write off and tag each work once, and tell the second time that it is so already."""
    here = site()
    invoice = here.fail_ada()
    subscription = invoice.subscription
    assert subscription is not None
    assert here.writer.stop_auto_advance(invoice.id, idempotency_key="k0") is WriteResult.DONE
    assert there(here.reader.invoice(invoice.id)).auto_advance is False
    assert here.writer.cancel_now(subscription, prorate=False, comment="fp case 1") is WriteResult.DONE
    canceled = there(here.reader.subscription(subscription))
    assert (canceled.status, canceled.cancellation_comment) == (SubscriptionStatus.CANCELED, "fp case 1")
    assert here.writer.cancel_now(subscription, prorate=False, comment="x") in (
        WriteResult.ALREADY,
        WriteResult.MISSING,
    )
    assert here.writer.mark_uncollectible(invoice.id, idempotency_key="k1") is WriteResult.DONE
    assert here.writer.mark_uncollectible(invoice.id, idempotency_key="k1") is WriteResult.DONE
    assert here.writer.mark_uncollectible(invoice.id, idempotency_key="k2") is WriteResult.ALREADY
    tag = {"fp-uncollectible": "true"}
    assert here.writer.tag_invoice(invoice.id, tag, idempotency_key="k3") is WriteResult.DONE
    assert here.writer.tag_subscription(subscription, tag, idempotency_key="k4") is WriteResult.DONE
    marked = there(here.reader.invoice(invoice.id))
    assert (marked.status, marked.metadata) == (InvoiceStatus.UNCOLLECTIBLE, tag)
    assert there(here.reader.subscription(subscription)).metadata == tag
    assert here.writer.cancel_now(SubscriptionId("sub_none"), prorate=True, comment="x") is WriteResult.MISSING
    assert here.writer.tag_invoice(InvoiceId("in_none"), tag, idempotency_key="k5") is WriteResult.MISSING


WRITE_FAULTS = [
    ("refused", WriteResult.NOT_DONE),
    ("429_lock", WriteResult.NOT_DONE),
    ("lost_answer", WriteResult.UNKNOWN),
    ("500", WriteResult.UNKNOWN),
    ("409", WriteResult.UNKNOWN),
]


@pytest.mark.parametrize(("kind", "result"), WRITE_FAULTS)
def test_faults_of_writes(kind, result):
    """Unknown is not failed for writes either."""
    here = site()
    invoice = here.fail_ada()
    here.transport.faults.add(kind, method="POST", path="/v1/invoices/*")
    assert here.writer.mark_uncollectible(invoice.id, idempotency_key="k") is result


@pytest.mark.parametrize("kind", ["refused", "timeout_before", "lost_answer", "500", "429_lock", "409"])
def test_faults_of_reads_can_wait(kind):
    """Every fault of a read is TryLater, and the next read works."""
    here = site()
    invoice = here.fail_ada()
    here.transport.faults.add(kind, method="GET")
    with pytest.raises(TryLater):
        here.reader.invoice(invoice.id)
    assert here.reader.invoice(invoice.id) is not None


def test_long_lists_are_read_to_their_end():
    """More failed invoices than one page holds are all found."""
    book = {"name": "b", "count": 230, "price": "gold", "world": "us-mixed", "started_within_days": 28}
    here = site(books=[book])
    (account,) = here.world.sim.accounts.values()
    for customer in account.table("customer").rows:
        control.decline(here.world, customer, "insufficient_funds")
    here.world.advance_to(here.world.now + 31 * 86_400)
    found = here.reader.open_invoices(EPOCH)
    assert len(found) > 100
    assert {invoice.id for invoice in found} == {
        row["id"] for row in control.open_invoices(here.world) if row["status"] == "open"
    }


def test_the_simulators_clock_is_seen():
    """Every answer says what time it is for the simulator."""
    here = site()
    here.fail_ada()
    assert here.gateways.connection.simulator_clock == Instant.from_seconds(here.world.now)
